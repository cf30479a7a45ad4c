"""How much of each MakeHuman target a random person has: age, sex, ancestry, build, features, asymmetry, expression.

Every target's weight is a product of a few factors, as in MakeHuman: ``asian-female-old`` has the weight of *asian*
times *female* times *old*. All factors of a batch stand in one table with a column for each.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions

_RACES = ("african", "asian", "caucasian")
_SEXES = ("female", "male")
_AGES = ("baby", "child", "young", "old")  # about 1, 11, 25 and 90 years
_SIZES = (0.55, 0.85, 1.0, 1.0)  # of the head at these ages: an adult's targets move a child's face by less
# From babies (0) over children of 11 years (1) a fifth of the way to young adults of 25 (2).
CHILDHOOD = (0.0, 1.2)
# From young adults to old people (3).
ADULTHOOD = (2.0, 3.0)
_LEVELS = ("min", "average", "max")
_SHARE_OF_AGES = (0.12, 0.33)  # below the first: baby to child; below the second: child to young; else to old

_EXPRESSION = "expression/units/"
# Targets that shift or turn the whole head, or belong to the body.
_UNUSED = re.compile(r"head/head-(trans|angle)|neck/(measure|neck-scale-vert)|asym/asymm-")
_ENDINGS = {
    "incr": "decr",
    "up": "down",
    "out": "in",
    "forward": "backward",
    "convex": "concave",
    "uncompress": "compress",
}
# Shifts of the whole nose or mouth to one side are asymmetry, like the targets of that name.
_SIDEWAYS = ("nose/nose-trans", "mouth/mouth-trans")
_SKEWED = re.compile(r"asym/|.*-sideways")

_FEATURE_SHARE, _FEATURE_DEVIATION = 0.35, 0.45
# MakeHuman's average nose protrudes 15 mm, that of 85 real people 21 mm.
_AVERAGE = {"nose/nose-scale-depth": 0.4}
_SKEW_SHARE, _SKEW_SCALE = 0.3, 1.2
_LARGEST_WEIGHT, _LARGEST_MOVE = 0.85, 8.0  # of a feature's target; millimetres
_MOUTH_SUM = 0.9  # of all units of the mouth but its opening


class TargetWeights:
    """Draws weights (B, T) of the targets in [0, 1].

    Parameters
    ----------
    names : names of the targets, paths below ``targets/`` without ending
    reach : Tensor, shape (T,), the farthest that each target moves a vertex, millimetres

    Attributes
    ----------
    ages : (youngest, oldest), from 0 for babies to 3 for old people, drawn evenly; None for people of all ages as they
        come before a scanner
    """

    ages: tuple[float, float] | None = None

    def __init__(self, names: tuple[str, ...], reach: Tensor) -> None:
        self.device = reach.device
        factors = [_factors(name) for name in names]
        self.columns = {"": 0, **{name: i for i, name in enumerate(sorted(set(sum(factors, ()))), start=1)}}
        most = max(len(of_target) for of_target in factors)
        padded = [
            [self.columns[name] for name in (*of_target, *[""] * (most - len(of_target)))] for of_target in factors
        ]
        self.index = torch.tensor(padded, device=self.device)
        self.features = Features([name for name in names if _is_feature(name)])
        limits = {
            name: min(_LARGEST_WEIGHT, _LARGEST_MOVE / float(far))
            for name, far in zip(names, reach.tolist(), strict=True)
        }
        self.limits = torch.tensor([limits[name] for name in self.features.names], device=self.device)
        self.units = tuple(sorted({_unit(name) for name in names if name.startswith(_EXPRESSION)}))

    @staticmethod
    def uses(name: str) -> bool:
        """Whether the target of this name shapes a head."""
        return _UNUSED.match(name) is None

    def average_adult(self) -> Tensor:
        """Weights (T,) of the mean of young women and men of all ancestries."""
        table = self._table(1)
        self._fill(table, _RACES, torch.full((1, 3), 1 / 3))
        self._fill(table, _SEXES, torch.full((1, 2), 1 / 2))
        self._fill(table, ("young", "averagemuscle", "averageweight"), torch.ones(1, 3))
        return self._products(table)[0]

    def draw(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Weights (count, T) of random people."""
        table = self._table(count)
        self._fill(table, _RACES, torch.softmax(draw.normal(2.5, count, 3), dim=1))
        male = draw.uniform(-0.3, 1.3, count).clamp(0.0, 1.0)
        self._fill(table, _SEXES, torch.stack([1.0 - male, male], 1))
        ages = _draw_ages(draw, count, self.ages)
        size = (ages @ torch.tensor(_SIZES, device=ages.device))[:, None]
        self._fill(table, _AGES, ages)
        for trait in ("muscle", "weight"):
            self._fill(table, tuple(level + trait for level in _LEVELS), _between(3, draw.uniform(0.0, 2.0, count)))
        self._fill(table, self.features.names, size * self.features.draw(options, draw, count).minimum(self.limits))
        units = draw_units(self.units, options, draw, count)
        lids = torch.tensor([name.startswith("eye-") for name in self.units], dtype=torch.bool, device=units.device)
        self._fill(table, self.units, torch.where(lids, units, size * units))
        return self._products(table)

    def _table(self, count: int) -> Tensor:
        table = torch.zeros(count, len(self.columns), device=self.device)
        table[:, 0] = 1.0
        return table

    def _fill(self, table: Tensor, names: tuple[str, ...], values: Tensor) -> None:
        """Write a factor's column where a target uses it."""
        used = [(self.columns[name], i) for i, name in enumerate(names) if name in self.columns]
        if used:
            columns, sources = zip(*used, strict=True)
            table[:, list(columns)] = values[:, list(sources)].to(table)

    def _products(self, table: Tensor) -> Tensor:
        return table[:, self.index].prod(2)


class Features:
    """The targets of single features, and which are opposites or the two sides of one."""

    def __init__(self, names: list[str]) -> None:
        self.names = tuple(sorted(names))
        signed = [_signed(name) for name in self.names]
        scales = {scale: i for i, scale in enumerate(sorted({scale for scale, _ in signed}))}
        self.scale = [scales[scale] for scale, _ in signed]
        self.sign = [sign for _, sign in signed]
        self.skewed = [i for scale, i in scales.items() if _SKEWED.match(scale)]
        self.sides = [
            (i, scales[_left(scale)]) for scale, i in scales.items() if _left(scale) in scales and _left(scale) != scale
        ]
        self.count = len(scales)
        self.average = [_AVERAGE.get(scale, 0.0) for scale in scales]

    def draw(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Weights (count, targets) >= 0: a third of the features differ from the average, one way or the other."""
        deviation = _FEATURE_DEVIATION * options.identity / ShapeOptions().identity
        values = draw.normal(deviation, count, self.count) * draw.chance(_FEATURE_SHARE, count, self.count)
        values = values + torch.tensor(self.average, device=values.device)
        skew = draw.normal(_SKEW_SCALE * options.asymmetry, count, self.count)
        skew = skew * draw.chance(_SKEW_SHARE, count, self.count)
        values[:, self.skewed] = skew[:, self.skewed]
        if self.sides:
            right, left = (list(ids) for ids in zip(*self.sides, strict=True))
            values[:, right] = values[:, left] + skew[:, right]
        return (values[:, self.scale] * torch.tensor(self.sign, device=values.device)).clamp(min=0.0)


def draw_units(names: tuple[str, ...], options: ShapeOptions, draw: Draw, count: int) -> Tensor:
    """Weights (count, E) in [0, 1] of the units of expression; left and right agree in half of the faces."""
    column = {name: i for i, name in enumerate(names)}
    weights = draw.uniform(0.0, 0.8, count, len(names)) * draw.chance(0.14, count, len(names))
    paired = draw.chance(0.5, count)
    for name, right in column.items():
        left = column.get(name.replace("-right-", "-left-"), right)
        weights[:, right] = torch.where(paired, weights[:, left], weights[:, right])
    mouth = [i for name, i in column.items() if name.startswith("mouth-") and name != "mouth-open"]
    weights[:, mouth] *= _MOUTH_SUM / weights[:, mouth].sum(1, keepdim=True).clamp(min=_MOUTH_SUM)
    jaw = draw.uniform(0.0, 0.8, count) * draw.chance(0.25, count)
    if "mouth-open" in column:
        weights[:, column["mouth-open"]] = jaw
    weights *= draw.chance(options.expressive, count, 1)
    blink = draw.uniform(0.3, 1.0, count) * draw.chance(options.blink, count)
    for closure in (name for name in names if name.endswith("-closure")):
        closed = torch.maximum(weights[:, column[closure]], blink)
        weights[:, column[closure]] = closed
        for other in ("-opened-up", "-slit"):
            if (name := closure.replace("-closure", other)) in column:
                weights[:, column[name]] *= 1.0 - closed
    return weights


def _draw_ages(draw: Draw, count: int, ages: tuple[float, float] | None) -> Tensor:
    """Weights (count, 4) of baby, child, young, old: two neighbours share each person."""
    if ages is not None:
        return _between(4, draw.uniform(*ages, count))
    which, within = draw.uniform(0.0, 1.0, count), draw.uniform(0.0, 1.0, count)
    first = (which > _SHARE_OF_AGES[0]).float() + (which > _SHARE_OF_AGES[1]).float()
    return _between(4, first + within)


def _between(levels: int, position: Tensor) -> Tensor:
    """Weights (count, levels) of the two levels on either side of a position in [0, levels - 1]."""
    return (1.0 - (position[:, None] - torch.arange(levels, device=position.device)).abs()).clamp(min=0.0)


def _factors(name: str) -> tuple[str, ...]:
    """Names of the columns whose product is the target's weight."""
    if name.startswith("macrodetails/"):
        return tuple(part for part in name.removeprefix("macrodetails/").split("-") if part != "universal")
    if name.startswith(_EXPRESSION):
        return name.removeprefix(_EXPRESSION).split("/")[0], _unit(name)
    return (name,)


def _is_feature(name: str) -> bool:
    return not name.startswith(("macrodetails/", _EXPRESSION))


def _unit(name: str) -> str:
    return name.rsplit("/", 1)[1]


def _signed(name: str) -> tuple[str, float]:
    """The scale that a target belongs to, and its direction on it: 'nose-hump-decr' is -1 on 'nose-hump'."""
    stem, _, ending = name.rpartition("-")
    if name.startswith("asym/"):
        return stem, 1.0 if ending == "l" else -1.0
    if stem in _SIDEWAYS and ending in ("in", "out"):
        return stem + "-sideways", 1.0 if ending == "out" else -1.0
    if ending in _ENDINGS:
        return stem, 1.0
    if ending in _ENDINGS.values():
        return stem, -1.0
    return name, 1.0


def _left(scale: str) -> str:
    """The left side's scale of a right side's one."""
    return scale.replace("/r-", "/l-")

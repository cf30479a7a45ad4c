"""Age and pathology of generated faces: what the face model's own people do not show."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from research.synthesis.age import age_fields
from research.synthesis.eyelids import eyelid_fields
from research.synthesis.landmark_fields import LandmarkFields
from research.synthesis.pathology import SIDES, pathology_fields
from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw

# A cleft opened further than this share leaves no philtral column and no lip border to mark.
_LANDMARKS_LOST = 0.45
_LOST = {
    "r": ("cph_r", "ibug50", "ibug61"),
    "l": ("cph_l", "ibug52", "ibug63"),
    "both": ("ls", "spl", "sts", "ibug51", "ibug62"),
}


@dataclass(frozen=True, kw_only=True)
class AnatomyOptions:
    """Share of faces that show each; 0 switches it off. A face may show several.

    Parameters
    ----------
    child : towards the proportions of a child of three years, in any degree; such a face is never old.
    old : sagging, larger nose and ears, thin lips.
    deficiency : one side smaller by up to a fifth, the chin drawn to it.
    mandible : chin up to 12 mm back or forward, 10 mm aside, 6 mm up or down, the lips following partly.
    orbit : eyes up to 4 mm each further apart or closer.
    nose : deviated up to 8 mm, hump, saddle, tip up or down.
    cleft : lip cleft on one side or both, from a repaired notch to open up to the nostril. Open, the landmarks at its
        place do not exist.
    swelling : cheek, jaw angle, lids up to 12, 12 and 4 mm, on one side or both, or lips up to 6 mm.
    palsy : one side hangs.
    narrow_fissure : lids up to 4.5 mm closer to each other, and the corners of each eye up to 5 mm.
    """

    child: float = 0.12
    old: float = 0.12
    deficiency: float = 0.04
    mandible: float = 0.10
    orbit: float = 0.04
    nose: float = 0.08
    cleft: float = 0.03
    swelling: float = 0.06
    palsy: float = 0.04
    narrow_fissure: float = 0.15


class Anatomy:
    """Warps generated faces.

    Every warp is a displacement field on the population's mesh, built once from its average face and landmarks, and is
    added with a random strength, as expressions are. A warp whose landmarks the population lacks is left out.

    Parameters
    ----------
    model : Population
    options : AnatomyOptions, optional
    """

    def __init__(self, model: Population, options: AnatomyOptions | None = None) -> None:
        self.options = options or AnatomyOptions()
        fields = LandmarkFields.of(model)
        made = {**age_fields(fields), **pathology_fields(fields), **eyelid_fields(fields)}
        kept = {name: field for name, field in made.items() if field is not None}
        self.names = tuple(kept)
        stacked = torch.stack(list(kept.values())) if kept else torch.zeros(0, len(model.neutral), 3)
        self.fields = stacked.to(model.device)
        self._lost = {
            side: torch.tensor([label in labels for label in model.labels], device=model.device)
            for side, labels in _LOST.items()
        }

    def apply(self, vertices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Warped vertices (B, V, 3) and which landmarks (B, L) still exist.

        Parameters
        ----------
        vertices : Tensor, shape (B, V, 3)
            Roughly in the head frame, millimetres of the person.
        """
        strengths = self.strengths(draw, len(vertices))
        return self.warped(vertices, strengths), self.existing(strengths, len(vertices))

    def warped(self, vertices: Tensor, strengths: dict[str, Tensor]) -> Tensor:
        """Vertices (B, V, 3) with the fields added; ``strengths`` (B,) by name, those not named are zero."""
        weights = vertices.new_zeros(len(vertices), len(self.names))
        for column, name in enumerate(self.names):
            if name in strengths:
                weights[:, column] = strengths[name]
        return vertices + (weights @ self.fields.flatten(1)).view_as(vertices)

    def existing(self, strengths: dict[str, Tensor], count: int) -> Tensor:
        """Which landmarks (B, L) exist."""
        none = torch.zeros(count, device=self.fields.device)
        clefts = {side: strengths.get("cleft_" + side, none) for side in SIDES if "cleft_" + side in self.names}
        open_on = {side: clefts.get(side, none) > _LANDMARKS_LOST for side in SIDES}
        open_on["both"] = open_on["r"] & open_on["l"]
        lost = [is_open[:, None] & self._lost[side] for side, is_open in open_on.items()]
        return ~torch.stack(lost).any(0)

    def strengths(self, draw: Draw, count: int) -> dict[str, Tensor]:
        """Random strength (B,) of every field."""
        found = {**self._age(draw, count), **self._mandible(draw, count), **self._nose(draw, count)}
        found |= {**self._swelling(draw, count), **self._cleft(draw, count)}
        found |= self._fissures(draw, count)
        found["orbit"] = draw.uniform(-4.0, 4.0, count) * draw.chance(self.options.orbit, count)
        deficient = draw.uniform(0.03, 0.2, count) * draw.chance(self.options.deficiency, count)
        palsy = draw.uniform(0.3, 1.1, count) * draw.chance(self.options.palsy, count)
        for name, strength in (("deficient", deficient), ("palsy", palsy)):
            left = draw.chance(0.5, count)
            found |= {name + "_l": strength * left, name + "_r": strength * ~left}
        return found

    def _age(self, draw: Draw, count: int) -> dict[str, Tensor]:
        is_child = draw.chance(self.options.child, count)
        child = draw.uniform(0.15, 1.1, count) * is_child
        old = draw.uniform(0.3, 1.2, count) * draw.chance(self.options.old, count) * ~is_child
        return {"child": child, "old": old}

    def _mandible(self, draw: Draw, count: int) -> dict[str, Tensor]:
        shown = draw.chance(self.options.mandible, count)
        return {
            "mandible_forward": draw.uniform(-12.0, 12.0, count) * shown,
            "mandible_side": draw.uniform(-10.0, 10.0, count) * shown * draw.chance(0.5, count),
            "mandible_down": draw.uniform(-6.0, 6.0, count) * shown,
        }

    def _nose(self, draw: Draw, count: int) -> dict[str, Tensor]:
        shown = draw.chance(self.options.nose, count)
        return {
            "nose_side": draw.uniform(-8.0, 8.0, count) * shown * draw.chance(0.6, count),
            "nose_bridge": draw.uniform(-6.0, 5.0, count) * shown * draw.chance(0.6, count),
            "nose_tip": draw.uniform(-4.0, 5.0, count) * shown * draw.chance(0.5, count),
        }

    def _fissures(self, draw: Draw, count: int) -> dict[str, Tensor]:
        shown = draw.chance(self.options.narrow_fissure, count)
        return {
            "fissure_narrow": draw.uniform(0.5, 3.0, count) * shown * draw.chance(0.8, count),
            "fissure_short": draw.uniform(-0.5, 2.5, count) * shown * draw.chance(0.5, count),
        }

    def _cleft(self, draw: Draw, count: int) -> dict[str, Tensor]:
        strength = draw.uniform(0.2, 1.1, count) * draw.chance(self.options.cleft, count)
        both, left = draw.chance(0.3, count), draw.chance(0.6, count)
        found = {"cleft_l": strength * (both | left), "cleft_r": strength * (both | ~left)}
        return {**found, "premaxilla": strength * both}

    def _swelling(self, draw: Draw, count: int) -> dict[str, Tensor]:
        shown = draw.chance(self.options.swelling, count)
        both, left = draw.chance(0.4, count), draw.chance(0.5, count)
        found: dict[str, Tensor] = {}
        for region, (low, high), share in (
            ("cheek", (2.0, 12.0), 0.6),
            ("jaw", (2.0, 12.0), 0.4),
            ("lid", (1.0, 4.0), 0.25),
        ):
            height = draw.uniform(low, high, count) * shown * draw.chance(share, count)
            found |= {region + "_l": height * (both | left), region + "_r": height * (both | ~left)}
        for lip in ("upper_lip", "lower_lip"):
            found[lip] = draw.uniform(1.0, 6.0, count) * shown * draw.chance(0.4, count)
        return found

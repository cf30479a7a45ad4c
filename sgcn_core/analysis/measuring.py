"""Measure a case: values with 95 % intervals from the covariance of the landmarks, and the lines of its analyses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.definitions import Definitions, DerivedPoint, LineDefinition, Measurement
from sgcn_core.analysis.formula import Formula, Scene, parse_formula
from sgcn_core.analysis.geodesic import SurfaceWays
from sgcn_core.analysis.head_frame import FrameRecipe, Horizontal, unit
from sgcn_core.analysis.table import AnalysisLine, MeasuredValue, MeasurementTable

FloatArray = NDArray[np.float64]

NORMAL_95 = 1.959964
_NOT_NEGATIVE = ("distance(", "geodesic(", "to_line(")


def measure(
    case: AnalysisCase,
    *,
    analyses: Iterable[str] | None = None,
    definitions: Definitions | None = None,
    horizontal: Horizontal | str | ArrayLike | None = None,
    plane: tuple[ArrayLike, ArrayLike] | None = None,
) -> MeasurementTable:
    """Measure a case.

    The standard deviation of a value follows from the covariance of its landmarks, taken as independent of each other,
    by central differences over one standard deviation along every axis, with the part of second order (DD2 filter of
    Norgaard, Poulsen and Ravn 2000, without its mixed terms). The 95 % interval is the value with 1.96 of it on either
    side; that of a length, or of a ratio of lengths, does not go below 0.

    Parameters
    ----------
    case : AnalysisCase
    analyses : iterable of str, optional
        Names of analyses, groups or measurements; by default all measurements, and the lines of no analysis.
    definitions : Definitions, optional
        By default those of the package.
    horizontal : Horizontal, str or array_like (3,), optional
        What stands for the horizontal, see :meth:`sgcn_core.analysis.head_frame.Horizontal.parse`. Without it what
        needs a natural head position is not available.
    plane : (point, normal), optional
        A midsagittal plane to use instead of the one between the corners of the eyes, normal to the subject's left.

    Returns
    -------
    MeasurementTable

    Raises
    ------
    SettingsError
        Unknown analysis or horizontal.
    """
    known = definitions or Definitions.load()
    names = None if analyses is None else list(analyses)
    given = horizontal if horizontal is None or isinstance(horizontal, Horizontal) else Horizontal.parse(horizontal)
    ruler = _Ruler(case, known, FrameRecipe.of(case.has, horizontal=given, plane=plane))
    values = tuple(ruler.value(each) for each in known.chosen(names))
    lines = tuple(
        line
        for name in names or ()
        if name in known.analyses
        for definition in known.analyses[name].lines
        if (line := ruler.line(name, definition)) is not None
    )
    info = {"head frame": ruler.recipe.about, "landmarks": dict(case.info)}
    return MeasurementTable(name=case.name, values=values, lines=lines, info=info)


class _Unmeasurable(Exception):
    """Why something cannot be measured: landmarks that lack, or another reason."""

    def __init__(self, *, missing: tuple[str, ...] = (), reason: str = "") -> None:
        super().__init__(reason)
        self.missing, self.reason = missing, reason


@dataclass(frozen=True, eq=False)
class _Ruler:
    """Evaluates formulas on one case."""

    case: AnalysisCase
    definitions: Definitions
    recipe: FrameRecipe
    _derived: dict[str, Formula] = field(default_factory=dict)

    @cached_property
    def ways(self) -> SurfaceWays | None:
        return None if self.case.surface is None else SurfaceWays(self.case.surface)

    def value(self, measurement: Measurement) -> MeasuredValue:
        """A measurement of the case."""
        formula = measurement.parsed
        if formula is None:
            return MeasuredValue(measurement, status="not available", reason=measurement.reason)
        try:
            value, spread = self._estimated(formula)
        except _Unmeasurable as why:
            status = "missing" if why.missing else "not available"
            return MeasuredValue(measurement, status=status, reason=why.reason, missing=why.missing)
        if not np.isfinite(spread):
            return MeasuredValue(measurement, value=value, reason="the landmarks' errors are not known")
        half = NORMAL_95 * spread
        low = value - half
        if value >= 0 and "-" not in measurement.formula and any(each in measurement.formula for each in _NOT_NEGATIVE):
            low = max(low, 0.0)
        reliable = half <= measurement.limit
        reason = "" if reliable else f"the 95 % interval is wider than +-{measurement.limit:g} {measurement.unit}"
        status = "ok" if reliable else "not reliable"
        return MeasuredValue(measurement, value, spread, low, value + half, status=status, reason=reason)

    def line(self, analysis: str, definition: LineDefinition) -> AnalysisLine | None:
        """A line of an analysis; None where its points or the horizontal are not there."""
        try:
            start = self._point(definition.start)
            if definition.direction:
                along = self._direction(definition.direction)
                return AnalysisLine(
                    definition.name,
                    analysis,
                    start - definition.beyond * along,
                    start + definition.beyond * along,
                )
            end = self._point(definition.end)
        except _Unmeasurable:
            return None
        along = unit(end - start)
        return AnalysisLine(
            definition.name, analysis, start - definition.beyond * along, end + definition.beyond * along
        )

    def _point(self, text: str) -> FloatArray:
        formula = parse_formula(text)
        labels = self._labels(formula)
        point: FloatArray = formula.evaluate(self._scene(formula, self._base(labels)))[0]
        return point

    def _direction(self, name: str) -> FloatArray:
        if self.recipe.true_reason:
            raise _Unmeasurable(reason=self.recipe.true_reason)
        frame = self.recipe.frame(self._base(self.recipe.labels))
        direction: FloatArray = getattr(frame, name.removeprefix("true_"))[0]
        return direction

    def _estimated(self, formula: Formula) -> tuple[float, float]:
        """Value of a formula and its standard deviation, NaN where the errors are not known."""
        labels = self._labels(formula)
        self._check_points(formula)
        places = [self.case.index(label) for label in labels]
        axes = np.stack([_root(self.case.covariance[place]) for place in places])  # (n, 3, 3), rows of one SD
        known = bool(np.isfinite(axes).all())
        moves = np.zeros((1 + 6 * len(places), len(places), 3))
        for number in range(len(places)):
            rows = 1 + 6 * number
            moves[rows : rows + 3, number] = axes[number] if known else 0.0
            moves[rows + 3 : rows + 6, number] = -axes[number] if known else 0.0
        points = {
            label: self.case.positions[place] + moves[:, number]
            for number, (label, place) in enumerate(zip(labels, places, strict=True))
        }
        with np.errstate(all="ignore"):
            results = formula.evaluate(self._scene(formula, points))
        results = np.broadcast_to(results, (len(moves),))
        value = float(results[0])
        if not np.isfinite(value):
            lost = "surface" in formula.needs
            raise _Unmeasurable(reason="no way over the surface" if lost else "the points leave it undefined")
        if not known:
            return value, float("nan")
        by_point = results[1:].reshape(len(places), 2, 3)
        plus, minus = by_point[:, 0], by_point[:, 1]
        variance = ((plus - minus) ** 2).sum() / 4.0 + ((plus + minus - 2.0 * value) ** 2).sum() / 2.0
        return value, float(np.sqrt(variance))

    def _scene(self, formula: Formula, points: Mapping[str, FloatArray]) -> Scene:
        frame = self.recipe.frame(points) if formula.needs & {"left", "up", "horizontal"} else None
        geodesic = self.ways.lengths if self.ways is not None and "surface" in formula.needs else None
        scene: Scene

        def point(name: str) -> FloatArray:
            if name in points:
                return points[name]
            return self._formula_of(name).evaluate(scene)

        scene = Scene(point, frame, geodesic)
        return scene

    def _base(self, labels: Iterable[str]) -> dict[str, FloatArray]:
        return {label: self.case.position(label)[None, :] for label in labels}

    def _formula_of(self, name: str) -> Formula:
        if name not in self._derived:
            self._derived[name] = parse_formula(self.definitions.points[name].formula)
        return self._derived[name]

    def _point_of(self, name: str) -> DerivedPoint | None:
        """The derived point that a name stands for, None where the case has the landmark itself."""
        return None if self.case.has(name) else self.definitions.points.get(name)

    def _labels(self, formula: Formula) -> tuple[str, ...]:
        """Landmarks of the case on which a formula depends.

        Raises
        ------
        _Unmeasurable
            Landmarks, the surface or a direction of the head lack.
        """
        labels: dict[str, None] = {}
        for name in formula.names:
            derived = self._point_of(name)
            labels.update(dict.fromkeys((name,) if derived is None else self._labels(self._formula_of(name))))
        lacking = tuple(label for label in labels if not self.case.has(label))
        if lacking:
            raise _Unmeasurable(missing=lacking)
        for need, reason in (
            ("surface", "" if self.case.surface is not None else "needs the surface"),
            ("horizontal", self.recipe.true_reason),
            ("up", self.recipe.upright_reason),
            ("left", self.recipe.reason),
        ):
            if need in formula.needs and reason:
                raise _Unmeasurable(reason=reason)
        if formula.needs & {"left", "up", "horizontal"}:
            labels.update(dict.fromkeys(self.recipe.labels))
        return tuple(labels)

    def _check_points(self, formula: Formula) -> None:
        """Raise where the condition of a derived point is not met."""
        for name in formula.names:
            derived = self._point_of(name)
            if derived is None or not derived.condition:
                continue
            condition = parse_formula(derived.condition)
            length = condition.evaluate(self._scene(condition, self._base(self._labels(condition))))[0]
            if not length <= derived.at_most:
                raise _Unmeasurable(reason=f"{derived.reason} ({derived.condition} is {length:.1f} mm)")


def _root(covariance: FloatArray) -> FloatArray:
    """Rows (3, 3) of one standard deviation along the axes of a covariance; NaN where it is not known."""
    if not np.isfinite(covariance).all():
        return np.full((3, 3), np.nan)
    sizes, directions = np.linalg.eigh(covariance)
    rows: FloatArray = (directions * np.sqrt(np.maximum(sizes, 0.0))).T
    return rows

"""Comparison of the landmarks of a node with those of another date, or of another observer."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..messages import _
from ..scene.nodes import ReviewError
from ..scene.provenance import unit_in_mm
from . import findings, registering
from .case import case_of, to_world
from .computed import source_of
from .drawing import draw_arrows
from .maps import SHOWN_ON, distance_steps, finished
from .registering import Registering, scan_of
from .tables import Curve, draw_chart, fill_table

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.table import MeasuredValue

    from .session import Planning

    _Values = tuple[MeasuredValue, ...]

CHANGES, AGREEMENT = "changes", "agreement"
"""Roles of the tables."""
OTHER = "other landmarks"
"""The source that the landmarks are compared with."""
# Two people differ by less on one scan; two scans lie further apart as a rule.
_SAME_SCAN_MM = 15.0
_CHANGE_CHART, _AGREEMENT_CHART = "chart of changes", "chart of agreement"


class Comparing:
    """Compares with another markups node; a part of :class:`Planning`.

    Parameters
    ----------
    planning : Planning
    """

    tables = (CHANGES, AGREEMENT)

    def __init__(self, planning: Planning) -> None:
        self._planning, self._registering = planning, Registering(planning.nodes)

    def dates(self, other: Any, other_model: Any, regions: Sequence[str]) -> Generator[float, None, str]:
        """Compare with the landmarks of a later date, registered on a stable region; returns a sentence on it.

        The arrows start at the landmarks of the first date.

        Parameters
        ----------
        other : vtkMRMLMarkupsNode
        other_model : vtkMRMLModelNode or None, the scan that they lie on where that is not known
        regions : of sgcn_core, what has not changed

        Raises
        ------
        ValueError
            The landmarks of the region are missing in one of both.
        """
        from sgcn_core.analysis.comparison import compare, measurement_changes

        first, second = self._cases(other)
        later = scan_of(other, other_model)
        about = self._about(other, later, regions)
        registration, *_scans = yield from self._registering.steps(self._planning.surface, other, later, regions)
        found = compare(first, second, registration)
        before, after = yield from self._measured(other)
        changes = measurement_changes(
            [each.measurement.title for each in before],
            *_columns(before, after),
            units=[each.measurement.unit for each in before],
        )
        rows = [
            findings.change_row(change, findings.definition_of(value))
            for change, value in zip(changes, before, strict=True)
        ]
        self._fill(CHANGES, _("Changes"), findings.CHANGE_COLUMNS, [*rows, *findings.displacement_rows(found)], about)
        starts = np.array([each.start for each in found.displacements])
        ends = starts + np.array([each.vector for each in found.displacements])
        landmarks = self._planning.landmarks
        draw_arrows(
            self._planning.nodes,
            to_world(starts, landmarks),
            to_world(ends, landmarks),
            [bool(each.moved) for each in found.displacements],
            1.0 / unit_in_mm(landmarks),
            **about,
        )
        moved = [each for each in found.displacements if each.moved]
        text = _("{moved} of {count} landmarks moved by more than their errors explain (orange arrows).")
        said = text.format(moved=len(moved), count=len(found.displacements))
        return f"{said} {registering.about(registration)}"

    def change_map(self, other: Any, other_model: Any, regions: Sequence[str]) -> Generator[float, None, str]:
        """Colour the scan of the later date by its distance to that of the first, after registration; in small steps.

        Raises
        ------
        ValueError
            A scan is missing, or the registration is not possible.
        """
        self._cases(other)
        model, later = self._planning.needed_surface(), scan_of(other, other_model)
        if later is None:
            raise ReviewError(_("Choose the scan of the other landmarks."))
        if later is model:
            raise ReviewError(_("Both landmarks lie on the same scan; choose the scan of the other date."))
        sources = {OTHER: other, "first surface": model}
        as_of = self._planning.nodes.states({**sources, SHOWN_ON: later})
        registration, fixed, moving = yield from self._registering.steps(model, other, later, regions)
        assert fixed is not None and moving is not None
        moved = moving.transformed(registration.motion.as_matrix())
        distances = yield from distance_steps(moved, fixed)
        limit = self._planning.map.show(later, distances, _("Map of the change"), sources, as_of)
        return _(
            "Distance of {after} to {before}, up to {limit:g} mm: orange where it lies further out, blue where it lies "
            "further in, grey where there is no counterpart."
        ).format(after=later.GetName(), before=model.GetName(), limit=limit)

    def observers(self, other: Any) -> Generator[float, None, str]:
        """Compare with the landmarks of another observer on the same scan; returns a sentence on the agreement.

        Raises
        ------
        ValueError
            They have no landmark in common, or do not lie on the same scan.
        """
        from sgcn_core.analysis.observers import agreement

        first, second = self._cases(other)
        labels = [label for label in first.labels if label in second.labels]
        distances = [float(np.linalg.norm(first.position(label) - second.position(label))) for label in labels]
        known = [distance for distance in distances if np.isfinite(distance)]
        if not known:
            raise ReviewError(_("Both have no placed landmark in common."))
        if float(np.median(known)) > _SAME_SCAN_MM:
            raise ReviewError(
                _(
                    "Half of the landmarks lie more than {distance:.0f} mm apart: these are not two observers of one "
                    "scan. Choose Another date."
                ).format(distance=_SAME_SCAN_MM)
            )
        about = self._about(other)
        rows = [findings.distance_row(label, distance) for label, distance in zip(labels, distances, strict=True)]
        pairs = list(zip(*(yield from self._measured(other)), strict=True))
        rows += [
            findings.difference_row(
                a.measurement.title, a.measurement.unit, _number(a.value), _number(b.value), findings.definition_of(a)
            )
            for a, b in pairs
        ]
        self._fill(AGREEMENT, _("Agreement of observers"), findings.AGREEMENT_COLUMNS, rows, about)
        both = _in_mm(pairs)
        text = _("{count} landmarks, mean distance {mean:.1f} mm.").format(count=len(known), mean=float(np.mean(known)))
        return f"{text} {findings.agreement_sentence(agreement(both))}" if len(both) > 1 else text

    def plot(self, role: str) -> Any:
        """The changes against what can be detected, or the differences of two observers against their mean.

        Returns
        -------
        vtkMRMLPlotChartNode
        """
        return self._plot_changes() if role == CHANGES else self._plot_agreement()

    def _plot_changes(self) -> Any:
        from sgcn_core.analysis.comparison import measurement_changes

        other = self._other(CHANGES)
        before, after = finished(self._measured(other))
        kept = [(b, a) for b, a in zip(before, after, strict=True) if b.measurement.unit == "mm" and _both(b, a)]
        if not kept:
            raise ReviewError(_("No distance was measured in both; check an analysis and compare again."))
        names = [b.measurement.title for b, _a in kept]
        changes = measurement_changes(names, *_columns(*zip(*kept, strict=True)))
        data = {
            "measurement": names,
            "change": [each.difference for each in changes],
            "detectable": [each.detectable for each in changes],
            "minus detectable": [-each.detectable for each in changes],
        }
        curves = [
            Curve(_("change"), "change"),
            Curve(_("smallest detectable change"), "detectable", role="bound"),
            Curve(_("the same, less"), "minus detectable", role="bound"),
        ]
        title = _("Changes from {first} to {second}").format(
            first=self._planning.landmarks.GetName(), second=other.GetName()
        )
        return draw_chart(self._planning.nodes, _CHANGE_CHART, title, data, curves, ("", "mm"), sources={OTHER: other})

    def _plot_agreement(self) -> Any:
        """After Bland and Altman 1986."""
        from sgcn_core.analysis.observers import agreement

        other = self._other(AGREEMENT)
        pairs = [
            pair for pair in zip(*finished(self._measured(other)), strict=True) if pair[0].measurement.unit == "mm"
        ]
        pairs = [(a, b) for a, b in pairs if _both(a, b)]
        if len(pairs) < 2:
            raise ReviewError(_("Fewer than two distances were measured in both; check an analysis and compare again."))
        both = _in_mm(pairs)
        limits = agreement(both).pairs[0, 1]
        count = len(both)
        data: dict[str, Sequence[Any]] = {
            "measurement": [a.measurement.title for a, _b in pairs],
            "mean": both.mean(axis=1).tolist(),
            "difference": (both[:, 1] - both[:, 0]).tolist(),
            "bias": [limits.bias] * count,
            "lower limit": [limits.low] * count,
            "upper limit": [limits.high] * count,
        }
        curves = [
            Curve(_("difference"), "difference", "mean"),
            Curve(_("bias"), "bias", "mean", "line"),
            Curve(_("lower limit of agreement"), "lower limit", "mean", "line"),
            Curve(_("upper limit of agreement"), "upper limit", "mean", "line"),
        ]
        title = _("Bland-Altman: {second} less {first}").format(
            first=self._planning.landmarks.GetName(), second=other.GetName()
        )
        axes = (_("Mean of both, mm"), _("Difference, mm"))
        return draw_chart(self._planning.nodes, _AGREEMENT_CHART, title, data, curves, axes, sources={OTHER: other})

    def _about(self, other: Any, other_surface: Any = None, regions: Sequence[str] = ()) -> dict[str, Any]:
        """What is computed from, as it is now, and how."""
        given = {OTHER: other, "surface": self._planning.surface, "other surface": other_surface}
        used = {name: node for name, node in given.items() if node is not None and (regions or name == OTHER)}
        return {
            "sources": used,
            "settings": {"regions": list(regions)},
            "as_of": self._planning.nodes.states(used),
        }

    def _cases(self, other: Any) -> tuple[AnalysisCase, AnalysisCase]:
        if other is None:
            raise ReviewError(_("Choose the landmarks to compare with."))
        if other is self._planning.landmarks:
            raise ReviewError(_("Choose other landmarks than those that are reviewed."))
        return case_of(self._planning.landmarks), case_of(other)

    def _measured(self, other: Any) -> Generator[float, None, tuple[_Values, _Values]]:
        """The measurements of both, those that were chosen last or all."""
        from sgcn_core.analysis.measuring import measure

        names, measured = self._planning.chosen_analyses() or None, []
        horizontal = self._planning.chosen_horizontal() or None
        for number, case in enumerate(self._cases(other)):
            yield (1 + number) / 3
            measured.append(measure(case, analyses=names, horizontal=horizontal).values)
        yield 1.0
        return measured[0], measured[1]

    def _other(self, role: str) -> Any:
        table = self._planning.nodes.find(role)
        other = None if table is None else source_of(table, OTHER)
        if other is None:
            raise ReviewError(_("The landmarks that were compared are no longer in the scene; compare again."))
        return other

    def _fill(
        self, role: str, name: str, columns: Sequence[str], rows: list[findings.Row], about: dict[str, Any]
    ) -> None:
        table = self._planning.nodes.take("vtkMRMLTableNode", role, name, **about)
        chosen = findings.columns_of(*columns)
        fill_table(table, chosen, findings.cells(rows, chosen))
        self._planning.show(role)


def _columns(first: Sequence[MeasuredValue], second: Sequence[MeasuredValue]) -> list[list[float]]:
    """Values and standard deviations of the first, then of the second."""
    return [
        [_number(number) for number in column]
        for values in (first, second)
        for column in ([each.value for each in values], [each.sd for each in values])
    ]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _both(first: MeasuredValue, second: MeasuredValue) -> bool:
    return first.value is not None and second.value is not None


def _in_mm(pairs: Sequence[tuple[MeasuredValue, MeasuredValue]]) -> np.ndarray:
    """Distances (n, 2) that were measured in both."""
    return np.array(
        [(_number(a.value), _number(b.value)) for a, b in pairs if a.measurement.unit == "mm" and _both(a, b)]
    ).reshape(-1, 2)

"""Planning with the landmarks of one markups node, without the panel; also usable from a script."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..messages import _, stable_regions
from ..scene.landmark_surface import surface_of
from ..scene.nodes import ReviewError, is_there
from . import findings
from .case import case_of, surface_in_mm, to_world
from .comparing import Comparing
from .computed import COMPUTED, ComputedNodes, settings_of
from .drawing import LINE, PLANE, draw_lines, draw_plane
from .maps import SHOWN_ON, MapOverlay, distance_steps, finished, in_thread, read_steps
from .tables import Curve, draw_chart, fill_table

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.midsagittal import MidsagittalPlane
    from sgcn_core.analysis.table import MeasurementTable

MEASUREMENTS, ASYMMETRY = "measurements", "asymmetry"
"""Roles of the tables, beside those of :mod:`comparing`."""
_CHART = "chart"
# The plane is drawn a little larger than the face.
_PLANE_SIZE = 1.4


def analyses() -> list[tuple[str, str, str]]:
    """Name, title and description of each analysis that can be measured."""
    from sgcn_core.analysis.definitions import Definitions

    return [(each.name, each.title, each.about) for each in Definitions.load().analyses.values()]


def prepare_steps() -> Generator[float, None, None]:
    """Load what the first measurement needs, which takes half a second, while the window lives."""

    def load() -> None:
        for name in ("measuring", "symmetry", "comparison"):
            importlib.import_module(f"sgcn_core.analysis.{name}")

    yield from in_thread(load)


class Planning:
    """Computes from the landmarks of a node, and finds again what was computed before the scene was saved.

    Parameters
    ----------
    landmarks : vtkMRMLMarkupsNode
    fallback_surface : vtkMRMLModelNode, optional
        The scan to use where it is not known what the landmarks were placed on, as for landmarks of a file.
    """

    def __init__(self, landmarks: Any, fallback_surface: Any = None) -> None:
        self.landmarks, self.fallback_surface = landmarks, fallback_surface
        self.nodes = ComputedNodes(landmarks)
        self.map = MapOverlay(self.nodes)
        self.comparing = Comparing(self)
        self._shown = ""

    @property
    def surface(self) -> Any | None:
        """The scan that the landmarks lie on; None where there is none."""
        known = surface_of(self.landmarks)
        return self.fallback_surface if known is None else known

    @property
    def table(self) -> Any | None:
        """The table of the measurements; None before they were measured."""
        return self.nodes.find(MEASUREMENTS)

    @property
    def shown_table(self) -> Any | None:
        """The table of the last action, or of a scene that was opened; None where there is none."""
        roles = (self._shown, MEASUREMENTS, ASYMMETRY, *self.comparing.tables)
        return next((node for role in roles if role and (node := self.nodes.find(role)) is not None), None)

    # --- measurements -------------------------------------------------------------------------------------------

    def measure(
        self, names: Iterable[str], *, lines: bool = True, norms: str = "", sex: str = "", horizontal: str = ""
    ) -> Any:
        """Measure analyses by name, and draw their lines.

        Parameters
        ----------
        names : of analyses, see :func:`analyses`
        lines : whether to draw the analyses' lines into the views
        norms : path of a file of norms; empty: no z-scores
        sex : "female" or "male": those of the norms that are of this sex, or of both; empty: all
        horizontal : "frankfort", "camper" or "axes" (of the scene, for a scan in natural head position); empty: not
            known, and what needs it is not available

        Returns
        -------
        vtkMRMLTableNode
            Texts, empty where a landmark is missing.

        Raises
        ------
        ValueError
            No analysis is chosen, there are no landmarks, or the norms cannot be read.
        """
        chosen = list(names)
        if not chosen:
            raise ReviewError(_("Check at least one analysis."))
        found = self.measured(chosen, norms=norms, sex=sex, horizontal=horizontal)
        columns = findings.columns_of(*(findings.NORM_COLUMNS if norms else findings.MEASUREMENT_COLUMNS))
        settings = {"analyses": chosen, "lines": lines, "norms": norms, "sex": sex, "horizontal": horizontal}
        table = self.nodes.take("vtkMRMLTableNode", MEASUREMENTS, _("Measurements"), settings=settings)
        fill_table(table, columns, findings.cells([findings.measurement_row(each) for each in found.values], columns))
        drawn = {
            f"{line.analysis}/{line.name}": (line.name, to_world([line.start, line.end], self.landmarks))
            for line in found.lines
        }
        draw_lines(self.nodes, drawn if lines else {})
        self._shown = MEASUREMENTS
        return table

    def measured(
        self, names: Sequence[str], *, norms: str = "", sex: str = "", horizontal: str = ""
    ) -> MeasurementTable:
        """What `measure` writes, as a value."""
        from sgcn_core.analysis.measuring import measure

        table = measure(case_of(self.landmarks), analyses=names, horizontal=horizontal or None)
        if not norms:
            return table
        from sgcn_core.analysis.norms import load_norms, with_norms

        return with_norms(table, load_norms(norms, sex=sex or None))

    def chosen_analyses(self) -> list[str]:
        """The analyses that were measured last."""
        return [] if self.table is None else list(settings_of(self.table)["analyses"])

    def chosen_horizontal(self) -> str:
        """The horizontal of the last measurement; empty where none was given."""
        return "" if self.table is None else str(settings_of(self.table)["horizontal"])

    def plot(self) -> Any:
        """Values and intervals of the table that is shown, as a chart; the ends of the intervals are crosses.

        Returns
        -------
        vtkMRMLPlotChartNode

        Raises
        ------
        ValueError
            There is nothing to plot.
        """
        if self._shown in self.comparing.tables:
            return self.comparing.plot(self._shown)
        if self.table is None:
            raise ReviewError(_("Measure something first."))
        found = self.measured(self.chosen_analyses(), horizontal=self.chosen_horizontal())
        values = [each for each in found.values if each.value is not None and each.measurement.unit == "mm"]
        if not values:
            raise ReviewError(_("None of the distances could be measured; there is nothing to plot."))
        data: dict[str, Sequence[Any]] = {
            "measurement": [each.measurement.title for each in values],
            "value": [each.value for each in values],
            "low": [each.low for each in values],
            "high": [each.high for each in values],
        }
        curves = (
            Curve("value", "value"),
            Curve("95 % low", "low", role="bound"),
            Curve("95 % high", "high", role="bound"),
        )
        known = all(each.low is not None for each in values)
        title = _("Distances of {name}").format(name=self.landmarks.GetName())
        return draw_chart(self.nodes, _CHART, title, data, curves if known else curves[:1], ("", "mm"))

    # --- symmetry -----------------------------------------------------------------------------------------------

    def fit_plane(self) -> str:
        """Fit and draw the midsagittal plane, and fill the table of the asymmetry; returns a sentence on it.

        Raises
        ------
        ValueError
            Too few of the stable landmarks are there; the message names them.
        """
        from sgcn_core.analysis.symmetry import analyse_symmetry

        case = case_of(self.landmarks)
        found = analyse_symmetry(case)
        self._draw_plane(case, found.plane)
        table = self.nodes.take("vtkMRMLTableNode", ASYMMETRY, _("Asymmetry"))
        columns = findings.columns_of(*findings.ASYMMETRY_COLUMNS)
        fill_table(table, columns, findings.cells(findings.asymmetry_rows(found), columns))
        self._shown = ASYMMETRY
        text = _("The plane rests on {labels}.").format(labels=", ".join(found.plane.landmarks))
        if found.index_pairs:
            text += " " + _("Mean asymmetry of {count} pairs: {index:.1f} mm.").format(
                count=found.index_pairs, index=found.index
            )
        return text

    def symmetry_map(self) -> str:
        """Colour the scan by its distance to its mirror image, at once; see :meth:`symmetry_map_steps`."""
        return str(finished(self.symmetry_map_steps()))

    def symmetry_map_steps(self) -> Generator[float, None, str]:
        """Colour the scan by its distance to its mirror image, in small steps; returns a sentence on it.

        Raises
        ------
        ValueError
            There is no scan, or the plane cannot be fitted.
        """
        from sgcn_core.analysis.distance_maps import mirrored_surface
        from sgcn_core.analysis.symmetry import find_plane

        model = self.needed_surface()
        as_of, case = self.nodes.states({SHOWN_ON: model}), case_of(self.landmarks)
        plane = find_plane(case)
        self._draw_plane(case, plane)
        surface = surface_in_mm((yield from read_steps(model)), self.landmarks)
        mirrored = yield from in_thread(lambda: mirrored_surface(surface, plane))
        distances = yield from distance_steps(surface, mirrored)
        limit = self.map.show(model, distances, _("Symmetry map"), as_of=as_of)
        return _(
            "Distance of the face to its mirror image, up to {limit:g} mm: orange where a side is fuller, "
            "blue where it is less full, grey where there is no counterpart."
        ).format(limit=limit)

    # --- comparison ---------------------------------------------------------------------------------------------

    def compare(self, other: Any, other_surface: Any = None, regions: Sequence[str] = ()) -> str:
        """Compare with the landmarks of a later date, at once; see :meth:`Comparing.dates`."""
        return str(finished(self.comparing.dates(other, other_surface, regions or stable_regions()[0][1])))

    def compare_observers(self, other: Any) -> str:
        """Compare with another observer's landmarks of the same scan, at once; see :meth:`Comparing.observers`."""
        return str(finished(self.comparing.observers(other)))

    def change_map(self, other: Any, other_surface: Any = None, regions: Sequence[str] = ()) -> str:
        """Colour the scan of a later date by its change, at once; see :meth:`Comparing.change_map`."""
        return str(finished(self.comparing.change_map(other, other_surface, regions or stable_regions()[0][1])))

    def needed_surface(self) -> Any:
        """The scan, or ReviewError where there is none."""
        if self.surface is None:
            raise ReviewError(_("It is not known which scan the landmarks lie on; choose it as Face above."))
        return self.surface

    def _draw_plane(self, case: AnalysisCase, plane: MidsagittalPlane) -> None:
        placed = case.positions[np.isfinite(case.positions).all(axis=1)]
        middle = placed.mean(axis=0)
        middle = middle - plane.signed_distance(middle) * plane.normal
        size = _PLANE_SIZE * float(np.ptp(placed, axis=0).max())
        origin, along = to_world([middle, middle + size * plane.normal], self.landmarks)
        draw_plane(self.nodes, origin, along - origin, float(np.linalg.norm(along - origin)))

    # --- what is there ------------------------------------------------------------------------------------------

    def update(self) -> None:
        """What :meth:`update_steps` does, at once."""
        finished(self.update_steps())

    def update_steps(self) -> Generator[float, None, None]:
        """Compute again what is fast, where the landmarks have changed; maps and comparisons become stale.

        Raises
        ------
        ValueError
            What was computed cannot be computed from the landmarks as they are now.
        """
        stale = {node.GetAttribute(COMPUTED) for node in self.nodes.mark()}
        shown = self._shown
        try:
            if self.table is not None and any(role == MEASUREMENTS or role.startswith(LINE) for role in stale):
                given = settings_of(self.table)
                self.measure(given.pop("analyses"), **given)
                yield 0.5
            if ASYMMETRY in stale:
                self.fit_plane()
            elif PLANE in stale:
                case = case_of(self.landmarks)
                self._draw_plane(case, _plane_of(case))
        finally:
            self._shown = shown
            self.nodes.mark()

    def state(self) -> str:
        """What is measured, and what is out of date."""
        total = self.landmarks.GetNumberOfControlPoints()
        placed = sum(is_there(self.landmarks, place) for place in range(total))
        text = _("{name}: {placed} of {total} landmarks.").format(
            name=self.landmarks.GetName(), placed=placed, total=total
        )
        if stale := sorted({node.GetName() for node in self.nodes.mark()}):
            text += " " + _("Out of date: {names}. Compute them again.").format(names=", ".join(stale))
        return text

    def show(self, role: str) -> None:
        """Let the panel show the table of a role."""
        self._shown = role

    def clear(self) -> None:
        """Remove everything that was computed from the scene; landmarks and scans stay."""
        self.map.hide()
        self.nodes.remove()
        self._shown = ""


def _plane_of(case: AnalysisCase) -> MidsagittalPlane:
    from sgcn_core.analysis.symmetry import find_plane

    return find_plane(case)

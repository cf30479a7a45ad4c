"""From one or two cases to a report: the page and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.comparison import STABLE_REGIONS, Comparison, Registration, compare, register
from sgcn_core.analysis.definitions import Definitions
from sgcn_core.analysis.distance_maps import mirrored_surface
from sgcn_core.analysis.measuring import measure
from sgcn_core.analysis.symmetry import analyse_symmetry, find_plane
from sgcn_core.analysis.symmetry_values import SymmetryAnalysis
from sgcn_core.analysis.table import MeasurementTable
from sgcn_core.errors import LandmarkError, SettingsError, SurfaceError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.report.comparison import changes_of, comparison_section, observer_section
from sgcn_core.report.face import Face
from sgcn_core.report.face_map import FaceMap, face_distances, moved
from sgcn_core.report.landmarks import badness, check_table, landmark_table, missing_text, verdict
from sgcn_core.report.measurements import analysis_figures, measurement_table
from sgcn_core.report.page import Figure, Page, Section, render_page
from sgcn_core.report.provenance import provenance_section
from sgcn_core.report.symmetry import symmetry_section
from sgcn_core.report.tables import Table
from sgcn_core.report.views import landmark_views
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sgcn_core.analysis.head_frame import Horizontal
    from sgcn_core.analysis.midsagittal import MidsagittalPlane

_SMALL, _WHOLE = 0.5, 1.0
"""Scales of the drawings of all analyses, and of those that were asked for."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportCase:
    """Landmarks of one scan, with their surface and what it is called.

    Attributes
    ----------
    result : LandmarkResult
        In any unit and frame.
    surface : Surface or None
        The scan; without it there are no pictures of the skin, no profile and no maps.
    name : str
        Often that of a file, so it may tell who the person is: shown only if asked for.
    """

    result: LandmarkResult
    surface: Surface | None = None
    name: str = ""

    @cached_property
    def analysed(self) -> AnalysisCase:
        """The case in millimetres and LPS, nameless.

        Raises
        ------
        LandmarkError
            The landmarks do not lie on the surface.
        """
        return AnalysisCase.from_result(self.result, self.surface)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportOptions:
    """What a report shows.

    Attributes
    ----------
    title : str
        Of the page; a neutral "Case 1" by default, the name if it is shown.
    show_name : bool
        Whether names of cases and of input files are shown.
    date : str
        Written under the title; none by default, so that the same input gives the same file.
    analyses : sequence of str
        Analyses to draw, at 1 : 1; by default all, at 1 : 2.
    definitions : Definitions, optional
        Of the measurements; by default those of the package.
    horizontal : optional
        As of ``sgcn_core.analysis.measuring.measure``.
    plane : {"landmarks", "surface"}
        How the midsagittal plane is fitted.
    without : sequence of str
        Regions that do not count for it: operated on, or swollen.
    stable : sequence of str
        Regions by which two cases are registered.
    observers : bool
        The second case holds the landmarks of a second observer on the same surface.
    names : (str, str)
        What two cases are called.
    engine : {"auto", "vtk", "software"}
        What draws the pictures.
    """

    title: str = ""
    show_name: bool = False
    date: str = ""
    analyses: Sequence[str] = ()
    definitions: Definitions | None = None
    horizontal: Horizontal | str | ArrayLike | None = None
    plane: str = "landmarks"
    without: Sequence[str] = ()
    stable: Sequence[str] = STABLE_REGIONS
    observers: bool = False
    names: tuple[str, str] = ("", "")
    engine: str = "auto"

    @property
    def called(self) -> tuple[str, str]:
        """What two cases are called."""
        usual = ("observer 1", "observer 2") if self.observers else ("before", "after")
        return self.names[0] or usual[0], self.names[1] or usual[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """A finished report.

    Attributes
    ----------
    page : Page
    tables : tuple of Table
        All tables, also those too wide for the page.
    measurements : tuple of MeasurementTable
        One for each case.
    cases : tuple of ReportCase
    badness : tuple of float
        Sorts reports; the larger, the more there is to check.
    """

    page: Page
    tables: tuple[Table, ...]
    measurements: tuple[MeasurementTable, ...]
    cases: tuple[ReportCase, ...]
    badness: tuple[float, ...]

    def html(self, *, back: str = "") -> str:
        """The page, with a link back to an index.

        Raises
        ------
        InstallationError
            jinja2 is not installed.
        """
        return render_page(replace(self.page, back=back) if back else self.page)


def build_report(case: ReportCase, second: ReportCase | None = None, options: ReportOptions | None = None) -> Report:
    """Measure one or two cases and draw what the report shows.

    Parameters
    ----------
    case : ReportCase
        The case, or the first of a comparison.
    second : ReportCase, optional
        After the treatment, or by another observer.
    options : ReportOptions, optional

    Raises
    ------
    LandmarkError
        Too few landmarks, or they do not lie on their surface.
    SettingsError
        An unknown analysis, plane, region or horizontal.
    RenderError
        A picture could not be drawn.
    """
    return _Builder(case, second, options or ReportOptions()).report()


class _Builder:
    """Makes the sections of one report."""

    def __init__(self, case: ReportCase, second: ReportCase | None, options: ReportOptions) -> None:
        self.options, self.definitions = options, options.definitions or Definitions.load()
        self.cases = (case,) if second is None else (case, second)
        for name in options.analyses:
            if name not in self.definitions.analyses:
                known = ", ".join(self.definitions.analyses)
                raise SettingsError(f"unknown analysis {name!r}; use one of {known}")
        self.plane, self.unplaned = self._plane(case)
        self.face = Face.of_case(case.analysed, normal=None if self.plane is None else self.plane.normal)

    @cached_property
    def measured(self) -> tuple[MeasurementTable, ...]:
        """Measurements of each case."""
        return tuple(self._measured(each) for each in self.cases)

    def report(self) -> Report:
        """All sections in the order of the page; views and symmetry are made while the rest is measured."""
        with ThreadPoolExecutor(max_workers=2) as workers:
            views, symmetry = workers.submit(self._views), workers.submit(self._symmetry)
            rest = [*([self._comparison()] if len(self.cases) == 2 else []), self._measurements()]
            sections = [*self._checks(), views.result(), *rest, symmetry.result(), self._landmarks()]
        tables = [table for section in sections for table in section.tables]
        called = self.options.called
        named = tuple(zip(called, (each.result for each in self.cases), strict=False))
        sections.append(provenance_section(named, show_name=self.options.show_name))
        lines = [verdict(each.result) for each in self.cases]
        if len(lines) > 1:
            lines = [f"{name[0].upper()}{name[1:]}: {line}" for name, line in zip(called, lines, strict=True)]
        page = Page(
            title=self._title(),
            kind="Comparison of two cases" if len(self.cases) > 1 else "Facial analysis",
            verdict=tuple(lines),
            doubtful=any(each.result.to_check or "missing" in each.result.status for each in self.cases),
            subtitle=self.options.date,
            sections=tuple(sections),
        )
        return Report(
            page=page,
            tables=tuple(table for table in tables if table.key != "check"),
            measurements=self.measured,
            cases=self.cases,
            badness=max(badness(each.result) for each in self.cases),
        )

    def _title(self) -> str:
        if self.options.title:
            return self.options.title
        names = [each.name for each in self.cases if each.name]
        return " and ".join(names) if self.options.show_name and names else "Case 1"

    def _plane(self, case: ReportCase) -> tuple[MidsagittalPlane | None, str]:
        """The plane, or why there is none."""
        analysed = case.analysed  # a case that cannot be made at all is not a matter of its plane
        try:
            plane = find_plane(analysed, method=self.options.plane, without=self.options.without)
        except (LandmarkError, SurfaceError) as error:
            return None, str(error)
        return plane, ""

    def _measured(self, case: ReportCase) -> MeasurementTable:
        """All measurements, and the lines of the analyses."""
        known = self.definitions
        plane = self.plane if case is self.cases[0] else None
        return measure(
            case.analysed,
            analyses=list(self.options.analyses) or [*known.measurements, *known.analyses],
            definitions=known,
            horizontal=self.options.horizontal,
            plane=None if plane is None else (plane.point, plane.normal),
        )

    def _checks(self) -> tuple[Section, ...]:
        """What to look at first; nothing where every landmark was found."""
        called = self.options.called if len(self.cases) > 1 else ("",)
        found = (check_table(each.result, name=name) for each, name in zip(self.cases, called, strict=True))
        tables = tuple(table for table in found if table is not None)
        lines = (missing_text(each.result, name=name) for each, name in zip(self.cases, called, strict=True))
        notes = tuple(line for line in lines if line)
        return (Section(key="check", title="To check", tables=tables, notes=notes),) if tables or notes else ()

    def _views(self) -> Section:
        views = landmark_views(self.face, engine=self.options.engine)
        figures = tuple(
            Figure(caption=caption, svg=svg, size="wide" if place == 0 else "half")
            for place, (caption, svg) in enumerate(views)
        )
        legend = (
            "Disc: landmark; small circle: landmark of the iBUG 68 scheme; diamond: uncertain, with name and ? where "
            "this scan is the reason: check it. Missing landmarks are not drawn. Right and left are the subject's."
        )
        note = "" if self.face.surface is not None else " The report was made without the surface."
        return Section(
            key="views",
            title="Views",
            figures=figures,
            text=(legend + note,),
        )

    def _measurements(self) -> Section:
        figures = analysis_figures(
            self.face,
            self.cases[0].analysed,
            self.measured[0],
            self.definitions,
            scale=_WHOLE if self.options.analyses else _SMALL,
            engine=self.options.engine,
            analyses=tuple(self.options.analyses) or tuple(self.definitions.analyses),
        )
        upright = "the midsagittal plane and the mean face" if self.plane is not None else "the mean face"
        profile = (
            f"Drawings are true to scale where the page is printed at 100 %; check the bar with a ruler. They stand "
            f"upright by {upright}, which is not the natural head position. The profile is the cut of the midsagittal "
            f"plane through the surface."
        )
        return Section(
            key="measurements",
            title="Measurements and analyses",
            text=(*self._of_first(), *((profile,) if figures else ())),
            figures=figures,
            tables=(measurement_table(self.measured[0]),),
        )

    def _of_first(self) -> tuple[str, ...]:
        """Which case a section is about, where there are two."""
        called = self.options.called
        return (f"Of the case {called[0]}; what changed stands above.",) if len(self.cases) > 1 else ()

    def _symmetry(self) -> Section:
        if self.plane is None:
            return Section(key="symmetry", title="Symmetry", text=(f"Not available: {self.unplaned}.",))
        case = self.cases[0].analysed
        found: SymmetryAnalysis = analyse_symmetry(case, self.plane, without=self.options.without)
        mirrored = None
        if case.surface is not None:
            mirrored = face_distances(case, mirrored_surface(case.surface, self.plane))
        return symmetry_section(self.face, found, mirrored, engine=self.options.engine)

    def _comparison(self) -> Section:
        first, second = (each.analysed for each in self.cases)
        changes = changes_of(*self.measured)
        titles = {value.name: value.measurement.title for value in self.measured[0].values}
        if self.options.observers:
            found = compare(first, second, _unmoved())
            return observer_section(self.face, found, changes, names=self.options.called)
        found, change_map = self._registered(first, second)
        return comparison_section(
            self.face,
            found,
            changes,
            change_map,
            names=self.options.called,
            titles=titles,
            engine=self.options.engine,
        )

    def _registered(self, first: AnalysisCase, second: AnalysisCase) -> tuple[Comparison, FaceMap | None]:
        registration = register(first, second, regions=self.options.stable)
        change = None
        if first.surface is not None and second.surface is not None:
            change = face_distances(moved(second, registration.motion), first.surface)
        return compare(first, second, registration), change

    def _landmarks(self) -> Section:
        return Section(key="landmarks", title="Landmarks", tables=(landmark_table(self.cases[0].result),))


def _unmoved() -> Registration:
    """The registration of two observers on one surface: none."""
    return Registration(
        motion=Similarity.identity(),
        method="landmarks",
        residual=0.0,
        regions=(),
        landmarks=(),
        covariance=np.zeros((6, 6)),
        centre=np.zeros(3),
    )

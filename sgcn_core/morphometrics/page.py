"""The page of a cohort's shapes, or of a comparison with a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sgcn_core import __version__
from sgcn_core.morphometrics.alignment import Alignment
from sgcn_core.morphometrics.components import Components
from sgcn_core.morphometrics.configurations import Choice
from sgcn_core.morphometrics.orientation import HEAD
from sgcn_core.morphometrics.plots import scores_plot, shapes_plot, variances_plot
from sgcn_core.morphometrics.reference import Comparison, Reference
from sgcn_core.morphometrics.symmetry import ObjectSymmetry
from sgcn_core.morphometrics.tables import (
    asymmetry_table,
    cases_table,
    comparison_table,
    components_table,
    outliers,
    parts_of_comparison,
    scores_of_comparison,
)
from sgcn_core.report.page import Figure, Page, Section

_DEVIATIONS = 2.0
_MAGNIFIED = 5.0
_MOST_FIGURES = 12


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was left out on the way, for the page and the console.

    Attributes
    ----------
    choice : Choice
        Because landmarks are missing.
    failed : mapping of str to str
        Case or file -> why it is not among the cases.
    labels : tuple of str
        Landmarks that only some cases list.
    uncertain : int
        Positions of uncertain landmarks that are used.
    """

    choice: Choice
    failed: Mapping[str, str]
    labels: tuple[str, ...] = ()
    uncertain: int = 0

    def lines(self) -> tuple[str, ...]:
        """Sentences, none where nothing was left out."""
        found = [self.choice.text + "."] if self.choice.text else []
        if self.uncertain:
            found.append(f"Positions of uncertain landmarks among those used: {self.uncertain}.")
        if self.choice.landmarks:
            found.append(f"Landmarks left out: {', '.join(self.choice.landmarks)}.")
        if self.choice.cases:
            found.append(f"Cases left out: {', '.join(self.choice.cases)}.")
        if self.labels:
            found.append(f"Only some cases list these landmarks, which are not used: {', '.join(self.labels)}.")
        found += [f"Not among the cases: {name}: {why}." for name, why in self.failed.items()]
        return tuple(found)


def cohort_page(
    found: Alignment,
    parts: Components,
    told: Told,
    *,
    title: str,
    components: int,
    symmetry: ObjectSymmetry | None = None,
    date: str = "",
) -> Page:
    """The page of an aligned cohort with the first `components` drawn."""
    shown = min(components, len(parts.variances))
    far = outliers(found.distances)
    lines = [f"{len(found.names)} cases, {len(found.labels)} landmarks, {_sizes_told(found)}"]
    if told.failed or told.choice.cases:
        lines.append(f"{len(told.failed) + len(told.choice.cases)} cases left out")
    if far.any():
        lines.append(f"{int(far.sum())} far from the mean shape: check their landmarks")
    sections = (
        _method(found, told),
        Section(key="cases", title="Cases", tables=(cases_table(found),), notes=(_CASES_NOTE,)),
        _components(found, parts, shown),
        _along(found, parts, shown),
        *([_symmetry(found, symmetry)] if symmetry else []),
    )
    return _page(title, date, lines, sections)


def comparison_page(
    reference: Reference, found: Sequence[Comparison], told: Told, *, title: str, components: int, date: str = ""
) -> Page:
    """The page of cases compared with a reference."""
    table = comparison_table(reference, found)
    unusual = [row for row in range(len(found)) if table.flag(row)]
    lines = [f"{len(found)} cases compared with {reference.cases} of the reference, {len(reference.labels)} landmarks"]
    if unusual:
        lines.append(f"{len(unusual)} unlike the reference")
    if told.failed:
        lines.append(f"{len(told.failed)} not compared")
    figures = tuple(
        Figure(
            caption=f"{each.name}: difference from the mean of the reference"
            f"{', at its size' if reference.scaled else ''}. The four largest are named.",
            svg=shapes_plot(
                reference.mean * reference.mm,
                None,
                each.shape * reference.mm,
                reference.labels,
                title=each.name,
                axes=reference.axes,
                ends=("", each.name),
            ),
        )
        for each in found[:_MOST_FIGURES]
    )
    comparison = Section(
        key="comparison",
        title="Comparison with the reference",
        text=told.lines(),
        tables=(*parts_of_comparison(table), scores_of_comparison(reference, found, components)),
        notes=(
            "Percentiles count the reference's own cases, each measured from the mean of the others. Their "
            f"intervals (95 %) are wide because {reference.cases} cases are only a sample; no percentile can "
            f"be told beyond about 1 in {reference.cases}. The distance along components uses the "
            f"first {reference.used}. Errors of the landmarks are part of every distance.",
        ),
    )
    return _page(title, date, lines, (comparison, Section(key="shapes", title="Shapes", figures=figures)))


def _page(title: str, date: str, lines: Sequence[str], sections: tuple[Section, ...]) -> Page:
    """A page whose verdict is the lines; any after the first tells of something to check."""
    return Page(
        title=title,
        kind="Morphometrics",
        verdict=tuple(lines),
        doubtful=len(lines) > 1,
        subtitle=" · ".join(filter(None, (date, f"sgcn_core {__version__}"))),
        sections=sections,
    )


_CASES_NOTE = (
    "Marked: more than 1.5 quartile ranges above the third quartile of the distances. Distance per landmark: root mean "
    "square over the landmarks, at the mean size of the cohort."
)


def _symmetry(found: Alignment, symmetry: ObjectSymmetry) -> Section:
    among, directional, fluctuating = (100 * share for share in symmetry.shares)
    plot = shapes_plot(
        symmetry.mean * found.mm,
        None,
        (symmetry.mean + _MAGNIFIED * symmetry.directional) * found.mm,
        found.labels,
        title="Directional asymmetry",
        axes=found.axes,
        ends=("", f"directional asymmetry, {_MAGNIFIED:g} times as large"),
    )
    return Section(
        key="symmetry",
        title="Symmetry",
        text=(
            f"Of the squared deviations from the symmetric mean {among:.1f} % are symmetric, {directional:.1f} % "
            f"directional asymmetry, which all cases have in common, {fluctuating:.1f} % fluctuating asymmetry. Errors "
            "of the landmarks are part of the last.",
        ),
        figures=(Figure(caption="Mean asymmetry of all cases, magnified.", svg=plot),),
        tables=(asymmetry_table(found, symmetry),),
        notes=("Each shape is compared with its mirror image, right and left landmarks exchanged.",),
    )


def _sizes_told(found: Alignment) -> str:
    deviation = float(found.sizes.std(ddof=1))
    return f"centroid size {found.sizes.mean():.1f} mm (SD {deviation:.1f})"


def _method(found: Alignment, told: Told) -> Section:
    scaled = (
        "Generalised Procrustes analysis: centred, brought to centroid size 1, turned to the common mean; shapes "
        "projected into the tangent space. Coordinates have no unit; millimetres on this page are those of the mean "
        "size."
        if found.scaled
        else "Generalised Procrustes analysis without scaling: centred and turned to the common mean. Size is part of "
        "the variation; coordinates are millimetres."
    )
    turned = (
        "x, y and z are the subject's left, up, and out of the face."
        if found.axes == HEAD
        else "x, y and z are the principal axes of the mean shape; there are too few landmarks to tell the head's."
    )
    return Section(
        key="method",
        title="Alignment",
        text=(f"{scaled} {turned} Nothing is mirrored, no landmark is filled in.", *told.lines()),
        facts=(("Landmarks", ", ".join(found.labels)), ("Rounds", str(found.rounds))),
    )


def _components(found: Alignment, parts: Components, shown: int) -> Section:
    unit = "mm" if not found.scaled else "Procrustes distance"
    pairs = [(first, first + 1) for first in range(0, shown - 1, 2)]
    figures = [
        Figure(
            caption="Share of variance of each component, and their sum.", svg=variances_plot(parts.shares), size="half"
        )
    ]
    for first, second in pairs:
        axes = tuple(f"PC{k + 1}, {100 * parts.shares[k]:.0f} %" for k in (first, second))
        plot = scores_plot(
            parts.scores[:, first], parts.scores[:, second], found.names, axes=(axes[0], axes[1]), unit=unit
        )
        figures.append(Figure(caption="Scores of the cases; the outermost are named.", svg=plot, size="half"))
    return Section(
        key="components",
        title="Principal components",
        figures=tuple(figures),
        tables=(components_table(parts, found.mm, len(found.labels)),),
    )


def _along(found: Alignment, parts: Components, shown: int) -> Section:
    figures = []
    for k in range(shown):
        low, high = (parts.shape_at(found.mean, k, sign * _DEVIATIONS) * found.mm for sign in (-1.0, 1.0))
        plot = shapes_plot(
            found.mean * found.mm,
            low,
            high,
            found.labels,
            title=f"Shapes along PC{k + 1}",
            axes=found.axes,
            ends=(f"{_DEVIATIONS:g} SD below", f"{_DEVIATIONS:g} SD above"),
        )
        caption = f"PC{k + 1} ({100 * parts.shares[k]:.0f} % of the variance). The landmarks that move most are named."
        figures.append(Figure(caption=caption, svg=plot))
    return Section(key="shapes", title="Shapes along the components", figures=tuple(figures))

"""The page of a cohort's shapes, or of a comparison with a reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core import __version__
from sgcn_core.morphometrics.alignment import Alignment
from sgcn_core.morphometrics.components import Components
from sgcn_core.morphometrics.configurations import Choice
from sgcn_core.morphometrics.plots import scores_plot, shapes_plot, variances_plot
from sgcn_core.morphometrics.reference import Comparison, Reference
from sgcn_core.report.page import Figure, Page, Section
from sgcn_core.report.tables import Cell, Column, Table

FloatArray = NDArray[np.float64]

_DEVIATIONS = 2.0
_MOST_FIGURES = 12
_MOST_ROWS = 20
_UNUSUAL = 2.5  # per cent from either end


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
    """

    choice: Choice
    failed: Mapping[str, str]
    labels: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Sentences, none where nothing was left out."""
        found = [self.choice.text + "."] if self.choice.text else []
        if self.choice.landmarks:
            found.append(f"Landmarks left out: {', '.join(self.choice.landmarks)}.")
        if self.choice.cases:
            found.append(f"Cases left out: {', '.join(self.choice.cases)}.")
        if self.labels:
            found.append(f"Only some cases list these landmarks, which are not used: {', '.join(self.labels)}.")
        found += [f"Not among the cases: {name}: {why}." for name, why in self.failed.items()]
        return tuple(found)


def cohort_page(
    found: Alignment, parts: Components, told: Told, *, title: str, components: int, date: str = ""
) -> Page:
    """The page of an aligned cohort with the first `components` drawn."""
    shown = min(components, len(parts.variances))
    far = outliers(found.distances)
    lines = [f"{len(found.names)} cases, {len(found.labels)} landmarks, {_sizes_told(found)}"]
    if told.failed or told.choice.cases:
        lines.append(f"{len(told.failed) + len(told.choice.cases)} cases left out")
    if far.any():
        lines.append(f"{int(far.sum())} far from the mean shape: check their landmarks")
    return Page(
        title=title,
        kind="Morphometrics",
        verdict=tuple(lines),
        doubtful=len(lines) > 1,
        subtitle=" · ".join(filter(None, (date, f"sgcn_core {__version__}"))),
        sections=(
            _method(found, told),
            Section(key="cases", title="Cases", tables=(cases_table(found),), notes=(_CASES_NOTE,)),
            _components(found, parts, shown),
            _along(found, parts, shown),
        ),
    )


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
    return Page(
        title=title,
        kind="Morphometrics",
        verdict=tuple(lines),
        doubtful=len(lines) > 1,
        subtitle=" · ".join(filter(None, (date, f"sgcn_core {__version__}"))),
        sections=(
            Section(
                key="comparison",
                title="Comparison with the reference",
                text=told.lines(),
                tables=(table, scores_of_comparison(reference, found, components)),
                notes=(
                    "Percentiles count the reference's own cases, each measured from the mean of the others. Their "
                    f"intervals (95 %) are wide because {reference.cases} cases are only a sample; no percentile can "
                    f"be told beyond about 1 in {reference.cases}. The distance along components uses the "
                    f"first {reference.used}. Errors of the landmarks are part of every distance.",
                ),
            ),
            Section(key="shapes", title="Shapes", figures=figures),
        ),
    )


def outliers(distances: FloatArray) -> NDArray[np.bool_]:
    """Distances (n,) beyond the upper fence of a box plot: 1.5 quartile ranges above the third quartile."""
    first, third = np.quantile(distances, (0.25, 0.75))
    return np.asarray(distances > third + 1.5 * (third - first))


def cases_table(found: Alignment) -> Table:
    """Size and distance of each case."""
    per_landmark = found.mm / math.sqrt(len(found.labels))
    rows = zip(found.names, found.sizes.tolist(), found.distances.tolist(), strict=True)
    return Table(
        key="cases",
        title="Cases, the furthest from the mean shape first",
        note=f"The first {_MOST_ROWS} of {len(found.names)}; the file has all."
        if len(found.names) > _MOST_ROWS
        else "",
        columns=(
            Column(name="Case"),
            Column(name="Centroid size", unit="mm", decimals=1),
            Column(name="Procrustes distance", unit="" if found.scaled else "mm", decimals=4 if found.scaled else 1),
            Column(name="Distance a landmark", unit="mm", decimals=2),
        ),
        rows=tuple((name, size, distance, distance * per_landmark) for name, size, distance in rows),
        flags=tuple("check" if far else "" for far in outliers(found.distances)),
        page_rows=tuple(np.argsort(-found.distances, kind="stable").tolist())[:_MOST_ROWS],
    )


def components_table(parts: Components, mm: float, landmarks: int) -> Table:
    """Variance of every component."""
    deviations = np.sqrt(parts.variances)
    rows = zip(parts.variances.tolist(), parts.shares.tolist(), np.cumsum(parts.shares).tolist(), strict=True)
    return Table(
        key="eigenvalues",
        title="Components",
        columns=(
            Column(name="Component"),
            Column(name="Eigenvalue", decimals=7),
            Column(name="Variance", unit="%", decimals=1),
            Column(name="Sum", unit="%", decimals=1),
            Column(name="Standard deviation a landmark", unit="mm", decimals=2),
        ),
        rows=tuple(
            (f"PC{place}", value, 100 * share, 100 * total, float(deviations[place - 1]) * mm / math.sqrt(landmarks))
            for place, (value, share, total) in enumerate(rows, start=1)
        ),
        page_rows=tuple(range(min(10, len(parts.variances)))),
        note="The first ten; the file has all." if len(parts.variances) > 10 else "",
    )


def scores_table(names: Sequence[str], scores: FloatArray) -> Table:
    """Scores of every case."""
    return Table(
        key="scores",
        title="Scores",
        columns=(Column(name="Case"), *(Column(name=f"PC{k + 1}", decimals=4) for k in range(scores.shape[1]))),
        rows=tuple((name, *row) for name, row in zip(names, scores.tolist(), strict=True)),
    )


def comparison_table(reference: Reference, found: Sequence[Comparison]) -> Table:
    """Distances of each case, with their percentiles among the reference."""
    per_landmark = reference.mm / math.sqrt(len(reference.labels))
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        distances: tuple[Cell, ...] = (each.distance * per_landmark, each.distance, *each.percentiles["distance"])
        along: tuple[Cell, ...] = (each.mahalanobis, *each.percentiles["mahalanobis"], each.outside * per_landmark)
        size: tuple[Cell, ...] = (each.size, each.size_z, *each.percentiles["size"])
        rows.append((each.name, *distances, *along, *size))
    return Table(
        key="comparison",
        title="Distance from the reference",
        columns=(
            Column(name="Case"),
            Column(name="Distance a landmark", unit="mm", decimals=2),
            Column(name="Procrustes distance", decimals=4, on_page=False),
            *(Column(name=f"Percentile{part}", unit="%", decimals=0) for part in ("", " from", " to")),
            Column(name="Along components", unit="SD", decimals=1),
            *(Column(name=f"Percentile along{part}", unit="%", decimals=0) for part in ("", " from", " to")),
            Column(name="Beyond them", unit="mm", decimals=2),
            Column(name="Centroid size", unit="mm", decimals=1),
            Column(name="z of size", decimals=1),
            *(Column(name=f"Percentile of size{part}", unit="%", decimals=0) for part in ("", " from", " to")),
        ),
        rows=tuple(rows),
        flags=tuple("check" if _unusual(each) else "" for each in found),
    )


def scores_of_comparison(reference: Reference, found: Sequence[Comparison], components: int) -> Table:
    """Standard deviations along each component: the first on the page, all in the file."""
    count = len(reference.variances)
    return Table(
        key="z",
        title="Standard deviations along the components of the reference",
        columns=(
            Column(name="Case"),
            *(Column(name=f"PC{k + 1}", decimals=1, on_page=k < components) for k in range(count)),
        ),
        rows=tuple((each.name, *each.z.tolist()) for each in found),
    )


_CASES_NOTE = (
    "Marked: more than 1.5 quartile ranges above the third quartile of the distances. Distance a landmark: root mean "
    "square over the landmarks, at the mean size of the cohort."
)


def _unusual(each: Comparison) -> bool:
    low, high = _UNUSUAL, 100 - _UNUSUAL
    sizes = each.percentiles["size"][0]
    return sizes < low or sizes > high or any(each.percentiles[key][0] > high for key in ("distance", "mahalanobis"))


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
        if found.axes != "principal"
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

"""Measurements of a report: the table with intervals and flags, and the drawings of the analyses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.definitions import Analysis, Definitions
from sgcn_core.analysis.formula import parse_formula
from sgcn_core.analysis.table import AnalysisLine, MeasuredValue, MeasurementTable
from sgcn_core.report.drawings import (
    DrawnLine,
    Reading,
    frontal_drawing,
    frontal_view,
    profile_contour,
    profile_drawing,
)
from sgcn_core.report.face import Face, Picture, draw
from sgcn_core.report.page import Figure
from sgcn_core.report.proportions import FIFTHS, THIRDS, horizontals, verticals
from sgcn_core.report.tables import Cell, Column, Table

FLAGS = {"ok": "", "not reliable": "check", "missing": "none", "not available": "none"}
DECIMALS = {"ratio": 2}
UNITS = {"deg": "°", "ratio": ""}
_COLUMNS = (
    Column(name="Measurement"),
    Column(name="Value", decimals=1),
    Column(name="95 % from", decimals=1),
    Column(name="to", decimals=1),
    Column(name="Unit"),
    Column(name="Status"),
    Column(name="Remark"),
    Column(name="SD", decimals=2, on_page=False),
    Column(name="z", decimals=2, on_page=False),
    Column(name="Norm", on_page=False),
    Column(name="Name", on_page=False),
    Column(name="Formula", on_page=False),
    Column(name="Definition", on_page=False),
    Column(name="Reference", on_page=False),
)
_FRONTAL_SHARE = 0.5  # lines that run sideways by more than this of their length are seen from in front
_MOST_READINGS = 14
_PROPORTIONS = "thirds_fifths"


def measurement_table(found: MeasurementTable) -> Table:
    """Every measurement with its 95 % interval, and why there is none where there is none."""
    rows = tuple(_row(value) for value in found.values)
    shown = {value.z is not None for value in found.values}
    columns = tuple(
        Column(
            name=column.name, decimals=column.decimals, on_page=column.on_page or (True in shown and place in (8, 9))
        )
        for place, column in enumerate(_COLUMNS)
    )
    return Table(
        key="measurements",
        title="Measurements",
        columns=columns,
        rows=rows,
        flags=tuple(FLAGS[value.status] for value in found.values),
        decimals=tuple(DECIMALS.get(value.measurement.unit, 1) for value in found.values),
        groups=tuple(value.measurement.group.replace("_", " ") for value in found.values),
        note=(
            "95 %: the interval that holds the true value in 95 of 100 cases, from the errors of the landmarks. "
            "▲ not reliable: the interval is wider than the measurement's limit. What is missing has no number."
        ),
    )


def _row(value: MeasuredValue) -> tuple[Cell, ...]:
    what = value.measurement
    numbers: tuple[Cell, ...] = (value.value, value.low, value.high)
    words: tuple[Cell, ...] = (UNITS.get(what.unit, what.unit), value.status, value.remark.replace("+-", "±"))
    more: tuple[Cell, ...] = (value.sd, value.z, value.norm, what.name, what.formula, what.definition, what.reference)
    return (what.title, *numbers, *words, *more)


def analysis_figures(
    face: Face,
    case: AnalysisCase,
    found: MeasurementTable,
    definitions: Definitions,
    *,
    scale: float,
    engine: str = "auto",
    analyses: Sequence[str],
) -> tuple[Figure, ...]:
    """A drawing for each analysis that has lines, true to scale.

    Parameters
    ----------
    face : Face
        Of the case.
    case : AnalysisCase
    found : MeasurementTable
        With the lines of the analyses.
    definitions : Definitions
        What it was measured by.
    scale : float
        Millimetres of the page for one of the face.
    analyses : sequence of str
        Names of the analyses to draw.

    Raises
    ------
    RenderError
        The surface could not be drawn.
    """
    contour = profile_contour(face)
    mesh = None if face.surface is None else face.mesh(grey=True)
    drawn = {line.analysis for line in found.lines}
    names = [name for name in analyses if name in drawn]
    sideways = {name: _is_frontal(face, [line for line in found.lines if line.analysis == name]) for name in names}
    sideways[_PROPORTIONS] = _PROPORTIONS in names
    needed = any(sideways[name] for name in names)
    picture = draw(mesh, [frontal_view(face, scale)], engine=engine)[0] if needed else None
    figures = []
    for name in names:
        analysis = definitions.analyses[name]
        if name == _PROPORTIONS:
            figures += _proportions(face, picture, found, analysis, scale)
            continue
        lines = _lines(face, case, [line for line in found.lines if line.analysis == name], analysis)
        points = _points(analysis, definitions, midline=not sideways[name])
        given = {"title": analysis.title, "key": name, "scale": scale, "points": points}
        readings = _readings(found, analysis)
        if sideways[name]:
            svg = frontal_drawing(face, picture, lines, readings=readings, **given)  # type: ignore[arg-type]
        else:
            svg = profile_drawing(face, contour, lines, readings=readings, **given)  # type: ignore[arg-type]
        figures.append(Figure(caption=_caption(analysis), svg=svg, size="scale"))
    return tuple(figures)


def _proportions(
    face: Face, picture: Picture | None, found: MeasurementTable, analysis: Analysis, scale: float
) -> list[Figure]:
    """Front views with the lines of the thirds and of the fifths, and the measurements of each."""
    figures = []
    for title, group, lines, points in (
        ("Facial thirds", "thirds", horizontals(face), THIRDS),
        ("Facial fifths", "fifths", verticals(face), FIFTHS),
    ):
        if len(lines) > 1:
            readings = _readings(found, analysis, group)
            given = {"title": title, "key": group, "scale": scale, "points": points, "readings": readings}
            svg = frontal_drawing(face, picture, lines, **given)  # type: ignore[arg-type]
            figures.append(Figure(caption=_caption(replace(analysis, title=title, about="")), svg=svg, size="scale"))
    return figures


def _caption(analysis: Analysis) -> str:
    parts = [analysis.title, analysis.about, f"Source: {analysis.reference}" if analysis.reference else ""]
    return ". ".join(part.strip().rstrip(".") for part in parts if part) + "."


def _lines(face: Face, case: AnalysisCase, lines: Sequence[AnalysisLine], analysis: Analysis) -> list[DrawnLine]:
    uncertain = {label for label, status in zip(case.labels, case.status, strict=True) if status == "uncertain"}
    rests = {line.name: _labels((line.start, line.end)) for line in analysis.lines}
    return [
        DrawnLine(
            name=line.name,
            points=face.to_head(np.stack([line.start, line.end])),
            doubtful=bool(uncertain & rests.get(line.name, set())),
        )
        for line in lines
    ]


def _labels(formulas: Iterable[str]) -> set[str]:
    return {name for text in formulas if text for name in parse_formula(text).names}


def _points(analysis: Analysis, definitions: Definitions, *, midline: bool) -> tuple[str, ...]:
    """Landmarks to name: those of its lines; in a profile also those in the midline that it measures."""
    found = {name: None for line in analysis.lines for name in sorted(_labels((line.start, line.end)))}
    if midline:
        for name in analysis.measurements:
            found |= {label: None for label in definitions[name].landmarks if label[-2:] not in ("_r", "_l")}
    return tuple(found)


def _readings(found: MeasurementTable, analysis: Analysis, group: str = "") -> list[Reading]:
    """The values of an analysis, the first of them where there are many."""
    wanted = set(analysis.measurements)
    values = [v for v in found.values if v.name in wanted and (not group or v.measurement.group == group)]
    readings = [
        Reading(name=value.measurement.title, value=reading_text(value), flag=FLAGS[value.status]) for value in values
    ]
    if len(readings) <= _MOST_READINGS:
        return readings
    kept = readings[: _MOST_READINGS - 1]
    return [*kept, Reading(name=f"{len(readings) - len(kept)} more in the table", value="", flag="none")]


def reading_text(value: MeasuredValue) -> str:
    """``-2.3 mm (-3.9 to -0.7)``, or the status where there is no value."""
    if value.value is None:
        return value.status
    unit = UNITS.get(value.measurement.unit, value.measurement.unit)
    gap = "" if unit == "°" else " "
    digits = DECIMALS.get(value.measurement.unit, 1)
    text = f"{value.value:.{digits}f}{gap}{unit}".strip()
    if value.low is not None and value.high is not None:
        text += f" ({value.low:.{digits}f} to {value.high:.{digits}f})"
    return text.replace("-", "−")


def _is_frontal(face: Face, lines: Sequence[AnalysisLine]) -> bool:
    """Whether most lines run sideways."""
    along = np.abs(np.stack([face.axes @ (line.end - line.start) for line in lines]))
    lengths = np.maximum(np.linalg.norm(along, axis=1), 1e-9)
    return bool(np.mean(along[:, 0] / lengths > _FRONTAL_SHARE) > 0.5)

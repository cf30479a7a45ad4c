"""Comparison in a report: displacement arrows, map of the change, changed measurements; agreement of two observers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sgcn_core.analysis.comparison import Change, Comparison, Displacement, measurement_changes
from sgcn_core.analysis.symmetry_values import WITHIN_95
from sgcn_core.analysis.table import MeasurementTable
from sgcn_core.report.colours import LINE_COLOURS
from sgcn_core.report.face import PIXELS_PER_MM, Face, draw, visible_landmarks
from sgcn_core.report.face_map import FaceMap
from sgcn_core.report.maps import map_figure
from sgcn_core.report.measurements import DECIMALS, UNITS
from sgcn_core.report.page import Figure, Section
from sgcn_core.report.svg import FAINT, Drawing, number
from sgcn_core.report.tables import Cell, Column, Table
from sgcn_core.viz.views import FRONT, LEFT_SIDE, RIGHT_SIDE, Direction

_VIEWS: tuple[tuple[Direction, str], ...] = (
    (RIGHT_SIDE, "right side"),
    (FRONT, "front"),
    (LEFT_SIDE, "left side"),
)
_SIZE = (58.6, 68.0)
_LONGEST = 12.0  # page mm of the longest arrow
_YES_NO = {True: "yes", False: "no", None: "not known"}


def comparison_section(
    face: Face,
    found: Comparison,
    changes: Sequence[Change],
    change_map: FaceMap | None,
    *,
    names: tuple[str, str] = ("before", "after"),
    titles: dict[str, str] | None = None,
    engine: str = "auto",
) -> Section:
    """The section of the page.

    Parameters
    ----------
    face : Face
        Of the first case.
    found : Comparison
    changes : sequence of Change
        Of the measurements.
    change_map : FaceMap, optional
        Of the second surface, registered, against the first.
    names : (str, str)
        What both cases are called.
    titles : dict, optional
        Name of a measurement -> its title.

    Raises
    ------
    RenderError
        A surface could not be drawn.
    """
    figures = [_arrows(face, found.displacements, names, engine)]
    if change_map is not None:
        moved = face.with_surface(change_map.surface)
        figures.append(
            map_figure(
                moved,
                change_map.distance,
                title=f"Distance of the surface {names[1]} from the surface {names[0]}",
                low=f"{names[1]} lies behind",
                high=f"{names[1]} lies in front",
                engine=engine,
            )
        )
    return Section(
        key="comparison",
        title="Comparison",
        text=(_registered(found), _summary(found, changes)),
        figures=tuple(figures),
        tables=comparison_tables(face, found, changes, names=names, titles=titles),
        notes=(
            "A landmark moved if zero lies outside the 95 % region of its displacement, from the errors of both "
            "landmarks and of the registration. A measurement changed if the difference exceeds its minimal detectable "
            "change: 1.96 standard deviations of the difference.",
        ),
    )


def comparison_tables(
    face: Face,
    found: Comparison,
    changes: Sequence[Change],
    *,
    names: tuple[str, str],
    titles: dict[str, str] | None = None,
) -> tuple[Table, ...]:
    """Displacements of the landmarks, and changes of the measurements."""
    known = [each for each in found.displacements if np.isfinite(each.vector).all()]
    displacements = Table(
        key="displacements",
        title=f"Displacement of landmarks from {names[0]} to {names[1]}",
        columns=(
            Column(name="Landmark"),
            Column(name="Length", unit="mm", decimals=1),
            Column(name="± 95 %", unit="mm", decimals=1),
            Column(name="left", unit="mm", decimals=1),
            Column(name="up", unit="mm", decimals=1),
            Column(name="forward", unit="mm", decimals=1),
            Column(name="Moved"),
        ),
        rows=tuple(_displacement_row(face, each) for each in known),
        flags=tuple("check" if each.moved else "" for each in known),
        page_rows=_largest_first(
            [each.label for each in known], [each.length / max(each.length_sd, 1e-9) for each in known]
        ),
        note="Sorted by displacement over its error. Landmarks of the iBUG 68 scheme are in the files.",
    )
    shown = [each for each in changes if math.isfinite(each.difference)]
    changed = Table(
        key="changes",
        title="Changes of measurements",
        columns=(
            Column(name="Measurement"),
            Column(name=names[0].capitalize(), decimals=1),
            Column(name=names[1].capitalize(), decimals=1),
            Column(name="Difference", decimals=1),
            Column(name="Detectable from", decimals=1),
            Column(name="Unit"),
            Column(name="Changed"),
        ),
        rows=tuple(_change_row(each, titles or {}) for each in shown),
        flags=tuple("check" if each.significant else "" for each in shown),
        decimals=tuple(DECIMALS.get(each.unit, 1) for each in shown),
        page_rows=_largest_first(
            [each.name for each in shown], [abs(each.difference) / max(each.sd, 1e-9) for each in shown]
        ),
        note="Sorted by difference over its error.",
    )
    return tuple(table for table in (displacements, changed) if table.rows)


def changes_of(first: MeasurementTable, second: MeasurementTable) -> tuple[Change, ...]:
    """Changes of the measurements that both tables hold, in the order of the first."""
    there = {value.name: value for value in second.values}
    both = [(value, there[value.name]) for value in first.values if value.name in there]
    columns = [
        [math.nan if number is None else number for number in numbers]
        for numbers in zip(*((a.value, a.sd, b.value, b.sd) for a, b in both), strict=True)
    ] or [[], [], [], []]
    names, units = [a.name for a, _ in both], [a.measurement.unit for a, _ in both]
    return measurement_changes(names, *columns, units=units)


def observer_section(
    face: Face, found: Comparison, changes: Sequence[Change], *, names: tuple[str, str] = ("observer 1", "observer 2")
) -> Section:
    """Agreement of two observers who placed the landmarks of one surface: Bland-Altman plots and tables."""
    figures = []
    for unit, what in (("mm", "distances"), ("deg", "angles")):
        chosen = [each for each in changes if each.unit == unit and math.isfinite(each.difference)]
        if len(chosen) > 1:
            figures.append(_bland_altman(chosen, UNITS.get(unit, unit), what, names))
    lengths = np.array([each.length for each in found.displacements if np.isfinite(each.vector).all()])
    text = (
        f"{len(lengths)} landmarks of both. Distance between both points: mean {lengths.mean():.1f} mm, standard "
        f"deviation {lengths.std(ddof=1) if len(lengths) > 1 else 0.0:.1f} mm, largest {lengths.max():.1f} mm."
        if len(lengths)
        else "No landmark was placed by both observers."
    )
    return Section(
        key="observers",
        title="Two observers",
        text=(
            text,
            "One surface, no registration. The plots pool the measurements of this one case; agreement over several "
            "cases, with ICC, is a matter of the command for observers.",
        ),
        figures=tuple(figures),
        tables=comparison_tables(face, found, changes, names=names),
    )


def _largest_first(names: Sequence[str], sizes: Sequence[float]) -> tuple[int, ...]:
    """Rows of the page: the largest first, unknown sizes last; without iBUG where there are other landmarks."""
    clinical = [row for row, name in enumerate(names) if not name.startswith("ibug")] or list(range(len(names)))
    return tuple(sorted(clinical, key=lambda row: -sizes[row] if math.isfinite(sizes[row]) else math.inf))


def _displacement_row(face: Face, each: Displacement) -> tuple[Cell, ...]:
    spread = each.length_sd
    parts = (face.axes @ each.vector).tolist()
    half = WITHIN_95 * spread if math.isfinite(spread) else None
    return (each.label, each.length, half, *parts, _YES_NO[each.moved])


def _change_row(each: Change, titles: dict[str, str]) -> tuple[Cell, ...]:
    detectable = each.detectable if math.isfinite(each.detectable) else None
    words = (UNITS.get(each.unit, each.unit), _YES_NO[each.significant])
    return (titles.get(each.name, each.name), each.before, each.after, each.difference, detectable, *words)


def _registered(found: Comparison) -> str:
    how = found.registration
    what = ", ".join(how.regions) or ", ".join(how.landmarks)
    by = "skin" if how.method == "surface" else "landmarks"
    return f"Registered on {what} by {by}; residual {how.residual:.2f} mm."


def _summary(found: Comparison, changes: Sequence[Change]) -> str:
    moved = sum(each.moved is True for each in found.displacements)
    told = sum(each.moved is not None for each in found.displacements)
    changed = sum(each.significant is True for each in changes)
    known = sum(each.significant is not None for each in changes)
    return (
        f"{moved} of {told} landmarks moved and {changed} of {known} measurements changed by more than their errors "
        "explain. With that many tests, one in twenty exceeds its limit by chance."
    )


def _arrows(face: Face, displacements: Sequence[Displacement], names: tuple[str, str], engine: str) -> Figure:
    """Arrows at the landmarks in three views: filled heads where a landmark moved."""
    views = [face.view(direction, width=_SIZE[0] - 4, height=_SIZE[1] - 4) for direction, _ in _VIEWS]
    scale = min(view.scale for view in views) / PIXELS_PER_MM
    views = [face.view(direction, width=_SIZE[0], height=_SIZE[1], scale=scale) for direction, _ in _VIEWS]
    pictures = draw(None if face.surface is None else face.mesh(grey=True), views, engine=engine)
    known = [each for each in displacements if np.isfinite(each.vector).all() and each.label in face.labels]
    longest = max((each.length for each in known), default=0.0)
    factor = next((each for each in (10.0, 5.0, 3.0, 2.0) if each * longest * scale <= _LONGEST), 1.0)
    title = f"Displacement of the landmarks from {names[0]} to {names[1]}"
    told = f"Arrows {number(factor)} times as long as the displacement; longest {longest:.1f} mm"
    drawing = Drawing(len(_VIEWS) * (_SIZE[0] + 1) - 1, _SIZE[1] + 6, title=title, description=told)
    for place, (picture, (_, name)) in enumerate(zip(pictures, _VIEWS, strict=True)):
        left = np.array([place * (_SIZE[0] + 1), 0.0])
        if picture.png:
            drawing.image(picture.png, float(left[0]), 0, *picture.size)
        seen = {face.labels[i] for i in visible_landmarks(face, picture)}
        for each in sorted(known, key=lambda each: each.moved is True):
            if each.label in seen:
                start = face.to_head(each.start)
                ends = picture.on_page(np.stack([start, start + factor * (face.axes @ each.vector)])) + left
                colour = LINE_COLOURS[1] if each.moved else FAINT
                drawing.arrow(ends[0], ends[1], colour=colour, filled=bool(each.moved))
        drawing.text(name, float(left[0]) + 2, 3.2, size=2.6, halo=True)
    _arrow_legend(drawing, _SIZE[1] + 3.2)
    return Figure(caption=f"{title}. {told}.", svg=drawing.markup())


def _arrow_legend(drawing: Drawing, row: float) -> None:
    drawing.arrow((2, row), (10, row), colour=LINE_COLOURS[1])
    drawing.text("moved by more than the errors explain", 12, row, size=2.6)
    drawing.arrow((82, row), (90, row), colour=FAINT, filled=False)
    drawing.text("within the errors, or errors not known", 92, row, size=2.6)


def _bland_altman(changes: Sequence[Change], unit: str, what: str, names: tuple[str, str]) -> Figure:
    """Differences against means, with bias and 95 % limits of agreement."""
    means = np.array([(each.before + each.after) / 2 for each in changes])
    differences = np.array([each.difference for each in changes])
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    limits = (bias - 1.96 * spread, bias + 1.96 * spread)
    width, height, left, top = 86.0, 62.0, 14.0, 4.0
    plot = (width - left - 14.0, height - top - 11.0)
    reach = 1.15 * max(abs(limits[0]), abs(limits[1]), float(np.abs(differences).max()), 1e-6)
    low, high = float(means.min()), float(means.max())
    room = 0.06 * max(high - low, 1e-6)
    title = f"Bland-Altman plot of {len(changes)} {what}"
    told = f"bias {bias:.2f} {unit}, limits of agreement {limits[0]:.2f} to {limits[1]:.2f} {unit}"
    drawing = Drawing(width, height, title=title, description=told)

    def across(value: float) -> float:
        return left + (value - low + room) / (high - low + 2 * room) * plot[0]

    def down(value: float) -> float:
        return top + (reach - value) / (2 * reach) * plot[1]

    drawing.rect(left, top, *plot, fill="#fff", stroke=FAINT)
    for value, dash, name in ((bias, "", "bias"), (limits[0], "2 1", "−1.96 SD"), (limits[1], "2 1", "+1.96 SD")):
        drawing.line([(left, down(value)), (left + plot[0], down(value))], colour=LINE_COLOURS[0], dash=dash)
        drawing.text(name, left + plot[0] + 0.8, down(value), size=2.3, colour=LINE_COLOURS[0])
    drawing.line([(left, down(0.0)), (left + plot[0], down(0.0))], colour=FAINT, width=0.15)
    for mean, difference in zip(means.tolist(), differences.tolist(), strict=True):
        drawing.circle(across(mean), down(difference), 0.8, fill="none", stroke="#22262e", width=0.3)
    for value in _ticks(-reach, reach):
        drawing.text(number(value).replace("-", "−"), left - 1, down(value), size=2.3, anchor="end")
    for value in _ticks(low - room, high + room):
        drawing.text(number(value), across(value), top + plot[1] + 2.4, size=2.3, anchor="middle")
    drawing.text(f"mean of both [{unit}]", left + plot[0] / 2, top + plot[1] + 6.4, size=2.5, anchor="middle")
    words = f"{names[1]} less {names[0]} [{unit}]"
    drawing.text(words, 3.0, top + plot[1] / 2, size=2.5, anchor="middle", turned=-90.0)
    return Figure(caption=f"{title}: {told}.", svg=drawing.markup(), size="half")


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two values."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first = math.ceil(low / step)
    return [place * step for place in range(first, math.floor(high / step) + 1)]

"""Symmetry in a report: the midsagittal plane, tables of asymmetry, the map of the distance to the mirrored surface."""

from __future__ import annotations

import math

import numpy as np

from sgcn_core.analysis.symmetry_values import Quantity, SymmetryAnalysis
from sgcn_core.report.colours import LINE_COLOURS
from sgcn_core.report.face import Face, draw
from sgcn_core.report.face_map import FaceMap
from sgcn_core.report.maps import map_figure
from sgcn_core.report.page import Figure, Section
from sgcn_core.report.svg import Drawing, spread_labels
from sgcn_core.report.tables import Cell, Column, Table
from sgcn_core.viz.views import FRONT

_CLASS = Column(name="Class")
_ENDS = (Column(name="95 % from", unit="mm", decimals=1), Column(name="to", unit="mm", decimals=1))
_LEVELS = Column(name="Beyond")
_SIZE = (120.0, 118.0)
_LENGTHENED = 3.0  # deviations of the midline are drawn so many times as long


def symmetry_section(face: Face, found: SymmetryAnalysis, mirrored: FaceMap | None, *, engine: str = "auto") -> Section:
    """The section of the page.

    Parameters
    ----------
    face : Face
        Upright by the plane.
    found : SymmetryAnalysis
    mirrored : FaceMap, optional
        Distances of the surface's vertices to the mirrored surface.

    Raises
    ------
    RenderError
        The surface could not be drawn.
    """
    plane = found.plane
    rests = ", ".join(plane.landmarks)
    text = [
        f"Composite index {found.index:.1f} mm: mean absolute asymmetry of {found.index_pairs} pairs of classes A, B."
        if found.index_pairs
        else "No composite index: no pair of classes A and B is there.",
        f"Midsagittal plane by {'the surface' if plane.method == 'surface' else 'stable landmarks'} ({rests}); "
        f"residual {plane.residual:.1f} mm{_certainty(plane.angle_sd, plane.position_sd)}.",
    ]
    if found.without:
        text.append(f"Left out for the plane: {', '.join(found.without)}.")
    figures = [_plane_figure(face, found, engine)]
    if mirrored is not None and face.surface is not None:
        figures.append(
            map_figure(
                face,
                mirrored.distance,
                title="Distance to the mirrored surface",
                low="less full than the other side",
                high="fuller than the other side",
                engine=engine,
            )
        )
    return Section(
        key="symmetry",
        title="Symmetry",
        text=tuple(text),
        figures=tuple(figures),
        tables=symmetry_tables(found),
        notes=(
            "Beyond: perceptible, more than 3 mm or 3 degrees; usual, more than about 4 mm, mean + 2 SD of unaffected "
            "adults; ▲ where the whole interval lies beyond. Positive is the subject's left, higher, further forward.",
        ),
    )


def symmetry_tables(found: SymmetryAnalysis) -> tuple[Table, ...]:
    """Deviations of the midline, asymmetry of the pairs, cants."""
    return tuple(table for table in (_midline_table(found), _pair_table(found), _cant_table(found)) if table.rows)


def _midline_table(found: SymmetryAnalysis) -> Table:
    known = [each for each in found.midline if math.isfinite(each.value)]
    return Table(
        key="midline",
        title="Midline: distance from the midsagittal plane",
        columns=(
            Column(name="Landmark"),
            Column(name="Deviation", unit="mm, + left", decimals=1),
            *_ENDS,
            _LEVELS,
        ),
        rows=tuple((each.name, each.value, *_interval(each), ", ".join(each.exceeds)) for each in known),
        flags=tuple("check" if each.clearly else "" for each in known),
    )


def _pair_table(found: SymmetryAnalysis) -> Table:
    known = [pair for pair in found.pairs if math.isfinite(pair.distance.value)]
    rows: list[tuple[Cell, ...]] = []
    for pair in known:
        parts = (_known(pair.lateral.value), _known(pair.up.value), _known(pair.forward.value))
        distance = pair.distance
        levels = ", ".join(distance.exceeds)
        rows.append((pair.name, pair.reproducibility, distance.value, *_interval(distance), *parts, levels))
    return Table(
        key="pairs",
        title="Pairs: left landmark against the mirrored right one",
        columns=(
            Column(name="Pair"),
            _CLASS,
            Column(name="Asymmetry", unit="mm", decimals=1),
            *_ENDS,
            Column(name="sideways", unit="mm", decimals=1),
            Column(name="up", unit="mm", decimals=1),
            Column(name="forward", unit="mm", decimals=1),
            _LEVELS,
        ),
        rows=tuple(rows),
        flags=tuple("check" if pair.distance.clearly else "" for pair in known),
        groups=tuple(f"{pair.group}{_group_mean(found, pair.group)}" for pair in known),
        page_rows=_clinical_first([pair.right for pair in known]),
        note="Group means are of classes A and B, with the pairs of the iBUG 68 scheme, which are in the files.",
    )


def _cant_table(found: SymmetryAnalysis) -> Table:
    known = [cant for cant in found.cants if math.isfinite(cant.frontal.value)]
    ends = (Column(name="95 % from", unit="°", decimals=1), Column(name="to", unit="°", decimals=1))
    return Table(
        key="cants",
        title="Cant of the lines between both sides",
        columns=(
            Column(name="Line"),
            Column(name="From in front", unit="°, + left higher", decimals=1),
            *ends,
            Column(name="From above", unit="°, + left forward", decimals=1),
            _LEVELS,
        ),
        rows=tuple(
            (
                f"{cant.name}_r to {cant.name}_l",
                cant.frontal.value,
                *_interval(cant.frontal),
                _known(cant.axial.value),
                ", ".join(cant.frontal.exceeds),
            )
            for cant in known
        ),
        flags=tuple("check" if cant.frontal.clearly else "" for cant in known),
    )


def _plane_figure(face: Face, found: SymmetryAnalysis, engine: str) -> Figure:
    """Front view with the plane and the midline's deviations, lengthened."""
    view = face.view(FRONT, width=_SIZE[0], height=_SIZE[1])
    picture = draw(None if face.surface is None else face.mesh(grey=True), [view], engine=engine)[0]
    title = "Midsagittal plane and deviation of the midline landmarks"
    largest = max(found.midline, key=lambda each: abs(each.value) if math.isfinite(each.value) else -1.0, default=None)
    told = "" if largest is None else f"Largest deviation: {largest.name} {largest.value:+.1f} mm"
    drawing = Drawing(*picture.size, title=title, description=told)
    if picture.png:
        drawing.image(picture.png, 0, 0, *picture.size)
    plane = face.to_head(found.plane.point)
    column = float(picture.on_page(plane[None])[0, 0])
    drawing.line(
        [(column, 1), (column, picture.size[1] - 1)], colour=LINE_COLOURS[0], width=0.4, dash="5 1.5", halo=0.2
    )
    for pair in found.plane.pairs:
        ends = face.points[[face.labels.index(pair.right), face.labels.index(pair.left)]]
        drawing.line(picture.on_page(ends), colour=LINE_COLOURS[2], width=0.25, dash="1.2 1", halo=0.15)
    known = [each for each in found.midline if math.isfinite(each.value)]
    places = picture.on_page(face.points[[face.labels.index(each.name) for each in known]])
    rows = spread_labels(places[:, 1].tolist(), low=3.0, high=picture.size[1] - 3.0, gap=2.7)
    for each, place, row in zip(known, places, rows, strict=True):
        _deviation(drawing, each, place, column, row)
    bottom = picture.size[1] - 3.0
    drawing.text("subject's right", 2, bottom, size=2.8, halo=True)
    drawing.text("subject's left", picture.size[0] - 2, bottom, size=2.8, anchor="end", halo=True)
    bars = f"Bars are {_LENGTHENED:g} times as long as the deviation"
    caption = f"{title}. {told}. {bars}; dotted: pairs that the plane rests on."
    return Figure(caption=caption, svg=drawing.markup())


def _deviation(drawing: Drawing, each: Quantity, place: np.ndarray, column: float, label_row: float) -> None:
    row = float(place[1])
    scale = float(place[0] - column) / each.value if abs(each.value) > 1e-6 else 0.0
    end = column + _LENGTHENED * scale * each.value
    colour = "#9a3d00" if each.clearly else "#22262e"
    drawing.line([(column, row), (end, row)], colour=colour, width=1.0)
    drawing.circle(float(place[0]), row, 0.6, fill=colour)
    outward = 1.5 if end >= column else -1.5
    anchor = "start" if end >= column else "end"
    words = f"{each.name} {each.value:+.1f}".replace("-", "−")
    start = end + outward + (2.0 if end >= column else -2.0)
    drawing.line([(end + 0.4 * outward, row), (start - 0.3 * outward, label_row)], colour=colour, width=0.12)
    drawing.text(words, start, label_row, size=2.3, anchor=anchor, halo=True, bold=each.clearly)


def _clinical_first(labels: list[str]) -> tuple[int, ...]:
    """Rows of the page: without the iBUG scheme where there are other landmarks."""
    return tuple(row for row, label in enumerate(labels) if not label.startswith("ibug")) or tuple(range(len(labels)))


def _group_mean(found: SymmetryAnalysis, group: str) -> str:
    mean, count = found.groups.get(group, (math.nan, 0))
    return f": mean {mean:.1f} mm of {count}" if count and math.isfinite(mean) else ""


def _certainty(angle: float, position: float) -> str:
    if not (math.isfinite(angle) and math.isfinite(position)):
        return ""
    return f"; standard deviation {angle:.1f}° and {position:.1f} mm"


def _interval(each: Quantity) -> tuple[Cell, Cell]:
    return _known(each.low), _known(each.high)


def _known(value: float) -> Cell:
    return float(value) if math.isfinite(value) else None

"""Close-ups of eyes, mouth or nose of generated scans: the mesh, shaded, and the landmarks there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.types.landmarks import LandmarkSet
from sgcn_core.viz.canvas import Canvas
from sgcn_core.viz.picture import depth_at, drawn_views, reduced
from sgcn_core.viz.views import FRONT, PAPER, ColouredMesh, Direction, View

if TYPE_CHECKING:
    from research.synthesis.generated_scan import GeneratedScan, ScanMaker
    from research.synthesis.options import GeneratorOptions
    from research.synthesis.population import Population

FloatArray = NDArray[np.float64]

_DIAGONAL = float(np.sqrt(0.5))
BELOW = Direction("from below", ((1.0, 0.0, 0.0), (0.0, _DIAGONAL, _DIAGONAL), (0.0, -_DIAGONAL, _DIAGONAL)))
_SLOPE = float(np.sqrt(0.75))
_RIGHT_OBLIQUE = Direction("right 30°", ((_SLOPE, 0.0, 0.5), (0.0, 1.0, 0.0), (-0.5, 0.0, _SLOPE)))


@dataclass(frozen=True)
class Window:
    """A look at a part of the face: the direction, and the landmarks whose mean is in the middle."""

    direction: Direction
    around: tuple[str, ...]


# What each region shows, two looks at each face.
REGIONS: dict[str, tuple[Window, Window]] = {
    "eyes": (Window(FRONT, ("ex_r", "en_r")), Window(FRONT, ("en_l", "ex_l"))),
    "mouth": (Window(FRONT, ("ch_r", "ch_l")), Window(_RIGHT_OBLIQUE, ("ch_r", "ch_l"))),
    "nose": (Window(FRONT, ("prn", "ac_r", "ac_l")), Window(BELOW, ("prn", "ac_r", "ac_l"))),
}

WIDE, HIGH = 64.0, 46.0  # millimetres of a close-up
# Items of the generator that change the samples of a surface, or samples beside it, and never the mesh of a scan.
OF_SAMPLES = ("open_mouth", "facets", "density", "normal_noise", "no_face")
_GREY = (0.80, 0.79, 0.77)
_DOT, _RED, _BLUE = 2.6, (0.80, 0.10, 0.15), (0.05, 0.25, 0.75)
# Where the surface is farther than this in front of a landmark or behind it, the dot is a ring, millimetres.
_OFF = 1.0
_DEEP = 70.0  # no more than this below the middle is drawn, millimetres: holes do not show the back of the head
_GAP = 6


def region_labels(region: str) -> frozenset[str]:
    """Labels of the landmarks of a region."""
    known = LandmarkSet.load("all")
    return frozenset(label for label, group in zip(known.labels, known.groups, strict=True) if group == region)


def scan_maker(population: Population, options: GeneratorOptions, *, seed: int = 0) -> ScanMaker:
    """Makes scans for close-ups: in the head frame, as finely triangulated as the population allows."""
    from research.synthesis.generated_scan import ScanMaker

    finest = (1e9, 1e9)
    return ScanMaker(population, options=options, seed=seed, posed=False, shoulders=0.0, triangles=finest)


def close_ups(
    maker: ScanMaker,
    region: str,
    *,
    plain: ScanMaker | None = None,
    count: int = 24,
    columns: int = 2,
    width: int = 320,
    start: int = 0,
) -> Canvas:
    """Draw a region of ``count`` scans, each face in two looks; a red dot is a landmark on the surface.

    A blue ring is one that lies more than 1 mm below the surface that is drawn, above it, or over a hole.

    Parameters
    ----------
    maker : ScanMaker, not posed
    region : one of ``REGIONS``
    plain : ScanMaker, makes the same people without the effect; they are drawn to the left of each
    count : int, number of people
    columns : int, people in a row
    width : int, pixels of a close-up, which shows ``WIDE`` millimetres
    start : int, number of the first scan

    Raises
    ------
    ValueError
        The population lacks the landmarks that the region is found by.
    """
    makers = [maker] if plain is None else [plain, maker]
    looks = views(maker, region, width)
    wide, high = len(looks) * len(makers) * width + _GAP, looks[0].height + _GAP
    sheet = Canvas(columns * wide - _GAP, -(-count // columns) * high - _GAP, PAPER)
    for number in range(count):
        row, column = divmod(number, columns)
        left = column * wide
        for each in makers:
            for picture in scan_pictures(each.scan(start + number), region, looks):
                sheet.paste(picture, left, row * high)
                left += width
    return sheet


def views(maker: ScanMaker, region: str, width: int) -> tuple[View, ...]:
    """The looks at a region of the scans of ``maker``, of ``width`` pixels."""
    scale = width / WIDE
    places = dict(zip(maker.population.labels, maker.source.prototype.double().numpy(), strict=True))
    found = []
    for window in REGIONS[region]:
        if lacking := set(window.around) - set(maker.labels):
            raise ValueError(f"the population lacks {', '.join(sorted(lacking))}: no close-up of the {region}")
        middle = np.mean([places[label] for label in window.around], axis=0)
        found.append(View(window.direction, middle, scale, width, round(HIGH * scale)))
    return tuple(found)


def scan_pictures(scan: GeneratedScan, region: str, looks: Sequence[View]) -> list[NDArray[np.uint8]]:
    """A scan in the head frame seen in each of the looks, with the landmarks of the region that it shows."""
    shown = region_labels(region)
    vertices = scan.to_head.apply(scan.surface.vertices)
    places = [scan.to_head.apply(place[None])[0] for label, place in scan.landmarks.items() if label in shown]
    return [close_up(vertices, np.asarray(scan.surface.faces), np.array(places).reshape(-1, 3), look) for look in looks]


def close_up(vertices: FloatArray, faces: NDArray[np.int64], landmarks: FloatArray, view: View) -> NDArray[np.uint8]:
    """A part of a mesh (V, 3), (F, 3) in the head frame, with landmarks (L, 3): (H, W, 3)."""
    near = view.to_view(vertices)[:, 2] > -_DEEP
    drawn = drawn_views(grey_mesh(vertices, faces[near[faces].all(axis=1)]), [view], engine="software")[0]
    picture = Canvas(view.width, view.height, PAPER)
    picture.paste(reduced(drawn.image), 0, 0)
    off = np.abs(view.to_view(landmarks)[:, 2] - depth_at(view, drawn, landmarks)) > _OFF
    for (column, row), ring in zip(view.to_pixels(landmarks), off, strict=True):
        picture.dot(column, row, radius=_DOT, colour=_BLUE if ring else _RED)
        if ring:
            picture.dot(column, row, radius=_DOT - 1.4, colour=PAPER)
    return np.clip(picture.pixels + 0.5, 0, 255).astype(np.uint8)


def grey_mesh(vertices: FloatArray, faces: NDArray[np.int64]) -> ColouredMesh:
    """The mesh in grey, on which light and shade show best."""
    return ColouredMesh(
        vertices, faces, vertex_normals(vertices, faces), np.tile(np.asarray(_GREY), (len(vertices), 1))
    )

"""Input and output of a drawing engine: a coloured mesh, the light, and the three views of a face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BACKGROUND = (0.965, 0.97, 0.98)
SKIN = (0.93, 0.78, 0.68)
UNCERTAIN = (1.0, 0.55, 0.0)
INK = (0.16, 0.18, 0.22)
FAINT_INK = (0.45, 0.48, 0.53)
PAPER = (1.0, 1.0, 1.0)

AMBIENT = 0.30
# Where each light stands, in the view frame (right, up, towards the viewer), and how strong it is.
LIGHTS = (((-0.55, 0.75, 0.9), 0.52), ((0.9, 0.15, 0.55), 0.30), ((0.0, -0.6, 0.8), 0.20))

GROUP_COLOURS = (
    (0.12, 0.35, 0.80),
    (0.80, 0.10, 0.25),
    (0.05, 0.50, 0.35),
    (0.45, 0.15, 0.65),
    (0.00, 0.50, 0.65),
    (0.80, 0.15, 0.60),
    (0.30, 0.30, 0.35),
    (0.35, 0.45, 0.05),
    (0.45, 0.25, 0.10),
    (0.10, 0.15, 0.45),
)


@dataclass(frozen=True, eq=False)
class ColouredMesh:
    """Triangles with a normal and a colour at every vertex.

    Attributes
    ----------
    vertices : (P, 3) float64
        Millimetres; the frame is the one of the scene or view that holds the mesh.
    faces : (F, 3) int64
    normals : (P, 3) float64
        Unit vectors.
    colours : (P, 3) float64
        Red, green, blue in [0, 1].
    shading : float
        Share of light and shade in [0, 1]; less of it leaves the colours of a map as they are in its colour bar.
    """

    vertices: Array
    faces: NDArray[np.int64]
    normals: Array
    colours: Array
    shading: float = 1.0


@dataclass(frozen=True)
class Direction:
    """A looking direction in the head frame (+x the subject's left, +y up, +z out of the face).

    Attributes
    ----------
    title : str
        What the panel is called.
    axes : tuple of 3 vectors
        Where the picture's right, the picture's up and the direction towards the viewer lie in the head frame.
    near_half : bool
        Landmarks of the far half of the head are not for this view, even where an open scan lets them be seen.
    """

    title: str
    axes: tuple[tuple[float, float, float], ...]
    near_half: bool = False

    @property
    def rotation(self) -> Array:
        """(3, 3): head frame to view frame."""
        return np.array(self.axes, dtype=np.float64)


RIGHT_SIDE = Direction("right side", ((0, 0, 1), (0, 1, 0), (-1, 0, 0)), near_half=True)
FRONT = Direction("front", ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
LEFT_SIDE = Direction("left side", ((0, 0, -1), (0, 1, 0), (1, 0, 0)), near_half=True)
_DIAGONAL = float(np.sqrt(0.5))
RIGHT_OBLIQUE = Direction(
    "right 45°", ((_DIAGONAL, 0, _DIAGONAL), (0, 1, 0), (-_DIAGONAL, 0, _DIAGONAL)), near_half=True
)
LEFT_OBLIQUE = Direction("left 45°", ((_DIAGONAL, 0, -_DIAGONAL), (0, 1, 0), (_DIAGONAL, 0, _DIAGONAL)), near_half=True)
DIRECTIONS = (RIGHT_SIDE, FRONT, LEFT_SIDE)


@dataclass(frozen=True, eq=False)
class View:
    """An orthographic picture of the scene.

    Attributes
    ----------
    direction : Direction
    centre : (3,) array
        The point of the head frame in the middle of the picture, mm.
    scale : float
        Pixels per millimetre.
    width, height : int
        Pixels.
    """

    direction: Direction
    centre: Array
    scale: float
    width: int
    height: int

    def to_view(self, points: Array) -> Array:
        """(N, 3) head frame to (right, up, towards the viewer), mm, zero in the middle of the picture."""
        return np.asarray((points - self.centre) @ self.direction.rotation.T)

    def to_pixels(self, points: Array) -> Array:
        """(N, 3) head frame to (N, 2) column and row, from the upper left corner."""
        seen = self.to_view(points)
        return np.stack([self.width / 2 + seen[:, 0] * self.scale, self.height / 2 - seen[:, 1] * self.scale], axis=1)

    def mesh(self, mesh: ColouredMesh) -> ColouredMesh:
        """The mesh in this view's frame."""
        normals = mesh.normals @ self.direction.rotation.T
        return ColouredMesh(self.to_view(mesh.vertices), mesh.faces, normals, mesh.colours, mesh.shading)

    def enlarged(self, factor: int) -> View:
        """The same picture with more pixels."""
        return View(self.direction, self.centre, self.scale * factor, self.width * factor, self.height * factor)


@dataclass(frozen=True, eq=False)
class DrawnView:
    """A drawn view.

    Attributes
    ----------
    image : (H, W, 3) uint8
        Row 0 is the top.
    depth : (H, W) float32
        How far towards the viewer the drawn surface lies, mm in the view frame; -inf where nothing is drawn.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]


def views_of(focus: Array, *, width: int, height: int, margins: tuple[int, int]) -> tuple[View, ...]:
    """Views of one scale that all show the focus box.

    Parameters
    ----------
    focus : (2, 3) array
        Lowest and highest corner of what must be visible, head frame, mm.
    width, height : int
        Pixels of one view.
    margins : (int, int)
        Pixels kept free of the focus box at the sides, and at top and bottom.
    """
    extent = np.maximum(focus[1] - focus[0], 1e-6)
    wide = max(width - 2 * margins[0], 1) / max(extent[0], extent[2])
    high = max(height - 2 * margins[1], 1) / extent[1]
    centre = focus.mean(axis=0)
    return tuple(View(direction, centre, min(wide, high), width, height) for direction in DIRECTIONS)

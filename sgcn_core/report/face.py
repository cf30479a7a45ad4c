"""The face of a report: surface and landmarks, upright, in millimetres, and pictures of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.report.frame import head_axes
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.viz.canvas import png_bytes
from sgcn_core.viz.picture import drawn_views, reduced, visible_points
from sgcn_core.viz.scene import Scene
from sgcn_core.viz.views import BACKGROUND, SKIN, ColouredMesh, Direction, DrawnView, View

FloatArray = NDArray[np.float64]

PIXELS_PER_MM = 5.0
"""Of the page; about 130 dots per inch."""
_ROOM = 0.13  # around the landmarks, of the larger side of their box
_GREY = (0.86, 0.86, 0.86)


@dataclass(frozen=True, eq=False, kw_only=True)
class Face(ReadOnlyArrays):
    """Surface and landmarks of a case in the axes of its head.

    Attributes
    ----------
    labels, status : tuple of str, L of them
    to_check : tuple of str
        Labels that are uncertain for a reason that lies in the scan.
    points : ndarray (L, 3)
        Left, up and out, millimetres from `origin`; NaN where missing.
    surface : Surface or None
        In the same axes; its frame has no meaning there.
    normals : ndarray (P, 3) or None
        Of its vertices.
    axes : ndarray (3, 3)
        Rows: the subject's left, up, and out of the face in LPS; determinant +1.
    origin : ndarray (3,)
        LPS, millimetres.
    """

    labels: tuple[str, ...]
    status: tuple[str, ...]
    points: FloatArray
    surface: Surface | None
    normals: FloatArray | None
    axes: FloatArray
    origin: FloatArray
    to_check: tuple[str, ...] = ()

    @classmethod
    def of_case(cls, case: AnalysisCase, *, normal: ArrayLike | None = None) -> Face:
        """The face of a case; `normal` (LPS) of a midsagittal plane makes the pictures upright by that plane.

        Raises
        ------
        LandmarkError
            Too few landmarks are placed to tell how the head is turned.
        """
        axes = head_axes(_plain_result(case), normal=normal)
        origin = np.nanmean(case.positions, axis=0)
        surface, normals = case.surface, None
        if surface is not None:
            surface = surface.with_(vertices=(surface.vertices - origin) @ axes.T, cut_planes=())
            normals = vertex_normals(surface.vertices, surface.faces)
        return cls(
            labels=case.labels,
            status=case.status,
            points=(case.positions - origin) @ axes.T,
            surface=surface,
            normals=normals,
            axes=axes,
            origin=origin,
            to_check=case.to_check,
        )

    def with_surface(self, surface: Surface) -> Face:
        """The same face with another surface (mm, LPS), in the same axes."""
        turned = surface.with_(vertices=self.to_head(surface.vertices), cut_planes=())
        return replace(self, surface=turned, normals=vertex_normals(turned.vertices, turned.faces))

    def to_head(self, points: ArrayLike) -> FloatArray:
        """Points (..., 3) of LPS as left, up and out."""
        moved: FloatArray = (np.asarray(points, dtype=np.float64) - self.origin) @ self.axes.T
        return moved

    @property
    def focus(self) -> FloatArray:
        """Lowest and highest corner (2, 3) of the landmarks, with some room, within the surface."""
        placed = self.points[np.isfinite(self.points).all(axis=1)]
        low, high = placed.min(axis=0), placed.max(axis=0)
        room = _ROOM * max(high[0] - low[0], high[1] - low[1])
        if self.surface is None:
            return np.stack([low - room, high + room])
        whole = self.surface.vertices
        return np.stack([np.maximum(low - room, whole.min(axis=0)), np.minimum(high + room, whole.max(axis=0))])

    def view(self, direction: Direction, *, width: float, height: float, scale: float | None = None) -> View:
        """A view of the landmarks for `width` x `height` mm of the page; `scale` page mm per mm, by default to fit."""
        placed = self.points[np.isfinite(self.points).all(axis=1)]
        seen = placed @ direction.rotation.T
        low, high = seen.min(axis=0), seen.max(axis=0)
        room = _ROOM * max(high[0] - low[0], high[1] - low[1], 1.0)
        extent = high - low + 2 * room
        fitting = min(width / extent[0], height / extent[1])
        pixels = (round(width * PIXELS_PER_MM), round(height * PIXELS_PER_MM))
        centre = (low + high) / 2 @ direction.rotation
        return View(direction, centre, (scale or fitting) * PIXELS_PER_MM, *pixels)

    def mesh(self, colours: FloatArray | None = None, *, grey: bool = False, shading: float = 1.0) -> ColouredMesh:
        """The surface in one colour, or with the colours (P, 3) of a map."""
        assert self.surface is not None and self.normals is not None
        if colours is None:
            colours = np.tile(np.asarray(_GREY if grey else SKIN), (len(self.surface.vertices), 1))
        return ColouredMesh(self.surface.vertices, self.surface.faces, self.normals, colours, shading)


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn view.

    Attributes
    ----------
    view : View
    png : bytes
        Empty where there is no surface.
    depth : DrawnView or None
        The drawing, with the depth of its pixels.
    """

    view: View
    png: bytes
    depth: DrawnView | None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height, millimetres of the page."""
        return self.view.width / PIXELS_PER_MM, self.view.height / PIXELS_PER_MM

    def on_page(self, points: ArrayLike) -> FloatArray:
        """Points (N, 3) of the head's axes as millimetres (N, 2) from the upper left corner."""
        return self.view.to_pixels(np.asarray(points, dtype=np.float64)) / PIXELS_PER_MM

    def shows(self, points: FloatArray, *, within: float = 2.0) -> NDArray[np.bool_]:
        """Which points (N, 3) lie inside the picture and at most `within` mm under the surface."""
        if self.depth is None:
            return np.asarray(np.isfinite(points).all(axis=1), dtype=np.bool_)
        depth, factor = self.depth.depth, self.depth.depth.shape[0] / self.view.height
        pixels = np.floor(self.view.to_pixels(points) * factor).astype(int)
        inside = ((pixels >= 0) & (pixels < (depth.shape[1], depth.shape[0]))).all(axis=1)
        column, row = np.where(inside[:, None], pixels, 0).T
        return np.asarray(inside & (depth[row, column] <= self.view.to_view(points)[:, 2] + within))


def draw(mesh: ColouredMesh | None, views: Sequence[View], *, engine: str = "auto") -> tuple[Picture, ...]:
    """Pictures of a mesh in the head's axes; without one, empty pictures for landmarks alone.

    Raises
    ------
    RenderError
        Nothing could be drawn.
    """
    if mesh is None:
        return tuple(Picture(view, b"", None) for view in views)
    drawn = drawn_views(mesh, views, engine=engine)
    return tuple(Picture(view, png_bytes(reduced(each.image)), each) for view, each in zip(views, drawn, strict=True))


def visible_landmarks(face: Face, picture: Picture) -> list[int]:
    """Places of the landmarks that the picture shows."""
    placed = [place for place, status in enumerate(face.status) if status != "missing"]
    if picture.depth is None:
        return placed
    points = face.points[placed]
    mesh = ColouredMesh(np.empty((0, 3)), np.empty((0, 3), np.int64), np.empty((0, 3)), np.empty((0, 3)))
    scene = Scene(mesh, face.focus, tuple(face.labels[i] for i in placed), points, points, ())
    return [placed[number] for number in visible_points(scene, picture.view, picture.depth)]


def background() -> tuple[float, float, float]:
    """Colour behind the face."""
    return BACKGROUND


def _plain_result(case: AnalysisCase) -> LandmarkResult:
    return LandmarkResult(case.labels, case.positions, np.ones(len(case.labels)), case.status)

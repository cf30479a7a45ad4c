"""Surface: a validated triangle mesh with its unit and anatomical frame. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import SurfaceError
from sgcn_core.types.arrays import read_only
from sgcn_core.types.field_of_view import CutPlane
from sgcn_core.types.units import checked_frame, checked_unit

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

ORIGINS: tuple[str, ...] = ("mesh", "volume", "point cloud")


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh in the coordinates of its file.

    Parameters
    ----------
    vertices : array_like (P, 3)
        Positions in the file's own frame and unit; stored as C-contiguous float64, read-only.
    faces : array_like (F, 3) of integers
        0-based vertex indices; stored as int64, read-only.
    unit : {"um", "mm", "cm", "m", "in"}, a length such as "7.3mm", or None
        As the file declares it, None where it does not.
    frame : {"LPS", "RAS"}
        Anatomical frame; Slicer takes a mesh without a tag as LPS.
    source : str or None
        Where it came from, for messages.
    anatomical : bool
        Whether the axes are stated to be the patient's, as in CT and MR: `frame` then tells how the head is turned,
        unless the statement is wrong (Slicer tags scans of arbitrary axes as well).
    cut_planes : tuple of CutPlane
        Where the field of view of a volume cuts the head; they move with the surface.
    notes : tuple of str
        Messages on how it was changed from its file.
    origin : {"mesh", "volume", "point cloud"}
        Source data. The skin of a volume is always in millimetres; the unit a mesh declares may be wrong.

    Raises
    ------
    SurfaceError
        Wrong shapes or types, no vertex, no triangle, NaN or infinite positions, indices out of range.
    """

    vertices: FloatArray
    faces: IndexArray
    unit: str | None = None
    frame: str = "LPS"
    source: str | None = None
    anatomical: bool = False
    cut_planes: tuple[CutPlane, ...] = ()
    notes: tuple[str, ...] = ()
    origin: str = "mesh"

    def __post_init__(self) -> None:
        prefix = f"{self.source}: " if self.source else ""
        vertices = _checked_vertices(self.vertices, prefix)
        if self.origin not in ORIGINS:
            raise SurfaceError(f"{prefix}unknown origin {self.origin!r}; use one of {', '.join(ORIGINS)}")
        object.__setattr__(self, "vertices", read_only(vertices))
        object.__setattr__(self, "faces", read_only(_checked_faces(self.faces, len(vertices), prefix)))
        object.__setattr__(self, "unit", None if self.unit is None else checked_unit(self.unit))
        object.__setattr__(self, "frame", checked_frame(self.frame))

    def __repr__(self) -> str:
        unit = self.unit or "unit not declared"
        return f"Surface({len(self.vertices)} vertices, {len(self.faces)} triangles, {unit}, {self.frame})"

    @property
    def bounds(self) -> FloatArray:
        """Smallest and largest coordinates, shape (2, 3), of the vertices that a triangle uses."""
        used = self.vertices[used_vertices(len(self.vertices), self.faces)]
        return np.stack([used.min(axis=0), used.max(axis=0)])

    @property
    def extent(self) -> FloatArray:
        """Size of the bounding box, shape (3,), of the vertices that a triangle uses."""
        low, high = self.bounds
        size: FloatArray = high - low
        return size

    def with_(self, **changes: Any) -> Surface:
        """A copy with some fields replaced, validated again."""
        return replace(self, **changes)

    def transformed(self, matrix: ArrayLike) -> Surface:
        """Move every vertex by an affine 4x4 matrix (column vectors).

        A matrix that mirrors (negative determinant) also reverses the triangles, so outward normals stay outward.
        The tags `unit` and `frame` are kept: change them with :meth:`with_` where the matrix changes them.
        """
        affine = np.asarray(matrix, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.allclose(affine[3], (0, 0, 0, 1)):
            raise SurfaceError(f"an affine 4x4 matrix with last row 0 0 0 1 is needed, received {affine!r}")
        linear = affine[:3, :3]
        faces = self.faces[:, ::-1] if np.linalg.det(linear) < 0 else self.faces
        planes = tuple(plane.transformed(affine) for plane in self.cut_planes)
        return self.with_(vertices=self.vertices @ linear.T + affine[:3, 3], faces=faces, cut_planes=planes)

    def in_frame(self, frame: str) -> Surface:
        """The same surface in "LPS" or "RAS": x and y change sign (a half turn, never a mirror)."""
        target = checked_frame(frame)
        if target == self.frame:
            return self
        return self.transformed(np.diag((-1.0, -1.0, 1.0, 1.0))).with_(frame=target)

    def clipped(self, face_mask: ArrayLike) -> Surface:
        """Keep the triangles where `face_mask` (F,) is true; vertices and their indices stay as they are."""
        mask = np.asarray(face_mask)
        if mask.shape != (len(self.faces),) or mask.dtype != np.bool_:
            raise SurfaceError(
                f"a boolean mask of shape ({len(self.faces)},), one value per triangle, is needed; "
                f"received {mask.dtype} of shape {mask.shape}"
            )
        return self.with_(faces=self.faces[mask])

    def compacted(self) -> Surface:
        """Drop the vertices no triangle uses; the others keep their order and are renumbered."""
        vertices, faces = compacted(self.vertices, self.faces)
        return self.with_(vertices=vertices, faces=faces)


def used_vertices(count: int, faces: IndexArray) -> NDArray[np.bool_]:
    """Which of ``count`` vertices the triangles (F, 3) use, (count,)."""
    used = np.zeros(count, dtype=bool)
    used[faces] = True
    return used


def compacted(vertices: FloatArray, faces: IndexArray) -> tuple[FloatArray, IndexArray]:
    """The vertices (Q, 3) that triangles (F, 3) use, in their order, and the triangles with their new numbers."""
    used = used_vertices(len(vertices), faces)
    number: IndexArray = np.cumsum(used, dtype=np.int64) - 1
    return vertices[used], number[faces]


def coincident_vertices(vertices: FloatArray) -> tuple[IndexArray, IndexArray]:
    """Group vertices at exactly equal coordinates, in order of first appearance.

    Parameters
    ----------
    vertices : ndarray (P, 3)

    Returns
    -------
    first : ndarray (Q,) of int64
        Index of the first vertex of each group, ascending.
    group : ndarray (P,) of int64
        Group of each vertex: ``vertices[first][group]`` equals `vertices`.
    """
    order = np.lexsort((vertices[:, 2], vertices[:, 1], vertices[:, 0]))
    ordered = vertices[order]
    starts = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    first_of_group = order[starts]
    appearance = np.argsort(first_of_group)
    rank = np.empty(len(appearance), dtype=np.int64)
    rank[appearance] = np.arange(len(appearance))
    group = np.empty(len(vertices), dtype=np.int64)
    group[order] = rank[np.cumsum(starts) - 1]
    return first_of_group[appearance].astype(np.int64), group


def _checked_vertices(values: ArrayLike, prefix: str) -> FloatArray:
    try:
        vertices = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SurfaceError(f"{prefix}vertices must be numbers of shape (P, 3): {error}") from error
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise SurfaceError(f"{prefix}vertices must have shape (P, 3), received {vertices.shape}")
    if len(vertices) == 0:
        raise SurfaceError(f"{prefix}the surface has no vertices")
    if not np.isfinite(vertices).all():
        bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
        raise SurfaceError(
            f"{prefix}{len(bad)} of {len(vertices)} vertices are NaN or infinite (the first is vertex {bad[0]}); "
            "repair the mesh or export it again"
        )
    return vertices


def _checked_faces(values: ArrayLike, vertex_count: int, prefix: str) -> IndexArray:
    faces = np.asarray(values)
    if faces.size == 0:
        raise SurfaceError(
            f"{prefix}the surface has {vertex_count} vertices but no triangles; a point cloud must be meshed first"
        )
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise SurfaceError(
            f"{prefix}faces must be integers of shape (F, 3), received {faces.dtype} of shape {faces.shape}"
        )
    lowest, highest = int(faces.min()), int(faces.max())
    if lowest < 0 or highest >= vertex_count:
        raise SurfaceError(
            f"{prefix}faces refer to vertices {lowest} to {highest}, but there are {vertex_count} vertices "
            f"(0 to {vertex_count - 1}); the file is damaged or truncated"
        )
    return np.ascontiguousarray(faces, dtype=np.int64)

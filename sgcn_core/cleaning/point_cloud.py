"""A surface through points that have no triangles, as depth cameras and laser scanners deliver them. In any unit.

Each point has a tangent plane; the mean signed distance from the planes nearby is zero on the surface (Hoppe et al.
1992, Curless and Levoy 1996; VTK's vtkSignedDistance and vtkExtractSurface). Where there is no point nearby there is no
surface either: nothing is bridged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import SurfaceError
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEIGHBOURS = 16  # of a point, that tell its tangent plane
_FEWEST = 3_000  # of a whole head these lie 7 mm apart; with fewer hardly a landmark is found
_MOST = 120_000  # points worked with; of more, one from each cell of a grid
_LONELY = 6.0  # times further from its neighbours than usual a point is noise
_THICKEST = 0.05  # share of the spread of a neighbourhood across it, in a cloud that lies on a surface
_VOXEL = 0.8  # mean distances of the points
_REACH = 2.2  # mean distances of the points up to which their planes count
_NEAREST, _NARROW = 8, 0.7  # points, and mean distances of them, that decide in the end
_TRIMMED = 1.6  # mean distances of the points, from which a vertex has none beside it
_VOXELS = 320  # along the longest side at most


def surface_of_points(
    points: ArrayLike,
    normals: ArrayLike | None = None,
    *,
    unit: str | None = None,
    frame: str = "LPS",
    source: str | None = None,
) -> Surface:
    """Reconstruct a surface from points alone.

    Parameters
    ----------
    points : (N, 3)
        In any unit.
    normals : (N, 3), optional
        Of the surface at the points, all on the same side of it; estimated if not given or not usable.
    unit, frame, source
        As of :class:`Surface`.

    Returns
    -------
    Surface
        Its vertices are new; they lie within about the distance of neighbouring points from the cloud.

    Raises
    ------
    SurfaceError
        Not finite, too few points for a face, or points that do not lie on a surface.
    """
    prefix = f"{source}: " if source else ""
    cloud, given = _checked(points, normals, prefix)
    around = find_neighbourhoods(cloud)
    crowded = around.reach <= _LONELY * np.median(around.reach)
    if not crowded.all() and crowded.sum() >= _FEWEST:
        cloud, given = cloud[crowded], None if given is None else given[crowded]
        around = find_neighbourhoods(cloud)
    _refuse_without_surface(around, prefix)
    facing = estimate_normals(cloud, around) if given is None else given
    vertices, faces = _zero_set(cloud, facing, around.spacing)
    faces = _near_points(vertices, faces, cloud, around.spacing)
    if len(faces) == 0:
        raise SurfaceError(f"{prefix}no surface could be reconstructed from the {len(cloud)} points; mesh them first")
    surface = Surface(vertices, faces, unit, frame, source=source, origin="point cloud").compacted()
    return surface.with_(
        vertices=_closer(surface.vertices, cloud, facing, around.spacing),
        notes=(f"surface reconstructed from {len(np.asarray(points))} points",),
    )


def _checked(points: ArrayLike, normals: ArrayLike | None, prefix: str) -> tuple[FloatArray, FloatArray | None]:
    cloud = np.ascontiguousarray(points, dtype=np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 3 or not np.isfinite(cloud).all():
        raise SurfaceError(f"{prefix}points must be finite numbers of shape (N, 3), received shape {cloud.shape}")
    chosen = _thinned(cloud)
    cloud, first = np.unique(cloud[chosen], axis=0, return_index=True)
    if len(cloud) < _FEWEST:
        raise SurfaceError(
            f"{prefix}the surface has {len(cloud)} different points but no triangles; a point cloud of a face needs at "
            f"least {_FEWEST} points: export a mesh instead, or more points"
        )
    if normals is None:
        return cloud, None
    given = np.asarray(normals, dtype=np.float64)
    if given.shape != np.shape(points):
        raise SurfaceError(f"{prefix}one normal per point is needed, received {given.shape} for {np.shape(points)}")
    given = given[chosen[first]]
    length = np.linalg.norm(given, axis=1)
    if not np.isfinite(given).all() or (length < 1e-6).mean() > 0.01:
        return cloud, None
    return cloud, given / np.maximum(length, 1e-6)[:, None]


def _thinned(points: FloatArray) -> IntArray:
    """Ids of at most about _MOST points, evenly spread: the first of each cell of a grid."""
    if len(points) <= _MOST:
        return np.arange(len(points))
    low, size = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-300)
    cells = np.sqrt(_MOST)  # along a side; a surface fills about as many cells as a square of them
    for _ in range(12):
        place = ((points - low) / size * cells).astype(np.int64)
        _, first = np.unique((place[:, 0] << 42) | (place[:, 1] << 21) | place[:, 2], return_index=True)
        if 0.7 * _MOST <= len(first) <= _MOST or cells >= 2**20:
            break
        # The points of one far away make the others fill few cells.
        cells = min(cells * np.sqrt(0.85 * _MOST / len(first)), 2.0**20)
    return np.sort(first)


def _refuse_without_surface(around: Neighbourhoods, prefix: str) -> None:
    thickness = float(np.median(around.thickness))
    if thickness > _THICKEST:
        raise SurfaceError(
            f"{prefix}the points do not lie on a surface (neighbours spread {100 * thickness:.0f} % across it, at most "
            f"{100 * _THICKEST:.0f} % are expected): the cloud is too sparse or noisy, or fills a volume; mesh it first"
        )


def _zero_set(points: FloatArray, normals: FloatArray, spacing: float) -> tuple[FloatArray, IntArray]:
    """Vertices and triangles where the mean distance from the tangent planes is zero."""
    from vtkmodules.vtkFiltersPoints import vtkExtractSurface, vtkSignedDistance

    from sgcn_core.geometry.vtk_bridge import from_polydata

    low, high = points.min(axis=0), points.max(axis=0)
    voxel = max(_VOXEL * spacing, float((high - low).max()) / _VOXELS)
    reach = max(_REACH * spacing, 2.0 * voxel)
    counts = np.ceil((high - low + 2.0 * reach) / voxel).astype(int) + 1
    start = low - reach
    end = start + (counts - 1) * voxel
    distance = vtkSignedDistance()
    distance.SetInputData(_polydata(points, normals))
    distance.SetDimensions(*counts.tolist())
    distance.SetBounds(start[0], end[0], start[1], end[1], start[2], end[2])
    distance.SetRadius(reach)
    extraction = vtkExtractSurface()
    extraction.SetInputConnection(distance.GetOutputPort())
    extraction.SetRadius(reach)
    extraction.HoleFillingOff()
    extraction.ComputeNormalsOff()
    extraction.Update()
    output = extraction.GetOutput()
    if output.GetNumberOfPolys() == 0:
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    vertices, faces = from_polydata(output)
    return np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64)


def _closer(vertices: FloatArray, points: FloatArray, normals: FloatArray, spacing: float) -> FloatArray:
    """Vertices moved along the normal to where the nearest planes count most (implicit moving least squares).

    The grid's mean distance takes wide surroundings, which fills and smooths, but rounds off what is curved.
    """
    from scipy.spatial import cKDTree

    distance, near = map(np.asarray, cKDTree(points).query(vertices, k=_NEAREST))
    weight = np.exp(-0.5 * (distance / (_NARROW * spacing)) ** 2) + 1e-12
    weight /= weight.sum(axis=1, keepdims=True)
    facing = np.einsum("nk,nki->ni", weight, normals[near])
    facing /= np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-12)
    off = np.einsum("nk,nk->n", weight, np.einsum("nki,nki->nk", vertices[:, None] - points[near], normals[near]))
    moved: FloatArray = vertices - np.clip(off, -spacing, spacing)[:, None] * facing
    return moved


def _near_points(vertices: FloatArray, faces: IntArray, points: FloatArray, spacing: float) -> IntArray:
    """Triangles whose corners all have a point beside them."""
    from scipy.spatial import cKDTree

    near = np.asarray(cKDTree(points).query(vertices, distance_upper_bound=_TRIMMED * spacing)[0]) < np.inf
    return faces[near[faces].all(axis=1)]


def _polydata(points: FloatArray, normals: FloatArray) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    places = vtkPoints()
    places.SetData(numpy_to_vtk(points, deep=True))
    polydata = vtkPolyData()
    polydata.SetPoints(places)
    facing = numpy_to_vtk(normals.astype(np.float32), deep=True)
    facing.SetName("Normals")
    polydata.GetPointData().SetNormals(facing)
    return polydata


@dataclass(frozen=True, eq=False)
class Neighbourhoods(ReadOnlyArrays):
    """Neighbourhood of each point.

    Attributes
    ----------
    neighbours : (N, k) int64
    normals : (N, 3)
        Direction in which they spread least; its sign means nothing.
    thickness : (N,)
        Share of the spread (variance) in that direction: 0 on a plane, 1/3 in a volume.
    reach : (N,)
        Distance to the furthest neighbour.
    spacing : float
        Mean distance of neighbouring points, from the area that each has.
    """

    neighbours: IntArray
    normals: FloatArray
    thickness: FloatArray
    reach: FloatArray
    spacing: float


def find_neighbourhoods(points: FloatArray) -> Neighbourhoods:
    """Principal directions of each point's neighbours (N, 3)."""
    from scipy.spatial import cKDTree

    distance, near = map(np.asarray, cKDTree(points).query(points, k=_NEIGHBOURS))
    local = points[near] - points[near].mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", local, local))
    thickness = values[:, 0] / np.maximum(values.sum(axis=1), 1e-300)
    # k points share the disc that reaches to the last of them.
    spacing = float(np.median(distance[:, -1])) * np.sqrt(np.pi / _NEIGHBOURS)
    return Neighbourhoods(near.astype(np.int64), vectors[:, :, 0], thickness, distance[:, -1], spacing)


def estimate_normals(points: FloatArray, around: Neighbourhoods) -> FloatArray:
    """Unit normals (N, 3), on one side of each connected part of the surface.

    The sign is handed on from neighbour to neighbour along a minimal spanning tree, first where normals agree most
    (Hoppe et al. 1992). Which side it is remains open.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

    count, k = around.neighbours.shape
    start, end = np.repeat(np.arange(count), k - 1), around.neighbours[:, 1:].ravel()
    agreement = np.abs(np.einsum("ij,ij->i", around.normals[start], around.normals[end]))
    reach = np.linalg.norm(points[start] - points[end], axis=1) / around.spacing
    weight = 1e-3 + (1.0 - agreement) + 0.02 * reach
    graph = coo_matrix((weight, (start, end)), shape=(count, count)).tocsr()
    tree = minimum_spanning_tree(graph.maximum(graph.T))
    sign = np.ones(count)
    _, part = connected_components(tree, directed=False)
    for root in np.unique(part, return_index=True)[1]:
        order, before = breadth_first_order(tree, root, directed=False)
        _hand_on(sign, around.normals, order.astype(np.int64), before.astype(np.int64))
    return around.normals * sign[:, None]


def _hand_on(sign: FloatArray, normals: FloatArray, order: IntArray, before: IntArray) -> None:
    """Signs along a tree: of each node the product of all changes on its way from the root, by pointer doubling."""
    parent = np.arange(len(sign))
    parent[order[1:]] = before[order[1:]]
    change = np.ones(len(sign))
    change[order[1:]] = np.where(np.einsum("ij,ij->i", normals[order[1:]], normals[before[order[1:]]]) < 0, -1.0, 1.0)
    while True:
        further = parent[parent]
        if (further == parent).all():
            break
        change, parent = change * change[parent], further
    sign[order] = change[order]

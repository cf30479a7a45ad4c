"""Which share of every voxel lies inside closed meshes: exact along one axis of the grid, sampled across the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.synthesis.scan_meshes import Mesh
from sgcn_core.types.volume import Volume

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Box = tuple[slice, slice, slice]

# Rays pass beside vertices and edges at round numbers.
_JITTER = (0.0137, 0.0071)
_CANDIDATES = 4_000_000  # pairs of a triangle and a ray looked at together


@dataclass(frozen=True, eq=False)
class Coverage:
    """A share (nz, ny, nx) in [0, 1] of the voxels of a box of the volume's array; outside the box it is 0."""

    share: NDArray[np.float32]
    box: Box

    def put(self, array: NDArray[np.float32], value: float) -> None:
        """Fill the share of each voxel with a grey value."""
        part = array[self.box]
        part += self.share * (np.float32(value) - part)


def mesh_coverage(mesh: Mesh, volume: Volume, *, rays: int = 2) -> Coverage:
    """Share of each voxel inside a closed mesh.

    Inside is where a ray's winding number is positive (Jacobson et al. 2013, section 3, for rays of one direction):
    closed meshes that overlap are united, and what is turned inside out does not count.

    Parameters
    ----------
    mesh : Mesh
        mm in LPS, closed, normals outwards.
    volume : Volume
        Gives the grid.
    rays : int
        Per voxel and axis across; the share along x is exact.
    """
    matrix = np.linalg.inv(volume.index_to_physical)
    points = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    faces = mesh.faces if np.linalg.det(matrix[:3, :3]) > 0 else mesh.faces[:, ::-1]
    size = np.array(volume.array.shape[::-1])
    low = np.clip(np.floor(points.min(axis=0)).astype(np.int64) - 1, 0, size - 1)
    high = np.clip(np.ceil(points.max(axis=0)).astype(np.int64) + 2, low + 1, size)
    share = _share(points - low, faces, (high - low).tolist(), rays)
    x, y, z = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return Coverage(share, (z, y, x))


def _share(points: FloatArray, faces: IntArray, size: list[int], rays: int) -> NDArray[np.float32]:
    wide, high, deep = size
    ray, x, sign = _crossings(points, faces, high * rays, deep * rays, rays)
    # A ray that slips through between two triangles is left out.
    sums = np.bincount(ray, weights=sign, minlength=high * deep * rays**2)
    sound = sums[ray] == 0
    ray, x, sign = ray[sound], x[sound], sign[sound]
    order = np.argsort(ray * (4.0 * (wide + 1e3)) + np.clip(x, -1e3, wide + 1e3))
    ray, x, sign = ray[order], x[order], sign[order]
    winding = np.cumsum(sign)
    change = (winding > 0).astype(np.float64) - (winding - sign > 0)
    ray, x, change = ray[change != 0], x[change != 0], change[change != 0]
    row, column = np.divmod(ray, high * rays)
    line = (row // rays) * high + column // rays
    x = np.clip(x, -0.5, wide - 0.5)
    voxel = np.floor(x + 0.5).astype(np.int64)
    part = voxel + 0.5 - x
    cells = line * (wide + 2) + voxel
    steps = np.bincount(cells, weights=change * part, minlength=deep * high * (wide + 2))
    steps += np.bincount(cells + 1, weights=change * (1.0 - part), minlength=len(steps))
    total = np.cumsum(steps.reshape(deep, high, wide + 2), axis=2, dtype=np.float32)[..., :wide]
    share: NDArray[np.float32] = np.clip(total / np.float32(rays**2), 0.0, 1.0)
    return share


def _crossings(
    points: FloatArray, faces: IntArray, high: int, deep: int, rays: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Where the rays along x meet the triangles: number of the ray, x in voxels, +1 where it enters and -1 leaves."""
    across = (points[:, 1:] + 0.5) * rays - 0.5 - np.array(_JITTER)
    corners, depth = across[faces], points[faces, 0]
    first = np.clip(np.ceil(corners.min(axis=1)), 0, None).astype(np.int64)
    last = np.minimum(np.floor(corners.max(axis=1)), [high - 1, deep - 1]).astype(np.int64)
    count = np.clip(last - first + 1, 0, None)
    total = count.prod(axis=1)
    found: list[tuple[IntArray, FloatArray, FloatArray]] = []
    groups = np.cumsum(total) // _CANDIDATES
    for group in np.unique(groups[total > 0]):
        chosen = np.flatnonzero((groups == group) & (total > 0))
        triangle = np.repeat(chosen, total[chosen])
        place = np.arange(len(triangle)) - np.repeat(np.cumsum(total[chosen]) - total[chosen], total[chosen])
        v, u = np.divmod(place, count[triangle, 0])
        u, v = u + first[triangle, 0], v + first[triangle, 1]
        hit, x, sign = _hits(corners[triangle], depth[triangle], np.stack([u, v], axis=1))
        found.append((v[hit] * high + u[hit], x, sign))
    if not found:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    ray, x, sign = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return ray, x, sign


def _hits(corners: FloatArray, depth: FloatArray, ray: IntArray) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
    """Which triangles (K, 3, 2) the rays (K, 2) pass, and of those the place along the ray and the sense."""
    ahead = corners[:, [1, 2, 0]]
    edge = ahead - corners
    towards = ray[:, None] - corners
    # Twice the area of the triangle of each edge and the ray: barycentric weights of the corner opposite the edge.
    area = edge[..., 0] * towards[..., 1] - edge[..., 1] * towards[..., 0]
    hit: NDArray[np.bool_] = np.asarray((area > 0).all(axis=1) | (area < 0).all(axis=1))
    weights = area[hit][:, [1, 2, 0]]
    total = weights.sum(axis=1)
    return hit, (weights * depth[hit]).sum(axis=1) / total, -np.sign(total)

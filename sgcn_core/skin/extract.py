"""The skin's surface from a volume: outer skin only, without table and tubes, open where the image ends."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.components import largest_components
from sgcn_core.cleaning.point_cloud import surface_of_points
from sgcn_core.errors import VolumeError
from sgcn_core.geometry.triangles import cross_products
from sgcn_core.skin.coil_falloff import evened
from sgcn_core.skin.field_of_view import (
    RoundFieldOfView,
    field_of_view_box,
    find_cut_planes,
    find_round_field_of_view,
)
from sgcn_core.skin.head_mask import HeadMask, head_mask
from sgcn_core.skin.isosurface import isosurface, smoothed
from sgcn_core.skin.threshold import Tissue, classify_tissue
from sgcn_core.skin.voxel_grid import VoxelGrid, block_means
from sgcn_core.types.field_of_view import CutPlane
from sgcn_core.types.surface import Surface
from sgcn_core.types.volume import Volume

_RESOLUTION = 0.9  # mm; finer voxels are averaged to about this size
_COARSE = 2.5  # mm; of the grid on which the head is told from other things
_NOISY = 0.05  # noise as a share of the contrast from which grey values are smoothed
_BLUR = {"ct": 0.6, "mr": 0.6, "labels": 1.0}  # voxels, of the Gaussian that smooths noise and steps
_PASS_BAND = {"ct": 0.2, "mr": 0.1, "labels": 0.01}
_CAP = 0.85  # cosine to a cut plane's normal from which a triangle beside the plane belongs to the cut
_CAP_DEPTH = 1.5  # voxels
_STRAY = 0.05  # of the largest piece's area


@dataclass(frozen=True, eq=False)
class Skin:
    """The skin surface and how it was found.

    Attributes
    ----------
    surface : Surface
        Outer skin in the image's physical frame, LPS, mm, normals outwards, without triangles on a cut plane; its
        `cut_planes` are those on which the field of view cuts the head.
    threshold : float
        Grey value of the skin; 0.5 (of a voxel) for labels.
    kind : {"ct", "mr", "labels"}
    """

    surface: Surface
    threshold: float
    kind: str


def skin_surface(volume: Volume, *, threshold: float | None = None) -> Surface:
    """The surface alone; see :func:`extract_skin`."""
    return extract_skin(volume, threshold=threshold).surface


def extract_skin(volume: Volume, *, threshold: float | None = None, resolution: float = _RESOLUTION) -> Skin:
    """Extract the outer skin of the head.

    The head is found on a coarse grid: the largest thick piece above the threshold, ears included, cavities closed.
    The surface is then an isosurface of the grey values beside it, so that partial volume places it between voxels.

    Parameters
    ----------
    volume : Volume
    threshold : float, optional
        Grey value between air and skin; found from the grey values if not given.
    resolution : float
        Voxels of less than two thirds of this many mm are averaged before; 0 keeps all.

    Returns
    -------
    Skin

    Raises
    ------
    VolumeError
        There is no head in the volume.
    """
    tissue = classify_tissue(volume, threshold=threshold)
    try:
        view = None if tissue.kind == "labels" else find_round_field_of_view(volume)
        grid = _working_grid(volume, tissue, resolution, view)
        if threshold is None and tissue.kind == "mr" and volume.modality in (None, "MR"):
            grid = evened(grid, tissue)
        steps = grid.factors_to(_COARSE)
        mask = head_mask(_coarse_share(grid, tissue, steps), _times(grid.spacing, steps), hollow=tissue.kind != "ct")
        vertices, faces, cuts = _outer_skin(grid, mask, steps, tissue, volume, view)
        vertices = smoothed(vertices, faces, pass_band=_PASS_BAND[tissue.kind])
        faces = _without_caps(vertices, faces, cuts, volume.direction * grid.spacing[::-1])
        surface = Surface(
            vertices,
            faces,
            "mm",
            volume.frame,
            volume.source,
            anatomical=True,
            cut_planes=tuple(cuts),
            origin="volume",
        )
    except VolumeError as error:
        raise VolumeError(f"{volume.source}: {error}" if volume.source else str(error)) from error
    surface = largest_components(surface, min_area_fraction=_STRAY).compacted()
    return Skin(surface, tissue.threshold, tissue.kind)


def read_scan(path: str | os.PathLike[str], *, unit: str | None = None, series: str | None = None) -> Surface:
    """A surface as its file holds it, one through the points of a cloud, or the skin of a volume.

    Raises
    ------
    FileFormatError
        The file cannot be read; a unit other than mm is stated for a volume.
    SurfaceError
        No usable surface, or a point cloud from which none can be reconstructed.
    """
    from sgcn_core.io.meshes import read_mesh_data, surface_of
    from sgcn_core.io.read import read
    from sgcn_core.io.volumes import is_volume

    if is_volume(path):
        volume = read(path, unit=unit, series=series)
        assert isinstance(volume, Volume)
        return skin_surface(volume)
    data = read_mesh_data(path, unit=unit)
    if len(data.faces):
        return surface_of(data, path)
    frame = data.frame or "LPS"
    surface = surface_of_points(data.vertices, data.normals, unit=data.unit, frame=frame, source=os.fspath(path))
    return surface.with_(anatomical=data.frame is not None, notes=(*data.notes, *surface.notes))


def _working_grid(volume: Volume, tissue: Tissue, resolution: float, view: RoundFieldOfView | None) -> VoxelGrid:
    """Finite float32 values, not much finer than the resolution, without padding and the outermost noise."""
    grid = VoxelGrid.of(volume)
    if tissue.kind == "labels":
        grid = grid.with_values(grid.values > 0)
    else:
        grid = grid.cropped(*field_of_view_box(volume.array))
    grid = grid.averaged(grid.factors_to(resolution) if resolution else (1, 1, 1))
    if view is not None:
        np.putmask(grid.values, np.broadcast_to(view.depth(grid, volume) < 0, grid.values.shape), tissue.air)
    np.nan_to_num(grid.values, copy=False, nan=tissue.air, posinf=tissue.flesh, neginf=tissue.air)
    contrast = tissue.flesh - tissue.air
    if tissue.kind == "labels" or tissue.noise > _NOISY * contrast:
        from scipy.ndimage import gaussian_filter

        grid = grid.with_values(gaussian_filter(grid.values, _BLUR[tissue.kind], mode="nearest", truncate=3.0))
    return grid


def _coarse_share(grid: VoxelGrid, tissue: Tissue, steps: tuple[int, int, int]) -> NDArray[np.float32]:
    """Share of each coarse voxel above the threshold; the last one is made whole by repeating its voxels."""
    above = grid.values > tissue.threshold
    rest = [(0, -n % f) for n, f in zip(above.shape, steps, strict=True)]
    return block_means(np.pad(above, rest, mode="edge"), steps)


def _outer_skin(
    grid: VoxelGrid,
    mask: HeadMask,
    steps: tuple[int, int, int],
    tissue: Tissue,
    volume: Volume,
    view: RoundFieldOfView | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[CutPlane]]:
    """Isosurface of the grey values beside the head, with its inside filled and everything else made air."""
    low, high = _box(mask.near)
    grid = grid.cropped(low * steps, np.minimum(high * steps, grid.values.shape))
    near, deep = (_refined(m, low, high, steps, grid.values.shape) for m in (mask.near, mask.deep))
    head = _filled_head(grid.values > tissue.threshold, near, deep)
    cuts, first, last = find_cut_planes(head, grid, volume)
    # Grey values stay where they tell air from skin; where they contradict the head, they are replaced.
    values = np.where(
        head, np.where(grid.values > tissue.threshold, grid.values, np.float32(tissue.flesh)), grid.values
    )
    values[~head & (values > tissue.threshold)] = tissue.air
    ends = grid.with_values(values).cropped(first, last)
    outside = None
    if view is not None:
        cuts += view.cuts(head, grid, volume)
        outside = np.broadcast_to(view.depth(ends, volume) < 0, ends.values.shape)
    elif tissue.padding is not None:
        # Averaging mixes padding with what lies beside it: half of it is enough.
        outside = grid.cropped(first, last).values < (tissue.padding + tissue.air) / 2
    vertices, faces = isosurface(ends, tissue.threshold, volume, open_beside=outside)
    if len(faces) == 0:
        raise VolumeError("no skin in the volume: the head fills the whole image")
    return vertices, faces, cuts


def _box(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The voxels that a mask needs, and two around it where there are."""
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        low[axis], high[axis] = max(used[0] - 2, 0), min(used[-1] + 3, mask.shape[axis])
    return low, high


def _refined(
    mask: NDArray[np.bool_],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    steps: tuple[int, int, int],
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    """A box of a coarse mask on the finer grid."""
    part = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    for axis, step in enumerate(steps):
        part = np.repeat(part, step, axis=axis)
    return part[tuple(slice(0, n) for n in shape)]


def _filled_head(above: NDArray[np.bool_], near: NDArray[np.bool_], deep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Head on the fine grid: what the outside reaches through no gap of two voxels or less is filled."""
    from scipy.ndimage import binary_dilation, binary_erosion, label

    air = ~((above & near) | deep)
    wide = binary_erosion(air, border_value=1)
    pieces, count = label(wide)
    outside = np.zeros(count + 1, dtype=bool)
    outside[np.unique(pieces[~near])] = True
    outside[0] = False
    reached: NDArray[np.bool_] = binary_dilation(outside[pieces], iterations=2, mask=air)
    return ~reached


def _without_caps(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], cuts: list[CutPlane], steps: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Triangles without those that lie along a cut plane and beside it: they are the image's end, not skin.

    The columns of `steps` lead from voxel to voxel, mm.
    """
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = cross_products(vertices, faces)
    length = np.linalg.norm(normals, axis=1)
    kept = np.ones(len(faces), dtype=bool)
    for cut in cuts:
        depth = _CAP_DEPTH * np.abs(np.asarray(cut.normal) @ steps).max()
        distance = (np.asarray(cut.point) - (a + b + c) / 3) @ np.asarray(cut.normal)
        kept &= ~((distance < depth) & (normals @ np.asarray(cut.normal) > _CAP * length))
    return faces[kept]


def _times(spacing: tuple[float, float, float], steps: tuple[int, int, int]) -> tuple[float, float, float]:
    z, y, x = (length * step for length, step in zip(spacing, steps, strict=True))
    return z, y, x

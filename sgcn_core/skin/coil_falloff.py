"""Fall-off of a coil's sensitivity in MR: how bright flesh is from place to place.

A surface coil sees what is far from it darker: the threshold of the whole image then loses the lower face. The field is
the mean grey value of tissue nearby, tissue being what lies above the threshold there (found in turns, from the noise
upwards); a smooth field, as in the bias corrections that model it by splines (N4: Tustison et al., IEEE TMI 2010), but
of flesh against air only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.skin.threshold import MR_NOISE, Tissue
from sgcn_core.skin.voxel_grid import VoxelGrid

_COARSE = 5.0  # mm; of the grid of the field
_REACH = 25.0  # mm; standard deviation of the weights with which voxels count as nearby
_TURNS = 4
_STRONG = 0.5  # of the flesh's brightness: if a twentieth of the tissue is darker than that, the field is followed
_SHARE = 0.05


def evened(grid: VoxelGrid, tissue: Tissue) -> VoxelGrid:
    """The grid with grey values above air divided by the field, where that is far from even; else the same grid.

    What is brighter than usual stays, and no air becomes as bright as the threshold by its noise.
    """
    if (field := _field(grid, tissue)) is None:
        return grid
    least = np.float32(MR_NOISE * tissue.noise / (tissue.threshold - tissue.air))
    field = np.clip(field, max(least, np.float32(0.1)), np.float32(1.0))
    return grid.with_values(np.float32(tissue.air) + (grid.values - np.float32(tissue.air)) / field)


def _field(grid: VoxelGrid, tissue: Tissue) -> NDArray[np.float32] | None:
    """Brightness of the flesh near each voxel against that of the whole head; None where it is even enough."""
    from scipy.ndimage import affine_transform, gaussian_filter

    steps = grid.factors_to(_COARSE)
    coarse = grid.averaged(steps)
    above = (coarse.values - tissue.air) / (tissue.flesh - tissue.air)
    reach = [_REACH / step for step in coarse.spacing]
    level = (tissue.threshold - tissue.air) / (tissue.flesh - tissue.air)
    noise = MR_NOISE * tissue.noise / (tissue.flesh - tissue.air)
    field = np.zeros_like(above)
    for _ in range(_TURNS):
        inside = above > np.maximum(level * field, max(noise, 0.25 * level))
        weight = gaussian_filter(inside.astype(np.float32), reach, mode="nearest", truncate=3.0)
        total = gaussian_filter(np.where(inside, above, np.float32(0.0)), reach, mode="nearest", truncate=3.0)
        field = np.divide(total, weight, out=np.ones_like(total), where=weight > 1e-3)
    if not inside.any() or np.quantile(field[inside], _SHARE) > _STRONG:
        return None
    offset = [(1.0 / step - 1.0) / 2.0 for step in steps]  # of a block's middle
    scale = [1.0 / step for step in steps]
    fine: NDArray[np.float32] = affine_transform(field, scale, offset, grid.values.shape, order=1, mode="nearest")
    return fine

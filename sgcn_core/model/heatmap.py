"""Ground-truth heatmaps (paper, Eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_heatmaps(points: Tensor, landmarks: Tensor, *, sigma: float = 0.03) -> Tensor:
    """Gaussian of the Euclidean distance from every point to every landmark (Eq. 1).

    Parameters
    ----------
    points : Tensor, shape (..., N, 3), normalised coordinates
    landmarks : Tensor, shape (..., L, 3), the same coordinates; a row of NaN is a landmark that does not exist
    sigma : width of the Gaussian in the same coordinates

    Returns
    -------
    Tensor, shape (..., N, L), in [0, 1]; zero for a landmark that does not exist
    """
    squared = torch.cdist(points, landmarks, compute_mode="donot_use_mm_for_euclid_dist").square()
    return torch.exp(squared / (-2.0 * sigma**2)).nan_to_num(nan=0.0)

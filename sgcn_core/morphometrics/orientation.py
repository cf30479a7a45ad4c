"""Which way the mean shape is turned: by the head where its landmarks are known, else by its principal axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import LandmarkError
from sgcn_core.report.frame import head_axes
from sgcn_core.types.landmarks import LandmarkResult

FloatArray = NDArray[np.float64]

HEAD, PRINCIPAL = "left, up, out", "principal"


def upright(mean: FloatArray, labels: Sequence[str]) -> tuple[FloatArray, str]:
    """Rotation (3, 3) of a mean shape (p, 3) into axes that do not depend on how it lay, and what they are.

    Returns
    -------
    ndarray (3, 3)
        Determinant +1; ``mean @ rotation.T`` is in the axes.
    str
        "left, up, out" or "principal".
    """
    result = LandmarkResult(tuple(labels), mean, np.ones(len(labels)), ("found",) * len(labels))
    try:
        return head_axes(result), HEAD
    except LandmarkError:
        return _principal(mean), PRINCIPAL


def _principal(mean: FloatArray) -> FloatArray:
    """Widest direction first; the first landmark off the middle of each of the first two axes lies on its far side."""
    axes = np.linalg.svd(mean - mean.mean(axis=0))[2]
    for axis in axes[:2]:
        along = mean @ axis
        leading = along[np.abs(along) > 0.1 * np.abs(along).max()][0]
        axis *= np.sign(leading)
    axes[2] = np.cross(axes[0], axes[1])
    return axes

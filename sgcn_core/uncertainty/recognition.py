"""How well each landmark is recognised, from its heatmap and from the shape of all of them.

Alignment, and the decision whether there is a face, go by this; what is reported follows from ``calibration``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.refinement.landmark_estimation import Refined

FloatArray = NDArray[np.float64]

FOUND, UNCERTAIN, MISSING = "found", "uncertain", "missing"

# Peak of the heatmap above which a landmark is found, and below which it is missing.
PEAKS = (0.45, 0.2)
# Times the deviation of the training population that a landmark may be off the mean shape: uncertain, missing.
SHAPE_LIMITS = (4.0, 7.0)


@dataclass(frozen=True, eq=False)
class Confidence:
    """Confidence (L,) in [0, 1], status (L,), and misplacement (L,) in standard deviations of the population."""

    confidence: FloatArray
    status: tuple[str, ...]
    misplacement: FloatArray


def judge(refined: Refined, prototype: FloatArray, deviation: FloatArray) -> Confidence:
    """Confidence and status of every landmark.

    The confidence is the height that the heatmap reaches, lowered where the landmark lies further from its usual place
    in the face than nearly all people's do.

    Parameters
    ----------
    refined : Refined, L landmarks in normalised coordinates
    prototype : (L, 3) array, mean landmarks, normalised
    deviation : (L,) array, how far the population's landmarks lie from the prototype, root mean square
    """
    height = np.clip(refined.peak, 0.0, 1.0)
    misplacement = _misplacement(refined.positions, height, prototype, deviation)
    confidence = height * np.exp(-0.5 * np.maximum(misplacement - 2.0, 0.0) ** 2 / 2.0**2)
    status = []
    for peak, off in zip(height, misplacement, strict=True):
        if peak < PEAKS[1] or off > SHAPE_LIMITS[1]:
            status.append(MISSING)
        elif peak < PEAKS[0] or off > SHAPE_LIMITS[0]:
            status.append(UNCERTAIN)
        else:
            status.append(FOUND)
    return Confidence(confidence, tuple(status), misplacement)


def _misplacement(
    positions: FloatArray, weights: FloatArray, prototype: FloatArray, deviation: FloatArray
) -> FloatArray:
    if np.count_nonzero(weights > PEAKS[1]) < 4:
        return np.full(len(positions), np.inf)
    similarity = align_to_prototype(positions, np.where(weights > PEAKS[1], weights, 0.0), prototype, deviation)
    off: FloatArray = np.linalg.norm(similarity.apply(positions) - prototype, axis=1) / deviation
    return off

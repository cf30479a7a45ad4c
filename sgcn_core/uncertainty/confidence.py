"""Heatmap confidence: how well each landmark is seen, by its heatmap's height and the shape of all landmarks.

Alignment, and the decision whether there is a face, go by this; what is reported follows from the calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.uncertainty.thresholds import FOUND, MISSING, UNCERTAIN, Thresholds

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeatmapConfidence:
    """Heatmap confidence of L landmarks.

    Attributes
    ----------
    confidence : (L,) in [0, 1]
    status : (L,)
    misplacement : (L,), from the mean shape, in standard deviations of the population
    """

    confidence: FloatArray
    status: tuple[str, ...]
    misplacement: FloatArray

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which landmarks (L,) are not missing."""
        return np.array([status != MISSING for status in self.status])


def heatmap_confidence(
    refined: Refined, prototype: FloatArray, deviation: FloatArray, thresholds: Thresholds
) -> HeatmapConfidence:
    """Confidence and status of every landmark.

    The confidence is the height that the heatmap reaches, lowered where the landmark lies further from its usual place
    in the face than nearly all people's do.

    Parameters
    ----------
    refined : Refined, L landmarks in normalised coordinates
    prototype : (L, 3) array, mean landmarks, normalised
    deviation : (L,) array, how far the population's landmarks lie from the prototype, root mean square
    thresholds : Thresholds
    """
    height = np.clip(refined.peak, 0.0, 1.0)
    off = _misplacement(refined.positions, height, prototype, deviation, thresholds.missing_peak)
    confidence = height * np.exp(-0.5 * np.maximum(off - 2.0, 0.0) ** 2 / 2.0**2)
    missing = (height < thresholds.missing_peak) | (off > thresholds.missing_shape)
    uncertain = (height < thresholds.found_peak) | (off > thresholds.uncertain_shape)
    status = np.where(missing, MISSING, np.where(uncertain, UNCERTAIN, FOUND))
    return HeatmapConfidence(confidence, tuple(status.tolist()), off)


def _misplacement(
    positions: FloatArray, heights: FloatArray, prototype: FloatArray, deviation: FloatArray, seen: float
) -> FloatArray:
    if np.count_nonzero(heights > seen) < 4:
        return np.full(len(positions), np.inf)
    to_prototype = align_to_prototype(positions, np.where(heights > seen, heights, 0.0), prototype, deviation)
    off: FloatArray = np.linalg.norm(to_prototype.apply(positions) - prototype, axis=1) / deviation
    return off

"""Guidance: a vague heatmap is combined with a prediction from the other landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.refinement.shape_model import LandmarkShape, Prediction

FloatArray = NDArray[np.float64]

# A heatmap of lower peak than this is believed no less than one of this peak.
_LOWEST_PEAK = 0.25
# Distance from the prediction, in its standard deviations, from which on the prediction loses its say: this face is
# then unlike the population, and the scan is right rather than the statistics.
_UNLIKE = 2.0
_SEEN = 0.2


def belief(peak: FloatArray) -> FloatArray:
    """Weights (L,) of the landmarks when others are predicted from them, by their heatmaps' peaks."""
    height = np.clip(peak, 0.0, 1.0)
    return np.where(height > _SEEN, height**2, 0.0)


def predicted_by_others(refined: Refined, shape: LandmarkShape, deviation: FloatArray) -> tuple[Similarity, Prediction]:
    """Each landmark predicted from all the others; the alignment to the mean shape, in whose frame that is.

    Parameters as of :func:`guided_positions`.
    """
    weights = belief(refined.peak)
    to_mean = align_to_prototype(refined.positions, weights + 1e-6, shape.mean, deviation)
    return to_mean, shape.predict(to_mean.apply(refined.positions), weights)


def guided_positions(refined: Refined, shape: LandmarkShape, deviation: FloatArray) -> FloatArray:
    """Landmarks (L, 3) from the heatmaps and from the prediction by the other landmarks; not on the surface.

    Both are modelled as Gaussian. The heatmap's standard deviation is that with which the network finds the landmark,
    divided by the height of the peak; the other is the predictive covariance of ``LandmarkShape.predict``, widened
    where the two contradict each other. The sharper one decides: the corners of the mouth hardly move, a brow or the
    contour of the jaw, whose place along a smooth ridge no heatmap tells, moves by some millimetres.

    Parameters
    ----------
    refined : Refined, L landmarks in normalised coordinates
    shape : LandmarkShape
    deviation : (L,), of the population around its mean landmarks, for the alignment
    """
    peak = np.clip(refined.peak, 0.0, 1.0)
    to_mean, predicted = predicted_by_others(refined, shape, deviation)
    seen = to_mean.apply(refined.positions)
    identity = np.eye(3)
    own = predicted.covariance - shape.finding[:, None, None] ** 2 * identity
    vague = own * (1.0 + (predicted.distance / _UNLIKE) ** 2)[:, None, None]
    error = shape.finding / np.maximum(peak, _LOWEST_PEAK)
    gain = vague @ np.linalg.inv(vague + error[:, None, None] ** 2 * identity)
    fused = predicted.positions + np.einsum("lij,lj->li", gain, seen - predicted.positions)
    moved: FloatArray = to_mean.inverse().apply(fused)
    return moved

"""Where the other landmarks expect each one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.refinement.guidance import predicted_by_others
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.refinement.shape_model import LandmarkShape

FloatArray = NDArray[np.float64]

UNLIKE = 3.5
"""Standard deviations from the expectation that no face shows: of landmarks told as found 99.9 % lie within 2."""


@dataclass(frozen=True, eq=False)
class Expectation:
    """What the other landmarks say about each of L.

    Attributes
    ----------
    positions : (L, 3), where they expect it, in the frame of the landmarks
    vagueness : (L,), standard deviation of that, per coordinate
    distance : (L,), of the landmark from it in standard deviations, see ``Prediction``
    """

    positions: FloatArray
    vagueness: FloatArray
    distance: FloatArray


def expected_places(refined: Refined, shape: LandmarkShape, deviation: FloatArray) -> Expectation:
    """Each landmark from all the others by the statistics of the population (``LandmarkShape.predict``).

    Parameters
    ----------
    refined : Refined, L landmarks in normalised coordinates
    shape : LandmarkShape
    deviation : (L,), of the population around its mean landmarks, for the alignment
    """
    to_mean, predicted = predicted_by_others(refined, shape, deviation)
    vagueness = np.sqrt(np.trace(predicted.covariance, axis1=1, axis2=2) / 3.0)
    return Expectation(to_mean.inverse().apply(predicted.positions), vagueness, predicted.distance)

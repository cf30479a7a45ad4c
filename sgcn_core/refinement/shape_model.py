"""Shape model: a low-rank Gaussian model of landmarks, which predicts each landmark from the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Prior standard deviation of the rest of pose and size, in radians, normalised units and of the logarithm of the size.
_POSE_FREEDOM = 0.1
_ROUNDS = 8
# Residual, in predictive standard deviations, at which a landmark's say about the others has halved.
_OUTLYING = 2.5
# Landmarks that the network hardly sees say nothing about the others.
_SILENT = 1e-6


@dataclass(frozen=True, eq=False)
class Prediction:
    """Expected position of each landmark, given all the others.

    Attributes
    ----------
    positions : (L, 3), in the frame of the landmarks given
    covariance : (L, 3, 3), of the position of the landmark around the prediction
    distance : (L,), Mahalanobis distance of the landmark from the prediction, divided by the square root of 3
    """

    positions: FloatArray
    covariance: FloatArray
    distance: FloatArray


@dataclass(frozen=True, eq=False)
class LandmarkShape:
    """Mean, modes and noise of a population's landmarks: probabilistic PCA (Tipping and Bishop 1999, J. R. Stat. Soc. B
    61), with a noise of its own for each landmark.

    Attributes
    ----------
    mean : (L, 3), normalised coordinates
    modes : (K, L, 3), each times its standard deviation
    noise : (L,), standard deviation per coordinate of what the modes leave, and of finding the landmark
    finding : (L,), the second of the two: how precisely the network finds a landmark that it sees well
    """

    mean: FloatArray
    modes: FloatArray
    noise: FloatArray
    finding: FloatArray

    @classmethod
    def fit(cls, landmarks: FloatArray, *, modes: int, finding: FloatArray | float) -> LandmarkShape:
        """Fit to people's landmarks (P, L, 3), aligned to each other, and the detection error (L,)."""
        mean = landmarks.mean(0)
        centred = (landmarks - mean).reshape(len(landmarks), -1)
        _, values, directions = np.linalg.svd(centred, full_matrices=False)
        count = min(modes, len(values))
        scaled = directions[:count] * values[:count, None] / np.sqrt(len(landmarks))
        left = centred - centred @ directions[:count].T @ directions[:count]
        variance = (left**2).reshape(len(landmarks), -1, 3).mean((0, 2))
        errors = np.broadcast_to(np.asarray(finding, dtype=np.float64), variance.shape)
        return cls(mean, scaled.reshape(count, *mean.shape), np.sqrt(variance + errors**2), errors)

    def predict(self, positions: FloatArray, weights: FloatArray) -> Prediction:
        """Each landmark from all the others, aligned to ``mean`` within a few degrees before.

        The coefficients of the modes and the rest of the pose are those of the highest posterior; landmarks that the
        others contradict are down-weighted (iteratively reweighted, Cauchy's weight). Leaving one out costs nothing:
        with G = B A^-1 B' of its rows B and the posterior precision A, its residual grows by (I - w G / noise^2)^-1.

        Parameters
        ----------
        positions : (L, 3)
        weights : (L,) in [0, 1], of each landmark
        """
        rows, prior = self._rows()
        offset = positions - self.mean
        say = np.maximum(weights, _SILENT)
        for _ in range(_ROUNDS):
            precision = say / self.noise**2
            posterior = np.linalg.inv(prior + np.einsum("l,lci,lcj->ij", precision, rows, rows))
            residual = offset - rows @ (posterior @ np.einsum("l,lci,lc->i", precision, rows, offset))
            spread = rows @ posterior @ rows.transpose(0, 2, 1)
            alone = np.linalg.inv(np.eye(3) - precision[:, None, None] * spread)
            without = np.einsum("lij,lj->li", alone, residual)
            covariance = spread @ alone + self.noise[:, None, None] ** 2 * np.eye(3)
            covariance = (covariance + covariance.transpose(0, 2, 1)) / 2.0
            solved = np.linalg.solve(covariance, without[..., None])[..., 0]
            distance = np.sqrt(np.maximum((without * solved).sum(1), 0.0) / 3.0)
            say = np.maximum(weights / (1.0 + (distance / _OUTLYING) ** 2), _SILENT)
        return Prediction(positions - without, covariance, distance)

    def _rows(self) -> tuple[FloatArray, FloatArray]:
        """Derivatives (L, 3, K + 7) of the landmarks by modes, rotation, shift and size; the prior precision."""
        count, landmarks = len(self.modes), len(self.mean)
        rows = np.zeros((landmarks, 3, count + 7))
        rows[:, :, :count] = self.modes.transpose(1, 2, 0)
        centred = self.mean - self.mean.mean(0)
        for axis in range(3):
            rows[:, :, count + axis] = np.cross(np.eye(3)[axis], centred)
            rows[:, axis, count + 3 + axis] = 1.0
        rows[:, :, count + 6] = centred
        return rows, np.diag(np.concatenate([np.ones(count), np.full(7, _POSE_FREEDOM**-2)]))

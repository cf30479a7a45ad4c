"""Smooth displacements of a face, given by how its landmarks move."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from research.synthesis.population import Population

Vector = tuple[float, float, float]
# The mean of these is the middle of a cheek.
CHEEK = ("al", "zy", "ch", "jaw4", "jaw5")
# Softens the interpolation, so that neighbouring landmarks that move differently do not fold the skin between them.
_RIDGE = 0.03


@dataclass(frozen=True, eq=False)
class LandmarkFields:
    """Builds displacement fields (V, 3) on the average face of a population.

    Labels are the clinical ones; ``jaw1`` to ``jaw7`` are the pairs of contour points of the 68-point scheme, from the
    ear to beside the chin. Without ``_r`` or ``_l`` a paired label means both sides.

    Attributes
    ----------
    neutral : array (V, 3), average face, head frame, millimetres
    places : position (3,) of each landmark that the population has
    """

    neutral: np.ndarray
    places: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, model: Population) -> LandmarkFields:
        neutral = model.neutral.double().cpu().numpy()
        vertices = zip(model.labels, model.landmarks.tolist(), strict=True)
        places = {label: neutral[vertex] for label, vertex in vertices if vertex >= 0}
        for k in range(1, 8):
            for side, point in (("_r", k), ("_l", 16 - k)):
                if f"ibug{point}" in places:
                    places[f"jaw{k}{side}"] = places[f"ibug{point}"]
        return cls(neutral, places)

    def has(self, *labels: str) -> bool:
        return all(self.sided(label) for label in labels)

    def sided(self, label: str) -> list[str]:
        """The landmarks that a label means."""
        return [name for name in (label, label + "_r", label + "_l") if name in self.places]

    def spread(
        self, moves: Mapping[str, Vector], *, reach: float, outward: bool = True, free: Collection[str] = ()
    ) -> Tensor | None:
        """Field that moves landmarks by given vectors and keeps the other clinical ones in place.

        Interpolation with Wendland's C2 function (Wendland 1995), which vanishes beyond its radius.

        Parameters
        ----------
        moves : label to vector, millimetres; both may name a side
        reach : float
            Radius of the function, millimetres.
        outward : bool
            Of a paired label, x points away from the midline instead of to the subject's left.
        free : labels that neither move by themselves nor are kept in place

        Returns
        -------
        Tensor (V, 3), or None where the population lacks half of the landmarks that move.
        """
        displaced = {}
        for label, vector in moves.items():
            for name in self.sided(label):
                sign = -1.0 if outward and name.endswith("_r") else 1.0
                displaced[name] = (sign * vector[0], vector[1], vector[2])
        if sum(bool(self.sided(label)) for label in moves) * 2 < len(moves):
            return None
        loose = {name for label in free for name in self.sided(label)}
        fixed = [name for name in self.places if not name.startswith(("ibug", "jaw")) and name not in loose]
        anchors = {**{name: (0.0, 0.0, 0.0) for name in fixed}, **displaced}
        centres = np.stack([self.places[name] for name in anchors])
        kernel = _wendland(centres, centres, reach) + _RIDGE * np.eye(len(centres))
        weights = np.linalg.solve(kernel, np.array(list(anchors.values())))
        return torch.from_numpy(_wendland(self.neutral, centres, reach) @ weights).float()

    def bump(self, around: Collection[str], direction: Vector, *, deviation: float) -> Tensor | None:
        """Gaussian hill along ``direction``, one millimetre high, at the mean of some landmarks."""
        if not all(label in self.places for label in around):
            return None
        centre = np.mean([self.places[label] for label in around], axis=0)
        height = np.exp(-np.square(self.neutral - centre).sum(1) / (2.0 * deviation**2))
        unit = np.asarray(direction) / np.linalg.norm(direction)
        return torch.from_numpy(height[:, None] / height.max() * unit).float()


def _wendland(points: np.ndarray, centres: np.ndarray, reach: float) -> np.ndarray:
    distance = np.linalg.norm(points[:, None] - centres, axis=2) / reach
    return np.asarray(np.clip(1.0 - distance, 0.0, None) ** 4 * (4.0 * distance + 1.0))

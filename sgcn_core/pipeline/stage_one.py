"""What stage 1 of 2S-SGCN saw, and how it looks on the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.similarity import Similarity

_NODES_PER_POINT = 4
# Points further from every node than so many node spacings lie outside the crop, where nothing was predicted.
_REACH = 3.0


@dataclass(frozen=True, eq=False)
class StageOne:
    """Heatmaps of the deciding pass.

    Attributes
    ----------
    labels : L landmark names
    heatmaps : (N, L) float32, outputs of the network, about 1 at a landmark and 0 far from it
    nodes : (N, 3) float64, normalised
    to_normalised : Similarity, from the coordinates of the input (in its own unit)
    """

    labels: tuple[str, ...]
    heatmaps: NDArray[np.float32]
    nodes: NDArray[np.float64]
    to_normalised: Similarity

    def on_points(self, points: NDArray[np.float64], label: str) -> NDArray[np.float32]:
        """Heatmap of one landmark at points of the input's surface.

        Parameters
        ----------
        points : (P, 3) float64, in the frame and unit of the input
        label : str

        Returns
        -------
        (P,) float32
            Mean of the four nearest nodes, weighted with the inverse squared distance; 0 outside the crop and where
            the network says less than 0.

        Raises
        ------
        ValueError
            The weights do not know the label.
        """
        from scipy.spatial import cKDTree

        if label not in self.labels:
            raise ValueError(f"there is no heatmap of {label!r}; the weights know {len(self.labels)} landmarks")
        tree = cKDTree(self.nodes)
        spacing = float(np.median(tree.query(self.nodes, k=[2])[0]))
        distance, node = tree.query(
            self.to_normalised.apply(points), k=_NODES_PER_POINT, distance_upper_bound=_REACH * spacing
        )
        heat = np.append(np.maximum(self.heatmaps[:, self.labels.index(label)], 0.0), 0.0)[node]
        weight = np.where(np.isfinite(distance), 1.0 / np.maximum(distance, 1e-6 * spacing) ** 2, 0.0)
        total = weight.sum(axis=1)
        values = np.divide((weight * heat).sum(axis=1), total, out=np.zeros(len(points)), where=total > 0)
        return values.astype(np.float32)

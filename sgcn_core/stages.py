"""Values passed between the steps of the pipeline, each in a stated frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.similarity import Similarity, scaling
from sgcn_core.graph.crop import Region
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.types.surface import compacted
from sgcn_core.uncertainty.confidence import HeatmapConfidence

FloatArray = NDArray[np.float64]
Progress = Callable[[str, float], None]

_NODES_PER_POINT = 4
# Points further from every node than so many node spacings lie outside the crop, where nothing was predicted.
_REACH = 3.0
# Millimetres of the head frame that a crop reaches further than needed, since poses that were found are yet refined.
_SLACK = 20.0


@dataclass(frozen=True, eq=False)
class PosedScan:
    """A scan in millimetres, in its own axes, and the pose of the head in it.

    Attributes
    ----------
    vertices : (P, 3) float64, millimetres
    faces : (F, 3) int64, oriented outwards
    seed : random seed of the surface sampling
    factor : millimetres of one unit of the input
    to_head : Similarity, from these millimetres to the head frame (millimetres of the mean head)
    """

    vertices: FloatArray
    faces: NDArray[np.int64]
    seed: int = 0
    factor: float = 1.0
    to_head: Similarity = field(default_factory=Similarity.identity)

    def posed(self, to_head: Similarity) -> PosedScan:
        """The same scan in another pose."""
        return replace(self, to_head=to_head)

    def within(self, region: Region) -> PosedScan:
        """The triangles with a corner in a region of the head frame, and their vertices, in the same order."""
        inside = region.contains(self.to_head.apply(self.vertices))
        if inside.all():
            return self
        chosen = inside.take(self.faces[:, 0])
        chosen |= inside.take(self.faces[:, 1])
        chosen |= inside.take(self.faces[:, 2])
        vertices, faces = compacted(self.vertices, self.faces[chosen])
        return replace(self, vertices=vertices, faces=faces)

    @property
    def size(self) -> float:
        """Millimetres of the person for one of the head frame."""
        return 1.0 / self.to_head.scale

    @property
    def input_to_head(self) -> Similarity:
        """From the frame and unit of the input to the head frame."""
        return self.to_head @ scaling(self.factor)


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """Result of stage 1.

    Attributes
    ----------
    labels : L landmark names
    values : (N, L) float32, outputs of the network, about 1 at a landmark and 0 far from it
    graph : FaceGraph of N nodes, normalised
    factor : millimetres of one unit of the input
    embedding : (N, E) float32, what the network made of each node for a user's own landmarks; None without any
    """

    labels: tuple[str, ...]
    values: NDArray[np.float32]
    graph: FaceGraph
    factor: float = 1.0
    embedding: NDArray[np.float32] | None = None

    def on_points(self, points: FloatArray, label: str) -> NDArray[np.float32]:
        """Heatmap of one landmark at points of the input's surface.

        Parameters
        ----------
        points : (P, 3) float64, in the frame and unit of the input
        label : str

        Returns
        -------
        (P,) float32
            Mean of the four nearest nodes, weighted with the inverse squared distance; 0 outside the crop and where
            the network's output is negative.

        Raises
        ------
        ValueError
            If the label is unknown to the weights.
        """
        from scipy.spatial import cKDTree

        if label not in self.labels:
            raise ValueError(f"no heatmap of {label!r}; the weights know {len(self.labels)} landmarks")
        nodes = self.graph.nodes
        tree = cKDTree(nodes)
        spacing = float(np.median(tree.query(nodes, k=[2])[0]))
        placed = (self.graph.to_normalised @ scaling(self.factor)).apply(points)
        distance, node = tree.query(placed, k=_NODES_PER_POINT, distance_upper_bound=_REACH * spacing)
        heat = np.append(np.maximum(self.values[:, self.labels.index(label)], 0.0), 0.0)[node]
        weight = np.where(np.isfinite(distance), 1.0 / np.maximum(distance, 1e-6 * spacing) ** 2, 0.0)
        total = weight.sum(axis=1)
        values = np.divide((weight * heat).sum(axis=1), total, out=np.zeros(len(points)), where=total > 0)
        result: NDArray[np.float32] = values.astype(np.float32)
        return result


@dataclass(frozen=True, eq=False)
class Placed:
    """Result of stage 2; normalised.

    Attributes
    ----------
    heatmaps : Heatmaps
    refined : Refined, from each landmark's own heatmap
    seen : HeatmapConfidence
    positions : (L, 3), on the surface, moved by the other landmarks where the refinement mode is guided, and by the
        offsets of adapted weights
    before_offsets : (L, 3), the same without the offsets
    """

    heatmaps: Heatmaps
    refined: Refined
    seen: HeatmapConfidence
    positions: FloatArray
    before_offsets: FloatArray

    @property
    def in_input(self) -> FloatArray:
        """Positions (L, 3) in the frame and unit of the input."""
        return self.to_input(self.positions)

    def to_input(self, places: FloatArray) -> FloatArray:
        """Normalised points (P, 3) in the frame and unit of the input."""
        return self.heatmaps.graph.to_normalised.inverse().apply(places) / self.heatmaps.factor


class CropOfHead:
    """Crops a scan generously around the head, and anew only where a pose moves out of what is there.

    What the steps behind make of the crop is what they would make of the whole scan.

    Parameters
    ----------
    scan : PosedScan
    centres : (L, 3) float64, landmarks of the prototype, head frame
    reach : how far from those the steps look, millimetres of the head frame
    """

    def __init__(self, scan: PosedScan, centres: FloatArray, reach: float) -> None:
        self.scan, self.centres, self.reach = scan, centres, reach
        self._region = Region.around(centres, reach + _SLACK)
        self._part: PosedScan | None = None

    def posed(self, to_head: Similarity) -> PosedScan:
        """The part of the scan around the head in this pose."""
        if self._part is None or not self._region.holds(self._needed(to_head, self._part.to_head)):
            self._part = self.scan.posed(to_head).within(self._region)
        return self._part.posed(to_head)

    def _needed(self, to_head: Similarity, cropped_in: Similarity) -> Region:
        """What is looked at in this pose, in the head frame of the pose of the crop."""
        change = cropped_in @ to_head.inverse()
        return Region.around(change.apply(self.centres), change.scale * self.reach)


class Clock:
    """Announces the stages and times them."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, share: float) -> Iterator[None]:
        """A stage that begins when ``share`` of the work is done."""
        if self.progress is not None:
            self.progress(name, share)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 4)

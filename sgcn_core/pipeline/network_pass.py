"""One pass: crop and sample a posed scan, run the network, place the landmarks and judge them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.similarity import Similarity, from_crop
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.graph.face_graph import FaceGraph, build_face_graph
from sgcn_core.refinement.guidance import guided_positions
from sgcn_core.refinement.landmark_estimation import Refined, refine
from sgcn_core.refinement.modes import refinement_mode
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.uncertainty.recognition import Confidence, judge
from sgcn_core.weights.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class Scan:
    """A surface as the passes take it.

    Attributes
    ----------
    vertices : (P, 3) float64, millimetres, in the scan's own axes
    faces : (F, 3) int64, wound outwards
    seed : int, of the sampling
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    seed: int


class NetworkPass:
    """The two stages of 2S-SGCN on a scan whose pose is given.

    Parameters
    ----------
    checkpoint : Checkpoint
    device : torch.device of its network
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.standardise = from_crop(checkpoint.crop_centre, checkpoint.crop_radius)

    def graph(self, scan: Scan, to_head: Similarity, nodes: int) -> FaceGraph:
        """The graph of ``nodes`` nodes within the canonical crop.

        Raises
        ------
        FaceNotFoundError
            If nothing of the scan lies there.
        """
        checkpoint = self.checkpoint
        return build_face_graph(
            scan.vertices,
            scan.faces,
            self.standardise @ to_head,
            checkpoint.prototype,
            margin=checkpoint.crop_margin / checkpoint.crop_radius,
            count=nodes,
            neighbours=checkpoint.neighbours,
            seed=scan.seed,
        )

    def heatmaps(self, graph: FaceGraph) -> NDArray[np.float32]:
        """Stage 1: heatmaps (N, L)."""
        features = np.concatenate([graph.nodes, graph.normals], axis=1).astype(np.float32)
        tensors = (torch.from_numpy(features), torch.from_numpy(graph.neighbours), torch.from_numpy(graph.members))
        predicted = self.checkpoint.network.predict(*(tensor.to(self.device) for tensor in tensors))
        heatmaps: NDArray[np.float32] = predicted.cpu().numpy()
        return heatmaps

    def landmarks(
        self, heatmaps: NDArray[np.float32], graph: FaceGraph, mode: str, *, index: SurfaceIndex | None = None
    ) -> tuple[Refined, Confidence]:
        """Stage 2 on the original surface, in normalised coordinates, and how far it can be trusted.

        ``index`` is the surface of the graph, prepared; it saves doing so again.
        """
        checkpoint = self.checkpoint
        refined = refine(
            heatmaps, graph.nodes, graph.vertices, graph.faces, mode=mode, sigma=checkpoint.sigma, index=index
        )
        return refined, judge(refined, checkpoint.prototype, checkpoint.deviation)

    def positions(
        self, refined: Refined, index: SurfaceIndex, mode: str, *, shape: LandmarkShape | None = None
    ) -> NDArray[np.float64]:
        """Final places (L, 3), normalised: as refined, or guided by the other landmarks and back on the surface.

        ``shape`` says how landmarks lie in faces; default: what the weights bring along, if they do.
        """
        calibration = self.checkpoint.calibration
        known = shape or (None if calibration is None else calibration.shape)
        if known is None or not refinement_mode(mode).guided:
            return refined.positions
        return closest_on_surface(guided_positions(refined, known, self.checkpoint.deviation), index)

"""LandmarkDetector: from a surface to landmarks, the whole pipeline on one page."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core import __version__
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.io.meshes import read_surface
from sgcn_core.landmarks import LandmarkResult, LandmarkSet
from sgcn_core.model.checkpoint import Checkpoint, load_checkpoint
from sgcn_core.preprocessing.face_graph import FaceGraph, build_face_graph
from sgcn_core.preprocessing.normalise import Similarity, from_crop
from sgcn_core.preprocessing.pose import PoseHypothesis, estimate_pose
from sgcn_core.preprocessing.surface_probe import probe_surface
from sgcn_core.refinement.confidence import MISSING, Confidence, align_to_prototype, judge
from sgcn_core.refinement.landmark_estimation import Refined, refine
from sgcn_core.surface import Surface, resolve_unit
from sgcn_core.units import UNITS_TO_MM

Progress = Callable[[str, float], None]

# Another pose is tried with the network as well where the mean face fits it nearly as well as the best, millimetres.
_RIVAL = 1.5
# A face of which fewer landmarks than this are seen is no face.
_FEWEST_LANDMARKS = 12
# Mean confidence of the better half of the landmarks: of faces, 0.8 and more; of other shapes below 0.6.
_LEAST_CONFIDENCE = 0.68


class LandmarkDetector:
    """Finds facial landmarks on 3D surfaces with 2S-SGCN.

    Parameters
    ----------
    checkpoint : Checkpoint
    device : str or torch.device
    nodes : int, N of the deciding pass (the paper's 8000)
    coarse_nodes : int, N of the passes that settle the pose
    refine : str, how stage 2 places a landmark, see ``sgcn_core.refinement.modes``
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: str | torch.device = "cpu",
        nodes: int = 8000,
        coarse_nodes: int = 2500,
        refine: str = "surface",
    ) -> None:
        self.checkpoint = checkpoint
        self.device = torch.device(device)
        self.nodes, self.coarse_nodes, self.refine = nodes, coarse_nodes, refine
        self._standardise = from_crop(checkpoint.crop_centre, checkpoint.crop_radius)

    @classmethod
    def from_pretrained(
        cls, weights: str | Path | None = None, *, device: str | torch.device = "cpu", **options: Any
    ) -> LandmarkDetector:
        """Load the shipped weights, or those of a file.

        Raises
        ------
        ModelError
            If the file is missing, damaged or does not fit.
        """
        if weights is not None:
            return cls(load_checkpoint(Path(weights), device=device), device=device, **options)
        with as_file(files("sgcn_core") / "resources" / "weights" / "face.safetensors") as path:
            return cls(load_checkpoint(path, device=device), device=device, **options)

    def detect(
        self,
        surface: Surface | str | Path,
        *,
        landmark_set: str = "all",
        seed: int = 0,
        refine: str | None = None,
        unit: str | None = None,
        progress: Progress | None = None,
    ) -> LandmarkResult:
        """Landmarks of a face, head or bust.

        Parameters
        ----------
        surface : Surface, or path of a mesh file
        landmark_set : ``"ibug68"``, ``"clinical"`` or ``"all"``
        seed : of the sampling; the same input and seed give the same landmarks
        refine : overrides the detector's mode of stage 2
        unit : ``"um"``, ``"mm"``, ``"cm"`` or ``"m"``; default: what the file says, else from the size
        progress : called with the name of the stage that begins and the share done

        Returns
        -------
        LandmarkResult
            In the frame and unit of the input; a landmark that was not seen is "missing", its position NaN.

        Raises
        ------
        FileFormatError, SurfaceError
            If the input cannot be read or is unusable.
        FaceNotFoundError
            If there is no face on it.
        """
        labels = LandmarkSet.load(landmark_set).labels
        clock = _Clock(progress)
        with clock.stage("read", 0.0):
            if not isinstance(surface, Surface):
                surface = read_surface(surface)
            unit = resolve_unit(surface, unit)
            factor = UNITS_TO_MM[unit]
            vertices = surface.vertices * factor
        with clock.stage("pose", 0.1):
            probe = probe_surface(vertices, surface.faces, seed=seed)
            hypotheses = estimate_pose(probe.points, probe.normals)
        with clock.stage("alignment", 0.3):
            to_head = self._settle(vertices, surface.faces, hypotheses, seed=seed, flipped=probe.flipped)
        with clock.stage("sampling", 0.5):
            graph = self._graph(vertices, surface.faces, to_head, self.nodes, seed=seed, flipped=probe.flipped)
        with clock.stage("network", 0.7):
            heatmaps = self._heatmaps(graph)
        with clock.stage("refinement", 0.9):
            refined = self._refine(heatmaps, graph, refine or self.refine)
            verdict = judge(refined, self.checkpoint.prototype, self.checkpoint.deviation)
            _refuse_without_face(verdict)
            back = (self._standardise @ to_head).inverse()
            positions = back.apply(refined.positions) / factor
        info = self._info(to_head, factor, hypotheses[0], clock, seed, refine or self.refine)
        return _result(self.checkpoint.labels, positions, verdict, unit, surface.frame, info).select(labels)

    def _settle(
        self,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int64],
        hypotheses: list[PoseHypothesis],
        *,
        seed: int,
        flipped: bool,
    ) -> Similarity:
        """The pose in which the network recognises a face best, aligned by the landmarks it finds there."""
        rivals = [h for h in hypotheses if h.misfit < hypotheses[0].misfit + _RIVAL]
        best: tuple[float, Similarity] | None = None
        for hypothesis in rivals:
            try:
                quality, pose = self._align(vertices, faces, hypothesis.to_head, seed=seed, flipped=flipped)
            except FaceNotFoundError:
                continue
            if best is None or quality > best[0]:
                best = quality, pose
        if best is None:
            raise FaceNotFoundError("no face was recognised in any pose tried; is this a face, and is the unit right?")
        return best[1]

    def _align(
        self,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int64],
        to_head: Similarity,
        *,
        seed: int,
        flipped: bool,
    ) -> tuple[float, Similarity]:
        """Detect roughly in one pose: how well the landmarks are seen, and the pose that they suggest."""
        checkpoint = self.checkpoint
        graph = self._graph(vertices, faces, to_head, self.coarse_nodes, seed=seed, flipped=flipped)
        refined = self._refine(self._heatmaps(graph), graph, "mean")
        verdict = judge(refined, checkpoint.prototype, checkpoint.deviation)
        seen = np.array([status != MISSING for status in verdict.status])
        if np.count_nonzero(seen) < _FEWEST_LANDMARKS:
            raise FaceNotFoundError("too few landmarks were recognised")
        weights = np.where(seen, verdict.confidence, 0.0) + 1e-6
        change = align_to_prototype(refined.positions, weights, checkpoint.prototype, checkpoint.deviation)
        back = self._standardise.inverse()
        return float(verdict.confidence.mean()), back @ change @ self._standardise @ to_head

    def _graph(
        self,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int64],
        to_head: Similarity,
        count: int,
        *,
        seed: int,
        flipped: bool,
    ) -> FaceGraph:
        checkpoint = self.checkpoint
        return build_face_graph(
            vertices,
            faces,
            self._standardise @ to_head,
            checkpoint.prototype,
            margin=checkpoint.crop_margin / checkpoint.crop_radius,
            count=count,
            neighbours=checkpoint.neighbours,
            seed=seed,
            flipped=flipped,
        )

    def _heatmaps(self, graph: FaceGraph) -> NDArray[np.float32]:
        """Stage 1: heatmaps (N, L)."""
        features = np.concatenate([graph.nodes, graph.normals], axis=1).astype(np.float32)
        tensors = (torch.from_numpy(features), torch.from_numpy(graph.neighbours), torch.from_numpy(graph.members))
        heatmaps: NDArray[np.float32] = (
            self.checkpoint.network.predict(*(tensor.to(self.device) for tensor in tensors)).cpu().numpy()
        )
        return heatmaps

    def _refine(self, heatmaps: NDArray[np.float32], graph: FaceGraph, mode: str) -> Refined:
        """Stage 2 on the original surface."""
        return refine(heatmaps, graph.nodes, graph.vertices, graph.faces, mode=mode, sigma=self.checkpoint.sigma)

    def _info(
        self, to_head: Similarity, factor: float, hypothesis: PoseHypothesis, clock: _Clock, seed: int, mode: str
    ) -> dict[str, Any]:
        scale = Similarity(factor, np.eye(3), np.zeros(3))
        return {
            "pose": (to_head @ scale).as_matrix().tolist(),
            "pose_misfit_mm": round(hypothesis.misfit, 3),
            "size_ratio": round(1.0 / to_head.scale, 4),
            "refine": mode,
            "seed": seed,
            "model": "2S-SGCN",
            "version": __version__,
            "weights_sha256": self.checkpoint.sha256,
            "stages": clock.seconds,
        }


class _Clock:
    """Times the stages and announces them."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, share: float):  # type: ignore[no-untyped-def]
        if self.progress is not None:
            self.progress(name, share)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 4)


def _refuse_without_face(verdict: Confidence) -> None:
    seen = sum(status != MISSING for status in verdict.status)
    best_half = np.sort(verdict.confidence)[len(verdict.confidence) // 2 :].mean()
    if seen < _FEWEST_LANDMARKS or best_half < _LEAST_CONFIDENCE:
        raise FaceNotFoundError(
            f"no face was recognised (mean confidence {best_half:.2f}, {_LEAST_CONFIDENCE:.2f} needed): the surface "
            "seems to show none, or less than half of one; check the unit, and that the skin is the outer side"
        )


def _result(
    labels: tuple[str, ...],
    positions: NDArray[np.float64],
    verdict: Confidence,
    unit: str,
    frame: str,
    info: dict[str, Any],
) -> LandmarkResult:
    missing = np.array([status == MISSING for status in verdict.status])
    return LandmarkResult(
        labels=labels,
        positions=np.where(missing[:, None], np.nan, positions),
        confidence=np.where(missing, 0.0, verdict.confidence),
        status=verdict.status,
        unit=unit,
        frame=frame,
        info=info,
    )

"""LandmarkDetector: from a surface to landmarks, the whole pipeline on one page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core import __version__
from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.errors import ModelError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.pipeline.network_pass import NetworkPass, Scan
from sgcn_core.pipeline.stage_one import StageOne
from sgcn_core.pose.finder import HeadFinder
from sgcn_core.pose.network import shipped_pose_network
from sgcn_core.pose.probe import SurfaceProbe, probe_surface
from sgcn_core.pose.refine import settle_pose
from sgcn_core.pose.search import Located, check_size, locate_head, located_by_hand
from sgcn_core.skin.extract import read_scan
from sgcn_core.types.landmarks import LandmarkResult, LandmarkSet
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import UNITS_TO_MM
from sgcn_core.uncertainty.assess import judge_landmarks, refuse_without_face
from sgcn_core.uncertainty.calibration import Verdict
from sgcn_core.uncertainty.cut_planes import at_cuts, doubt_at_cuts
from sgcn_core.uncertainty.recognition import MISSING
from sgcn_core.weights.checkpoint import Checkpoint, load_checkpoint

Progress = Callable[[str, float], None]


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
        refine: str = "guided",
    ) -> None:
        self.checkpoint = checkpoint
        self.nodes, self.coarse_nodes, self.refine = nodes, coarse_nodes, refine
        self._pass = NetworkPass(checkpoint, torch.device(device))
        self.finder = HeadFinder(shipped_pose_network(), torch.device(device))

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
        initial_landmarks: Mapping[str, Sequence[float]] | None = None,
        progress: Progress | None = None,
        observe: Callable[[StageOne], None] | None = None,
    ) -> LandmarkResult:
        """Landmarks of a face, head or bust.

        Parameters
        ----------
        surface : Surface, or path of a mesh file
        landmark_set : ``"ibug68"``, ``"clinical"`` or ``"all"`` that the weights know
        seed : of the sampling; the same input and seed give the same landmarks
        refine : overrides the detector's mode of stage 2
        unit : ``"um"``, ``"mm"``, ``"cm"`` or ``"m"``; default: what the file says where a head is seen
            in it, else the one in which the head has the size of one
        initial_landmarks : label -> (3,), in the frame and unit of the input: shows the head's pose where it is not
            found by itself. At least ``ex_r``, ``ex_l`` (outer corners of the subject's eyes), ``prn`` (nose tip)
        progress : called with the name of the stage that begins and the share done
        observe : called with what stage 1 saw, for whoever wants to draw heatmaps

        Returns
        -------
        LandmarkResult
            In the frame and unit of the input; a landmark that was not seen is "missing", its position NaN.

        Raises
        ------
        FileFormatError, SurfaceError
            If the input cannot be read or is unusable, or the unit is unclear.
        FaceNotFoundError
            If there is no face on it.
        LandmarkError
            If the initial landmarks lack one of the three, or do not lie as in a face.
        ModelError
            If the weights do not know the landmark set.
        """
        labels = self._labels_of(landmark_set)
        clock = _Clock(progress)
        with clock.stage("read", 0.0):
            if not isinstance(surface, Surface):
                surface = read_scan(surface, unit=unit)
            cleaned = clean_surface(surface)
            surface = cleaned.surface
        with clock.stage("pose", 0.1):
            probe = probe_surface(surface.vertices, surface.faces, seed=seed)
            located = self._located(surface, probe, unit, initial_landmarks)
            factor = UNITS_TO_MM[located.unit]
        with clock.stage("alignment", 0.3):
            scan = Scan(surface.vertices * factor, surface.faces, seed)
            to_head = settle_pose(self._pass, scan, located.hypotheses, self.coarse_nodes)
        with clock.stage("sampling", 0.5):
            graph = self._pass.graph(scan, to_head, self.nodes)
        with clock.stage("network", 0.7):
            heatmaps = self._pass.heatmaps(graph)
        if observe is not None:
            to_normalised = self._pass.standardise @ to_head @ _scaling(factor)
            observe(StageOne(self.checkpoint.labels, heatmaps, graph.nodes, to_normalised))
        with clock.stage("refinement", 0.9):
            mode, index = refine or self.refine, SurfaceIndex(graph.vertices, graph.faces)
            refined, recognition = self._pass.landmarks(heatmaps, graph, mode, index=index)
            size = 1.0 / to_head.scale
            verdict = judge_landmarks(self.checkpoint, refined, recognition, heatmaps, graph, size=size)
            back = (self._pass.standardise @ to_head).inverse()
            positions = back.apply(self._pass.positions(refined, index, mode)) / factor
            clearly = located.hypotheses[0].confidence
            at_cut = at_cuts(positions, surface.cut_planes, factor=factor)
            refuse_without_face(recognition, pose_confidence=clearly, cut=at_cut)
            notes = [*surface.notes, *cleaned.notes, *check_size(located, size, surface.unit)]
            verdict = doubt_at_cuts(verdict, positions, surface.cut_planes, factor=factor)
        info = self._info(to_head, located, clock, seed, mode, notes)
        return _result(self.checkpoint.labels, positions, verdict, located.unit, surface.frame, info).select(labels)

    def _located(
        self,
        surface: Surface,
        probe: SurfaceProbe,
        unit: str | None,
        initial_landmarks: Mapping[str, Sequence[float]] | None,
    ) -> Located:
        """The unit, and the pose as it was shown, else as it is found."""
        if initial_landmarks is not None:
            places = self._pass.standardise.inverse().apply(self.checkpoint.prototype)
            typical = dict(zip(self.checkpoint.labels, places, strict=True))
            return located_by_hand(initial_landmarks, typical, probe, stated=unit, in_file=surface.unit)
        return locate_head(
            self.finder,
            probe,
            across=float(surface.extent.max()),
            stated=unit or (surface.unit if surface.origin == "volume" else None),  # a volume is in mm
            in_file=surface.unit,
            frame=surface.frame if surface.anatomical else None,
        )

    def _labels_of(self, landmark_set: str) -> tuple[str, ...]:
        wanted = LandmarkSet.load(landmark_set).labels
        known = self.checkpoint.labels
        if landmark_set == "all":
            return known
        if unknown := [label for label in wanted if label not in known]:
            raise ModelError(
                f"the weights know {len(known)} landmarks, but not {len(unknown)} of the set {landmark_set!r} "
                f"({', '.join(unknown[:3])} ...); use the set 'all', or other weights"
            )
        return wanted

    def _info(
        self, to_head: Similarity, located: Located, clock: _Clock, seed: int, mode: str, notes: list[str]
    ) -> dict[str, Any]:
        return {
            "pose": (to_head @ _scaling(UNITS_TO_MM[located.unit])).as_matrix().tolist(),
            "pose_confidence": round(located.hypotheses[0].confidence, 3),
            "unit_source": located.unit_source,
            "notes": notes,
            "size_ratio": round(1.0 / to_head.scale, 4),
            "refine": mode,
            "seed": seed,
            "model": "2S-SGCN",
            "version": __version__,
            "weights_sha256": self.checkpoint.sha256,
            "stages": clock.seconds,
        }


def _scaling(factor: float) -> Similarity:
    return Similarity(factor, np.eye(3), np.zeros(3))


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


def _result(
    labels: tuple[str, ...],
    positions: NDArray[np.float64],
    verdict: Verdict,
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
        expected_error=verdict.expected_error,
        error_bound=verdict.error_bound,
    )

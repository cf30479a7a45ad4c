"""LandmarkDetector: landmarks of a face, head or bust from one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sgcn_core import __version__
from sgcn_core.errors import ModelError
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.provenance import input_record
from sgcn_core.method import Method
from sgcn_core.pipeline import Pipeline
from sgcn_core.pose.search import Located, check_size, other_faces
from sgcn_core.reduction import reduced
from sgcn_core.settings import DetectionSettings
from sgcn_core.skin.extract import read_scan
from sgcn_core.stages import Clock, FloatArray, Heatmaps, PosedScan, Progress
from sgcn_core.types.landmark_sets import INITIAL_LANDMARKS, LandmarkSet
from sgcn_core.types.landmarks import ERRORS_HOLD_OBSERVERS, UNCERTAIN_BY_DEFINITION, LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.uncertainty.assess import Assessment
from sgcn_core.uncertainty.thresholds import MISSING, UNCERTAIN
from sgcn_core.weights.checkpoint import Checkpoint, load_checkpoint


class LandmarkDetector:
    """Finds facial landmarks on 3D surfaces with 2S-SGCN.

    Parameters
    ----------
    checkpoint : Checkpoint
    device : str or torch.device
    preset : str
        ``"default"``: as the weights were made for; ``"paper"``: as published (see ``docs/paper.md``).
    **method : entries of ``sgcn_core.method.Method`` to change, such as ``nodes`` or ``refine``
    """

    def __init__(
        self, checkpoint: Checkpoint, *, device: str | torch.device = "cpu", preset: str = "default", **method: Any
    ) -> None:
        DetectionSettings(preset=preset, refine=method.get("refine"))  # says what is possible
        self.checkpoint, self.device = checkpoint, torch.device(device)
        self.pipeline = Pipeline(checkpoint, checkpoint.method.with_preset(preset).but(**method), self.device)

    @property
    def method(self) -> Method:
        """Parameters that are not learnt: nodes, refinement mode and so on."""
        return self.pipeline.method

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
        settings: DetectionSettings | None = None,
        *,
        landmark_set: str | None = None,
        preset: str | None = None,
        refine: str | None = None,
        seed: int | None = None,
        unit: str | None = None,
        mm_per_unit: float | None = None,
        initial_landmarks: Mapping[str, Sequence[float]] | None = None,
        progress: Progress | None = None,
        observe: Callable[[Heatmaps], None] | None = None,
    ) -> LandmarkResult:
        """Landmarks of a face, head or bust.

        Parameters
        ----------
        surface : Surface, or path of a mesh or volume file
        settings : DetectionSettings, optional
        landmark_set, preset, refine, seed, unit, mm_per_unit, initial_landmarks
            One entry of the settings each, instead of what ``settings`` holds.
        progress : called with the name of the stage that begins and the share done
        observe : called with the result of stage 1, for drawing heatmaps

        Returns
        -------
        LandmarkResult
            In the frame and unit of the input; a landmark that was not seen is "missing", its position NaN.

        Raises
        ------
        FileFormatError, SurfaceError, VolumeError
            If the input cannot be read or is unusable, or the unit is unclear.
        FaceNotFoundError
            If no face is found.
        SettingsError, LandmarkError
            If a setting is invalid; if the initial landmarks do not fit a face.
        ModelError
            If the weights lack landmarks of the set.
        """
        given: dict[str, Any] = {
            "landmark_set": landmark_set,
            "preset": preset,
            "refine": refine,
            "seed": seed,
            "unit": unit,
            "mm_per_unit": mm_per_unit,
            "initial_landmarks": initial_landmarks,
        }
        default = DetectionSettings(landmark_set=self.checkpoint.landmark_set)
        settings = replace(settings or default, **{name: value for name, value in given.items() if value is not None})
        labels, path, clock = self._labels_of(settings.landmark_set), self._pipeline_for(settings), Clock(progress)
        with clock.stage("read", 0.0):
            if isinstance(surface, Surface):
                scan = surface
            else:
                scan = read_scan(surface, unit=settings.stated_unit, series=settings.series)
            settings = _with_points_of_file(settings, scan.frame)
            working = reduced(scan)
            clean = working.cleaned()
        with clock.stage("pose", 0.1):
            located = path.locate(clean, settings)
        with clock.stage("alignment", 0.3):
            posed = path.pose(clean, located, seed=settings.seed)
            finer, finer_clean = path.finer(working, clean, posed)
            if finer is not working:
                working, clean = finer, finer_clean
                posed = path.pose(clean, located.in_pose(posed.to_head), seed=settings.seed)
        with clock.stage("sampling", 0.5):
            graph = path.graph(posed)
        with clock.stage("network", 0.7):
            heatmaps = path.heatmaps(graph, factor=posed.factor)
        if observe is not None and self.checkpoint.own is None:
            observe(heatmaps)
        with clock.stage("refinement", 0.9):
            placed = path.place_on_original(path.place(heatmaps), working, clean)
            confidence = located.hypotheses[0].confidence
            assessment = path.assess(placed, scan, size=posed.size, pose_confidence=confidence)
            notes = [*scan.notes, *clean.notes, *check_size(located, posed.size, scan.unit)]
            notes += other_faces(located, posed.to_head)
            positions = placed.in_input
            if self.checkpoint.own is not None:
                own = path.place_own(placed, assessment)
                if observe is not None:
                    observe(replace(heatmaps, labels=self.checkpoint.reported, values=own.heat))
                positions = path.own_in_input(placed, own, working, clean)
                assessment = path.assess_own(placed, own, scan, size=posed.size)
        info = {**self._provenance(path, settings, posed, located), "notes": notes, "stages": clock.seconds}
        if not isinstance(surface, Surface):
            info["input"] = input_record(surface)
        names = self.checkpoint.reported
        return _result(names, positions, assessment, located.unit, scan.frame, info).select(labels)

    def _pipeline_for(self, settings: DetectionSettings) -> Pipeline:
        """The detector's own path, or one that differs in preset or refinement mode."""
        method = self.method.with_preset(settings.preset)
        method = method if settings.refine is None else method.but(refine=settings.refine)
        if method == self.method:
            return self.pipeline
        return Pipeline(self.checkpoint, method, self.device, finder=self.pipeline.finder)

    def _labels_of(self, landmark_set: str) -> tuple[str, ...]:
        known = self.checkpoint.reported
        if landmark_set == "all":
            return known
        wanted = LandmarkSet.load(landmark_set).labels
        if unknown := [label for label in wanted if label not in known]:
            raise ModelError(
                f"the weights lack {len(unknown)} landmarks of the set {landmark_set!r} "
                f"({', '.join(unknown[:3])} ...); use the set 'all', or other weights"
            )
        return wanted

    def _provenance(
        self, path: Pipeline, settings: DetectionSettings, posed: PosedScan, located: Located
    ) -> dict[str, Any]:
        method, model, offsets = path.method, path.error_model, self.checkpoint.offsets
        return {
            "pose": posed.input_to_head.as_matrix().tolist(),
            "pose_confidence": round(located.hypotheses[0].confidence, 3),
            "unit_source": located.unit_source,
            "size_ratio": round(posed.size, 4),
            "refine": method.refine,
            "preset": "paper" if method.standardise == "paper" else "default",
            "seed": settings.seed,
            "model": "2S-SGCN",
            "version": __version__,
            "weights_sha256": self.checkpoint.sha256,
            ERRORS_HOLD_OBSERVERS: self.checkpoint.own is not None or (model is not None and model.domain is not None),
            **({} if offsets is None else {"adapted": offsets.info}),
        }


def _with_points_of_file(settings: DetectionSettings, frame: str) -> DetectionSettings:
    """The settings with the initial landmarks that their file holds, in the frame of the scan."""
    shown = settings.initial_landmarks
    if shown is None or isinstance(shown, Mapping):
        return settings
    placed = read_landmarks(Path(shown)).in_frame(frame)
    points = {
        label: position.tolist()
        for label, position, status in zip(placed.labels, placed.positions, placed.status, strict=True)
        if status != MISSING and label in INITIAL_LANDMARKS
    }
    return replace(settings, initial_landmarks=points)


def _result(
    labels: tuple[str, ...],
    positions: FloatArray,
    assessment: Assessment,
    unit: str,
    frame: str,
    info: dict[str, Any],
) -> LandmarkResult:
    missing = np.array([status == MISSING for status in assessment.status])
    loose = [
        label
        for label, status, so in zip(labels, assessment.status, assessment.by_definition, strict=True)
        if so and status == UNCERTAIN
    ]
    return LandmarkResult(
        labels=labels,
        positions=np.where(missing[:, None], np.nan, positions),
        confidence=np.where(missing, 0.0, assessment.confidence),
        status=assessment.status,
        unit=unit,
        frame=frame,
        info=info | {UNCERTAIN_BY_DEFINITION: loose},
        expected_error=assessment.expected_error,
        error_bound=assessment.error_bound,
    )

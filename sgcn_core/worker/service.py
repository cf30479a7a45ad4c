"""Handlers of the worker's requests."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatchmethod
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgcn_core import __version__
from sgcn_core.batch import Loaded, Models, Progress, check_outputs, fastest_device
from sgcn_core.batch.models import CPU
from sgcn_core.io.atomic import FileState, file_state, replacing
from sgcn_core.io.provenance import input_record
from sgcn_core.worker.failures import UnknownDetectionError
from sgcn_core.worker.requests import Adapt, Detect, Heatmap, Hello, Load, Request, Shutdown
from sgcn_core.worker.surface_file import SUFFIX, is_surface_file, read_surface_file, write_surface_file

if TYPE_CHECKING:
    from sgcn_core.stages import Heatmaps
    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.types.surface import Surface

PROTOCOL = 1
DETECTIONS_KEPT = 4
"""Heatmaps can be had of so many detections, the latest ones."""

_PACKAGES = ("torch", "numpy", "scipy", "vtk", "SimpleITK", "safetensors")

Answer = dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Seen:
    surface: Surface
    heatmaps: Heatmaps


class Service:
    """Answers requests; keeps models, and what is needed to draw heatmaps.

    Parameters
    ----------
    models : Models, optional
    """

    def __init__(self, models: Models | None = None) -> None:
        self._models = models or Models()
        self._seen: OrderedDict[int | str, _Seen] = OrderedDict()

    def answer(self, identifier: int | str, request: Request, progress: Progress) -> Answer:
        """The result of a request; every error is raised."""
        return self._answer(request, identifier, progress)

    @singledispatchmethod
    def _answer(self, request: Any, identifier: int | str, progress: Progress) -> Answer:
        raise TypeError(f"no answer to {type(request).__name__}")

    @_answer.register
    def _(self, request: Hello, identifier: int | str, progress: Progress) -> Answer:
        return {
            "protocol": PROTOCOL,
            "version": __version__,
            "python": platform.python_version(),
            "executable": sys.executable,
            "system": platform.platform(),
            "packages": {name: _version(name) for name in _PACKAGES},
        }

    @_answer.register
    def _(self, request: Shutdown, identifier: int | str, progress: Progress) -> Answer:
        return {"ended": True}

    @_answer.register
    def _(self, request: Load, identifier: int | str, progress: Progress) -> Answer:
        loaded = self._loaded(request.weights, request.device, progress)
        return {"model": _model(loaded), "labels": list(loaded.detector.checkpoint.reported)}

    @_answer.register
    def _(self, request: Detect, identifier: int | str, progress: Progress) -> Answer:
        from sgcn_core.io.markups import write_landmarks

        before = _checked_outputs(request)
        loaded = self._loaded(request.settings.weights, request.settings.device, progress)
        began = time.perf_counter()
        surface = _read(request, progress)
        read = time.perf_counter()
        result, loaded, notes = self._detect(identifier, loaded, surface, request, progress)
        detected = time.perf_counter()
        if Path(request.input).suffix.lower() != SUFFIX:
            result = dataclasses.replace(result, info={**result.info, "input": input_record(request.input)})
        if request.output is not None:
            progress("writing", 0.98)
            write_landmarks(result, request.output, unless_changed_since=before)
        if request.surface is not None:
            write_surface_file(request.surface, surface, result.unit)
        return {
            **result.as_dict(),
            "model": _model(loaded),
            "output": request.output,
            "surface": request.surface,
            "notes": [*notes, *result.info.get("notes", ())],
            "seconds": {
                "load": round(loaded.seconds, 4),
                "read": round(read - began, 4),
                "detect": round(detected - read, 4),
                "write": round(time.perf_counter() - detected, 4),
            },
        }

    @_answer.register
    def _(self, request: Heatmap, identifier: int | str, progress: Progress) -> Answer:
        import numpy as np

        _check_heatmap_file(Path(request.output))
        seen = self._seen.get(request.detection)
        if seen is None:
            raise UnknownDetectionError(
                f"detection {request.detection!r} is no longer available; the worker keeps the last {DETECTIONS_KEPT}"
            )
        values = seen.heatmaps.on_points(seen.surface.vertices, request.label)
        with replacing(request.output) as temporary, temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)
        return {"output": request.output, "label": request.label, "values": len(values), "highest": float(values.max())}

    @_answer.register
    def _(self, request: Adapt, identifier: int | str, progress: Progress) -> Answer:
        from sgcn_core.adaptation.learn import Correction, learn
        from sgcn_core.weights.checkpoint import save_checkpoint

        before = _checked_weights(request)
        loaded = self._loaded(request.weights, request.device, progress)
        corrections = [
            Correction.of_files(Path(case["input"]), Path(case["landmarks"]), name=case["name"], read=_any_surface)
            for case in request.cases
        ]
        learnt = learn(
            loaded.detector,
            corrections,
            seed=request.seed,
            progress=lambda number, name: progress(name, number / len(corrections)),
        )
        progress("writing", 0.98)
        save_checkpoint(learnt.adapted.checkpoint, Path(request.output), unless_changed_since=before)
        return {
            **learnt.adapted.as_dict(),
            "output": request.output,
            "sha256": input_record(request.output)["sha256"],
            "refused": learnt.refused,
            "notes": list(learnt.notes),
        }

    def _loaded(self, weights: str | os.PathLike[str] | None, device: str, progress: Progress) -> Loaded:
        path = None if weights is None else os.fspath(weights)
        device = fastest_device() if device == "auto" else device
        if not self._models.has(path, device):
            progress("loading the model", 0.0)
        return self._models.get(path, device)

    def _detect(
        self, identifier: int | str, loaded: Loaded, surface: Surface, request: Detect, progress: Progress
    ) -> tuple[LandmarkResult, Loaded, list[str]]:
        """Detect; where a graphics card has not memory enough, once more on the processor, and say so."""

        def run(chosen: Loaded) -> LandmarkResult:
            return chosen.detector.detect(
                surface,
                request.settings,
                progress=progress,
                observe=lambda heatmaps: self._keep(identifier, _Seen(surface, heatmaps)),
            )

        try:
            return run(loaded), loaded, []
        except RuntimeError as error:
            if loaded.device == CPU or "out of memory" not in str(error).lower():
                raise
        _free_device_memory()
        instead = self._loaded(request.settings.weights, CPU, progress)
        return run(instead), instead, [f"not enough memory on {loaded.device}; the CPU was used instead"]

    def _keep(self, identifier: int | str, seen: _Seen) -> None:
        self._seen[identifier] = seen
        self._seen.move_to_end(identifier)
        while len(self._seen) > DETECTIONS_KEPT:
            self._seen.popitem(last=False)


def _any_surface(path: Path) -> Surface:
    from sgcn_core.skin.extract import read_scan

    return read_surface_file(path) if path.suffix.lower() == SUFFIX else read_scan(path)


def _checked_weights(request: Adapt) -> FileState:
    """Refuse a weights file that must not be written; its present state."""
    read = [*(case[key] for case in request.cases for key in ("input", "landmarks")), request.weights]
    check_outputs([Path(request.output)], [Path(path) for path in read if path is not None])
    before = file_state(request.output)
    if before.exists and not request.overwrite:
        raise FileExistsError(f"{request.output} exists; it is not replaced")
    return before


def _read(request: Detect, progress: Progress) -> Surface:
    from sgcn_core.io.volumes import is_volume
    from sgcn_core.skin.extract import read_scan

    path = Path(request.input)
    if path.suffix.lower() == SUFFIX:
        return read_surface_file(path)
    progress("skin" if is_volume(path) else "read", 0.0)
    return read_scan(path, unit=request.settings.stated_unit, series=request.settings.series)


def _checked_outputs(request: Detect) -> FileState | None:
    """Refuse outputs that must not be written; the present state of the landmark file.

    Raises
    ------
    PlanError
        An output is an input or the other output.
    FileExistsError
        The landmark file is there and may not be replaced, or the surface file is something else.
    """
    settings = request.settings
    placed = settings.initial_landmarks
    read = [request.input, settings.weights, None if isinstance(placed, Mapping) else placed]
    outputs = [Path(path) for path in (request.output, request.surface) if path is not None]
    check_outputs(outputs, [Path(path) for path in read if path is not None])
    if request.surface is not None and os.path.lexists(request.surface) and not is_surface_file(Path(request.surface)):
        raise FileExistsError(f"{request.surface} exists and is not a surface file; it is not replaced")
    if request.output is None:
        return None
    before = file_state(request.output)
    if before.exists and not request.overwrite:
        raise FileExistsError(f"{request.output} exists and may hold corrections; it is not replaced")
    return before


def _check_heatmap_file(path: Path) -> None:
    """Refuse to write anything but a new ``.npy`` file or one in the place of another.

    Raises
    ------
    ValueError, FileExistsError
    """
    if path.suffix.lower() != ".npy":
        raise ValueError(f"a heatmap file must end in .npy, received {path.name!r}")
    if path.is_file():
        with path.open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                return
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists and is not a heatmap; it is not replaced")


def _model(loaded: Loaded) -> Answer:
    return {
        "sha256": loaded.detector.checkpoint.sha256,
        "device": loaded.device,
        "reused": loaded.seconds == 0.0,
    }


def _free_device_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

"""What the worker does for each request."""

from __future__ import annotations

import platform
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatchmethod
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgcn_core import __version__
from sgcn_core.worker.failures import UnknownDetectionError
from sgcn_core.worker.models import CPU, Loaded, Models, fastest_device
from sgcn_core.worker.requests import Detect, Heatmap, Hello, Load, Request, Shutdown
from sgcn_core.worker.surface_file import SUFFIX, read_surface_file, write_surface_file

if TYPE_CHECKING:
    from sgcn_core.stages import Heatmaps
    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.types.surface import Surface

PROTOCOL = 1
DETECTIONS_KEPT = 4
"""Heatmaps can be had of so many detections, the latest ones."""

_PACKAGES = ("torch", "numpy", "scipy", "vtk", "SimpleITK", "safetensors")

Progress = Callable[[str, float], None]
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
        loaded = self._loaded(request, progress)
        return {"model": _model(loaded), "labels": list(loaded.detector.checkpoint.labels)}

    @_answer.register
    def _(self, request: Detect, identifier: int | str, progress: Progress) -> Answer:
        loaded = self._loaded(request, progress)
        began = time.perf_counter()
        surface = _read(request, progress)
        read = time.perf_counter()
        result, loaded, notes = self._detect(identifier, loaded, surface, request, progress)
        detected = time.perf_counter()
        if request.output is not None:
            progress("writing", 0.98)
            _write(result, request.output)
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

        from sgcn_core.io.atomic import replacing

        seen = self._seen.get(request.detection)
        if seen is None:
            raise UnknownDetectionError(
                f"detection {request.detection!r} is not kept; the worker keeps the last {DETECTIONS_KEPT}"
            )
        values = seen.heatmaps.on_points(seen.surface.vertices, request.label)
        with replacing(request.output) as temporary, temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)
        return {"output": request.output, "label": request.label, "values": len(values), "highest": float(values.max())}

    def _loaded(self, request: Load | Detect, progress: Progress) -> Loaded:
        device = fastest_device() if request.device == "auto" else request.device
        if not self._models.has(request.weights, device):
            progress("loading the model", 0.0)
        return self._models.get(request.weights, device)

    def _detect(
        self, identifier: int | str, loaded: Loaded, surface: Surface, request: Detect, progress: Progress
    ) -> tuple[LandmarkResult, Loaded, list[str]]:
        """Detect; where a graphics card has not memory enough, once more on the processor, and say so."""

        def run(chosen: Loaded) -> LandmarkResult:
            return chosen.detector.detect(
                surface,
                landmark_set=request.landmark_set,
                seed=request.seed,
                refine=request.refine,
                unit=request.unit,
                initial_landmarks=request.initial_landmarks,
                progress=progress,
                observe=lambda heatmaps: self._keep(identifier, _Seen(surface, heatmaps)),
            )

        try:
            return run(loaded), loaded, []
        except RuntimeError as error:
            if loaded.device == CPU or "out of memory" not in str(error).lower():
                raise
        _free_device_memory()
        instead = self._models.get(request.weights, CPU)
        return run(instead), instead, [f"the memory of {loaded.device} was not enough; the processor was used instead"]

    def _keep(self, identifier: int | str, seen: _Seen) -> None:
        self._seen[identifier] = seen
        self._seen.move_to_end(identifier)
        while len(self._seen) > DETECTIONS_KEPT:
            self._seen.popitem(last=False)


def _read(request: Detect, progress: Progress) -> Surface:
    from sgcn_core.io.volumes import is_volume
    from sgcn_core.skin.extract import read_scan

    path = Path(request.input)
    if path.suffix.lower() == SUFFIX:
        return read_surface_file(path)
    progress("skin" if is_volume(path) else "read", 0.0)
    return read_scan(path, unit=request.unit)


def _write(result: LandmarkResult, path: str) -> None:
    from sgcn_core.io.markups import write_landmarks

    write_landmarks(result, path)


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

"""Cache of loaded models, and errors that say why one cannot be loaded."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sgcn_core.errors import DeviceError, InstallationError

if TYPE_CHECKING:
    from sgcn_core.detector import LandmarkDetector

CPU = "cpu"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A detector ready for use.

    Attributes
    ----------
    detector : LandmarkDetector
    device : str
    seconds : float
        Loading time of this call; 0 if it was loaded already.
    """

    detector: LandmarkDetector
    device: str
    seconds: float = 0.0


class Models:
    """One detector per weights file and device, loaded once, and again only when the file has changed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, str], tuple[tuple[int, int] | None, LandmarkDetector]] = {}

    def has(self, weights: str | None, device: str) -> bool:
        """Whether the model is loaded already."""
        return self._current(weights, device) is not None

    def get(self, weights: str | None, device: str) -> Loaded:
        """The detector of a weights file (None: the shipped one) on a compute device, ``"auto"`` for the fastest.

        Raises
        ------
        InstallationError
            torch or another required package cannot be imported.
        DeviceError
            The device is not available.
        ModelError
            The weights file is missing, damaged or does not fit.
        """
        device = fastest_device() if device == "auto" else device
        kept = self._current(weights, device)
        if kept is not None:
            return Loaded(kept, device)
        began = time.perf_counter()
        detector = _load(weights, device)
        self._kept[weights, device] = _stamp(weights), detector
        return Loaded(detector, device, time.perf_counter() - began)

    def _current(self, weights: str | None, device: str) -> LandmarkDetector | None:
        stamp, detector = self._kept.get((weights, device), (None, None))
        return detector if stamp == _stamp(weights) else None


def fastest_device() -> str:
    """CUDA if PyTorch can use a GPU, else the CPU; Apple's "mps" is used on request only."""
    torch = _torch()
    return "cuda" if torch.cuda.is_available() else CPU


def _stamp(weights: str | None) -> tuple[int, int] | None:
    if weights is None:
        return None
    try:
        found = os.stat(weights)
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_size


def _load(weights: str | None, device: str) -> LandmarkDetector:
    torch = _torch()
    try:
        from sgcn_core.detector import LandmarkDetector
    except (ImportError, OSError) as error:  # a library that is there but damaged raises OSError on Windows
        raise InstallationError(f"a required package cannot be imported: {error}") from error
    path = None if weights is None else Path(weights)
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0]
        raise DeviceError(
            f"the compute device {device!r} cannot be used: {first}; available: {', '.join(_devices(torch))}"
        ) from error
    return LandmarkDetector.from_pretrained(path, device=device)


def _devices(torch: ModuleType) -> list[str]:
    cards = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [CPU, *cards, *(["mps"] if torch.backends.mps.is_available() else [])]


def _torch() -> ModuleType:
    try:
        import torch
    except (ImportError, OSError) as error:
        raise InstallationError(f"PyTorch cannot be loaded: {error}") from error
    return torch

"""Weights on disk: safetensors with everything needed to use them inside the same file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from sgcn_core.errors import ModelError
from sgcn_core.io.atomic import FileState, write_bytes
from sgcn_core.method import Method
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.own.landmarks import OwnLandmarks
from sgcn_core.types.arrays import under
from sgcn_core.uncertainty.calibration import Calibration
from sgcn_core.uncertainty.thresholds import Thresholds
from sgcn_core.weights.offsets import LandmarkOffsets

FORMAT = "sgcn-landmarks/1"
FORMAT_OWN = "sgcn-landmarks/2"
"""Of weights with landmarks of a user's own or learnt offsets: versions that do not know those refuse it."""
_PLAIN = ("labels", "sigma", "neighbours", "crop_centre", "crop_radius", "crop_margin", "info", "landmark_set")
_NETWORK, _CALIBRATION, _OFFSETS, _OWN = "network.", "calibration.", "offsets.", "own."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained network and what it was trained for.

    Attributes
    ----------
    network : StratifiedGCN, in evaluation mode
    labels : L landmark names, the order of the output channels
    prototype : (L, 3) float64
        Mean landmarks (Eq. 4) in normalised coordinates.
    deviation : (L,) float64
        Root mean square distance of a training landmark from the prototype after Procrustes, normalised.
    sigma : float
        Width of the heatmaps (Eq. 1), normalised.
    neighbours : int
        k of the fine graph, the node itself included.
    crop_centre, crop_radius, crop_margin :
        The canonical crop in the head frame, millimetres (``sgcn_core.graph.crop``).
    info : dict
        Training data, steps, version.
    calibration : Calibration or None
        Model of the expected errors; None in weights without calibration.
    method : Method
        Nodes, t, gamma, refinement mode and standardisation that the weights were made for.
    thresholds : Thresholds
        Tuned on data with these weights.
    landmark_set : str
        What is detected unless another set is asked for.
    sha256 : str
        Of the file; empty before it is written.
    offsets : LandmarkOffsets or None
        Learnt from corrected scans (``sgcn_core.adaptation``); None in weights that were not adapted.
    own : OwnLandmarks or None
        A user's own landmarks, which are reported instead of ``labels``; those then serve pose and transfer alone.
    """

    network: StratifiedGCN
    labels: tuple[str, ...]
    prototype: np.ndarray
    deviation: np.ndarray
    sigma: float
    neighbours: int
    crop_centre: tuple[float, float, float]
    crop_radius: float
    crop_margin: float
    info: dict[str, Any]
    sha256: str = ""
    calibration: Calibration | None = None
    method: Method = field(default_factory=Method)
    thresholds: Thresholds = field(default_factory=Thresholds)
    landmark_set: str = "all"
    offsets: LandmarkOffsets | None = None
    own: OwnLandmarks | None = None

    def __post_init__(self) -> None:
        if self.offsets is not None and len(self.offsets.values) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels, but offsets of {len(self.offsets.values)} landmarks")

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of the landmarks that detection reports."""
        return self.labels if self.own is None else self.own.labels


def save_checkpoint(checkpoint: Checkpoint, path: Path, *, unless_changed_since: FileState | None = None) -> None:
    """Write ``checkpoint`` as one safetensors file, in one piece; see ``sgcn_core.io.atomic.replacing``."""
    tensors = {_NETWORK + name: _smaller(value) for name, value in checkpoint.network.state_dict().items()}
    tensors["prototype"] = torch.from_numpy(np.ascontiguousarray(checkpoint.prototype, dtype=np.float64))
    tensors["deviation"] = torch.from_numpy(np.ascontiguousarray(checkpoint.deviation, dtype=np.float64))
    settings: dict[str, Any] = {name: getattr(checkpoint, name) for name in _PLAIN}
    settings |= {name: getattr(checkpoint, name).as_dict() for name in ("method", "thresholds")}
    settings["network"] = checkpoint.network.config.as_dict()
    if checkpoint.calibration is not None:
        for name, values in checkpoint.calibration.arrays().items():
            tensors[_CALIBRATION + name] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        settings["calibration"] = checkpoint.calibration.settings()
    if checkpoint.offsets is not None:
        for name, values in checkpoint.offsets.arrays().items():
            tensors[_OFFSETS + name] = torch.from_numpy(np.array(values, dtype=np.float64))
        settings["offsets"] = checkpoint.offsets.info
    if checkpoint.own is not None:
        tensors |= {_OWN + name: values for name, values in checkpoint.own.tensors().items()}
        settings["own"] = checkpoint.own.settings()
    version = FORMAT if checkpoint.own is None and checkpoint.offsets is None else FORMAT_OWN
    content = save(tensors, metadata={"format": version, "settings": json.dumps(settings)})
    write_bytes(path, _in_order(content), unless_changed_since=unless_changed_since)


def _smaller(values: torch.Tensor) -> torch.Tensor:
    """The values on the CPU, in half precision where that loses nothing, as in weights that were rounded for export."""
    values = values.contiguous().cpu()
    half = values.half()
    return half if half.to(values.dtype).equal(values) else values


def _in_order(content: bytes) -> bytes:
    """A safetensors file with the entries of its header in order: the library writes them in any, and the same weights
    shall be the same file."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode("ascii")
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def load_checkpoint(path: Path, *, device: str | torch.device = "cpu") -> Checkpoint:
    """Read a weights file.

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another kind, or does not fit this version of the network.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the weights file {path}: {error.strerror or error}") from error
    try:
        with safe_open(path, framework="pt", device="cpu") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is not a readable safetensors file: {error}") from error
    if metadata.get("format") not in (FORMAT, FORMAT_OWN):
        raise ModelError(f"{path} holds no landmark weights of format {FORMAT}: found {metadata.get('format')!r}")
    try:
        return _assemble(json.loads(metadata["settings"]), tensors, device, hashlib.sha256(content).hexdigest())
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} does not fit this version of sgcn_core: {error}") from error


def _assemble(
    settings: dict[str, Any], tensors: dict[str, torch.Tensor], device: str | torch.device, sha256: str
) -> Checkpoint:
    known = {entry.name for entry in fields(NetworkConfig)}
    if unknown := set(settings["network"]) - known:
        raise ValueError(f"unknown network settings {sorted(unknown)}")
    network = StratifiedGCN(NetworkConfig(**settings["network"]))
    network.load_state_dict(under(tensors, _NETWORK))
    labels = tuple(settings["labels"])
    prototype, deviation = tensors["prototype"].double().numpy(), tensors["deviation"].double().numpy()
    if prototype.shape != (len(labels), 3) or deviation.shape != (len(labels),):
        raise ValueError(f"{len(labels)} labels, but prototype {prototype.shape} and deviation {deviation.shape}")
    if network.config.landmarks != len(labels):
        raise ValueError(f"{len(labels)} labels for {network.config.landmarks} outputs")
    numbers, moved = _numbers(tensors, _CALIBRATION), _numbers(tensors, _OFFSETS)
    stored, learnt, own = settings.get("calibration"), settings.get("offsets"), settings.get("own")
    first, second, third = settings["crop_centre"]
    return Checkpoint(
        network=network.to(device).eval(),
        labels=labels,
        prototype=prototype,
        deviation=deviation,
        sigma=float(settings["sigma"]),
        neighbours=int(settings["neighbours"]),
        crop_centre=(float(first), float(second), float(third)),
        crop_radius=float(settings["crop_radius"]),
        crop_margin=float(settings["crop_margin"]),
        info=dict(settings["info"]),
        sha256=sha256,
        calibration=None if stored is None else Calibration.from_stored(stored, numbers).symmetric(labels),
        method=Method.from_stored(settings.get("method", {})),
        thresholds=Thresholds.from_stored(settings.get("thresholds", {})),
        landmark_set=str(settings.get("landmark_set", "all")),
        offsets=None if learnt is None else LandmarkOffsets.from_stored(learnt, moved),
        own=None if own is None else OwnLandmarks.from_stored(own, under(tensors, _OWN)),
    )


def _numbers(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, np.ndarray]:
    return {name: value.double().numpy() for name, value in under(tensors, prefix).items()}

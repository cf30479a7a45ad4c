"""Own landmarks in the weights file: where they lie in the mean face, their head, and what held-out scans showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.own.head import HeadConfig, OwnHead
from sgcn_core.types.arrays import under

FloatArray = NDArray[np.float64]

_ARRAYS = ("prototype", "share", "expected", "bound", "disagreement", "peak", "ratios")
_HEAD = "head."


@dataclass(frozen=True, eq=False)
class OwnLandmarks:
    """L landmarks of a user's own.

    Attributes
    ----------
    labels : L names
    prototype : (L, 3), mean places in the mean face of the network's landmarks, normalised
    head : OwnHead, in evaluation mode
    share : (L,) in [0, 1], of the head in the position: 0 leaves the landmark where the transfer has it
    expected : (L,), mean error on held-out scans, millimetres of the person
    bound : (L,), no less than 90 % of the errors on held-out scans, millimetres
    disagreement : (L,), largest distance between head and transfer on held-out scans, millimetres
    peak : (L,), of the heatmap, that 95 % of held-out scans exceed which show the landmark
    ratios : (K,), errors on held-out scans over ``expected``, ascending
    info : data, folds, seed and figures of the cross-validation
    """

    labels: tuple[str, ...]
    prototype: FloatArray
    head: OwnHead
    share: FloatArray
    expected: FloatArray
    bound: FloatArray
    disagreement: FloatArray
    peak: FloatArray
    ratios: FloatArray
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.labels)
        shapes = {"prototype": (count, 3), **{name: (count,) for name in _ARRAYS[1:-1]}}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"own landmarks: {name} has shape {getattr(self, name).shape}, expected {shape}")
        if len(set(self.labels)) != count or self.head.config.landmarks != count:
            raise ValueError(f"own landmarks: {count} names for {self.head.config.landmarks} outputs, or names repeat")

    def within(self, distance: float) -> FloatArray:
        """Share (L,) of the held-out errors, scaled to each landmark, that are at most ``distance`` millimetres."""
        reach = distance / np.maximum(self.expected, 1e-6)
        return (np.searchsorted(self.ratios, reach, side="right")) / (len(self.ratios) + 1.0)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All numbers, by name."""
        arrays = {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _ARRAYS}
        return arrays | {_HEAD + name: value.contiguous().cpu() for name, value in self.head.state_dict().items()}

    def settings(self) -> dict[str, Any]:
        """All else, as JSON holds it."""
        return {"labels": list(self.labels), "head": self.head.config.as_dict(), "info": self.info}

    @classmethod
    def from_stored(cls, settings: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> OwnLandmarks:
        """The landmarks of ``settings()`` and ``tensors()``; ValueError or KeyError where they do not fit."""
        head = OwnHead(HeadConfig.from_stored(dict(settings["head"])))
        head.load_state_dict(under(tensors, _HEAD))
        arrays = {name: tensors[name].double().numpy() for name in _ARRAYS}
        return cls(tuple(settings["labels"]), head=head.eval(), info=dict(settings["info"]), **arrays)

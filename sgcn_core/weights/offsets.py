"""Offsets by which landmarks found are moved: what weights have learnt of an annotator's own definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class LandmarkOffsets(ReadOnlyArrays):
    """Offsets of L landmarks, millimetres of the head frame: to the subject's left, up, out of the face.

    Attributes
    ----------
    values : ndarray (L, 3)
        Added to a landmark, which is then put back on the surface; 0 where nothing was learnt.
    deviation : ndarray (L,)
        Standard deviation along one axis of the distance from the annotator's landmark that is left afterwards;
        0 where nothing was learnt.
    info : dict
        Number of scans, SHA-256 of the weights that they were learnt for, date; no names of scans.

    Raises
    ------
    ValueError
        Other shapes, a value that is not finite, a negative deviation.
    """

    values: FloatArray
    deviation: FloatArray
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values, deviation = (np.array(each, dtype=np.float64) for each in (self.values, self.deviation))
        if values.shape != (len(deviation), 3) or deviation.ndim != 1:
            raise ValueError(f"offsets of shape {values.shape} with deviations of {deviation.shape}: (L, 3) and (L,)")
        if not (np.isfinite(values).all() and np.isfinite(deviation).all() and (deviation >= 0).all()):
            raise ValueError("offsets and their deviations must be finite, and no deviation negative")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "deviation", deviation)
        super().__post_init__()

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """Of which landmarks (L,) something was learnt."""
        return self.deviation > 0

    def arrays(self) -> dict[str, FloatArray]:
        """All numbers, by name."""
        return {"values": self.values, "deviation": self.deviation}

    @classmethod
    def from_stored(cls, info: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> LandmarkOffsets:
        """The offsets of ``info`` and ``arrays()``; KeyError where an array is lacking."""
        return cls(values=arrays["values"], deviation=arrays["deviation"], info=dict(info))

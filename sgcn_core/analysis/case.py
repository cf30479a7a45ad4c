"""AnalysisCase: landmarks of one person in millimetres and LPS, their covariance, and the surface if there is one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.uncertainty import landmark_covariance
from sgcn_core.errors import LandmarkError
from sgcn_core.io.formats import without_suffix
from sgcn_core.io.markups import read_landmarks
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.landmark_sets import place_of
from sgcn_core.types.landmarks import STATUSES, LandmarkResult, labels_to_check
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

OVERLAY_WITHIN_MM = 10.0
"""Landmarks lie on their surface: their median distance to its vertices is at most this."""


@dataclass(frozen=True, eq=False, kw_only=True)
class AnalysisCase(ReadOnlyArrays):
    """Landmarks of one person, prepared for measuring; always millimetres and LPS.

    Attributes
    ----------
    labels : tuple of str
        L different labels.
    positions : ndarray (L, 3)
        NaN in the rows of missing landmarks.
    covariance : ndarray (L, 3, 3)
        Of each position, mm^2; NaN where it is missing or no error is known.
    status : tuple of {"found", "uncertain", "missing"}
    surface : Surface or None
        The scan, millimetres, LPS.
    name : str
        For tables; empty if none was given.
    info : dict
        Provenance of the landmarks.

    Raises
    ------
    ValueError
        Lengths that differ, duplicate labels, an unknown status, a surface in another unit or frame.
    """

    labels: tuple[str, ...]
    positions: FloatArray
    covariance: FloatArray
    status: tuple[str, ...]
    surface: Surface | None = None
    name: str = ""
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels, status = tuple(self.labels), tuple(self.status)
        positions, covariance = np.array(self.positions, dtype=float), np.array(self.covariance, dtype=float)
        count = len(labels)
        if positions.shape != (count, 3) or covariance.shape != (count, 3, 3) or len(status) != count:
            raise ValueError(
                f"{count} labels need positions ({count}, 3), covariance ({count}, 3, 3) and {count} statuses; "
                f"received {positions.shape}, {covariance.shape} and {len(status)}"
            )
        if len(set(labels)) != count:
            raise ValueError(f"duplicate labels among {', '.join(labels)}")
        if unknown := set(status) - set(STATUSES):
            raise ValueError(f"unknown status {sorted(unknown)[0]!r}; use one of {', '.join(STATUSES)}")
        if self.surface is not None and (self.surface.unit, self.surface.frame) != ("mm", "LPS"):
            raise ValueError(f"the surface of a case must be in mm and LPS; received {self.surface!r}")
        missing = np.array([state == "missing" for state in status], dtype=bool)
        positions[missing], covariance[missing] = np.nan, np.nan
        for name, value in (
            ("labels", labels),
            ("status", status),
            ("positions", positions),
            ("covariance", covariance),
        ):
            object.__setattr__(self, name, value)
        super().__post_init__()

    @property
    def to_check(self) -> tuple[str, ...]:
        """Labels that are uncertain for a reason that lies in the scan, see :class:`LandmarkResult`."""
        return labels_to_check(self.labels, self.status, self.info)

    @classmethod
    def from_result(
        cls, result: LandmarkResult, surface: Surface | None = None, name: str = "", *, observers: bool = True
    ) -> AnalysisCase:
        """The case of a detection, or of landmarks placed by hand.

        Parameters
        ----------
        result : LandmarkResult
            In any unit and frame.
        surface : Surface, optional
            The scan on which the landmarks lie, as its file states it. Its own unit and frame are converted; where
            no unit is declared, or the landmarks do not lie on it in the declared one, that of the landmarks is used.
        name : str
            For tables.
        observers : bool
            Whether the covariance holds the observers' disagreement, see
            :func:`sgcn_core.analysis.uncertainty.landmark_covariance`.

        Raises
        ------
        LandmarkError
            The landmarks do not lie on the surface.
        """
        converted = result.in_frame("LPS")
        positions = converted.positions * in_mm(result.unit)
        return cls(
            labels=result.labels,
            positions=positions,
            covariance=landmark_covariance(result, observers=observers),
            status=result.status,
            surface=None if surface is None else _overlaid(surface, positions, result.unit),
            name=name,
            info=dict(result.info),
        )

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], surface: Surface | None = None, *, observers: bool = True
    ) -> AnalysisCase:
        """The case of a landmark file of any format that ``sgcn_core.io.markups`` reads; its name is the file's.

        Raises
        ------
        FileNotFoundError, FileFormatError, LandmarkError
            The file cannot be read, or its landmarks do not lie on the surface.
        """
        return cls.from_result(read_landmarks(path), surface, without_suffix(path), observers=observers)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        placed = sum(state != "missing" for state in self.status)
        return f"AnalysisCase({self.name!r}, {placed} of {len(self)} landmarks, {self.surface!r})"

    def has(self, label: str) -> bool:
        """Whether the case has this landmark, and it is not missing."""
        return label in self.labels and self.status[self.labels.index(label)] != "missing"

    def index(self, label: str) -> int:
        """Place of a label; ValueError, with similar labels, if it is not there."""
        return place_of({each: place for place, each in enumerate(self.labels)}, label, "case")

    def position(self, label: str) -> FloatArray:
        """Position of one landmark, shape (3,), millimetres, LPS; NaN if it is missing."""
        position: FloatArray = self.positions[self.index(label)].copy()
        return position


def _overlaid(surface: Surface, positions: FloatArray, unit: str) -> Surface:
    """The surface in millimetres and LPS, in the first unit in which the landmarks (L, 3) lie on it."""
    from scipy.spatial import cKDTree

    placed = positions[np.isfinite(positions).all(axis=1)]
    distances = []
    for candidate in dict.fromkeys((surface.unit or unit, unit)):
        factor = in_mm(candidate)
        scaled = surface.in_frame("LPS").transformed(np.diag((factor, factor, factor, 1.0))).with_(unit="mm")
        if not len(placed):
            return scaled
        distances.append(float(np.median(cKDTree(scaled.vertices).query(placed)[0])))
        if distances[-1] <= OVERLAY_WITHIN_MM:
            return scaled
    raise LandmarkError(
        f"the landmarks do not lie on the surface {surface.source or ''}: the median distance is "
        f"{min(distances):.0f} mm. Give the scan they were placed on; check its frame and unit"
    )

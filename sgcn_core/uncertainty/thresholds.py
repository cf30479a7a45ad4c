"""Thresholds that were tuned on data together with the weights, and are stored with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

FOUND, UNCERTAIN, MISSING = "found", "uncertain", "missing"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Thresholds for landmarks and faces. The defaults are those of the shipped weights.

    Attributes
    ----------
    found_peak, missing_peak : heatmap's peak above which a landmark is found, and below which it is missing
    uncertain_shape, missing_shape : standard deviations of the population that a landmark may be off the mean shape
    least_landmarks : a surface on which fewer are seen shows no face
    least_confidence : mean confidence of the better half of the landmarks that a face has at least. Of 205 generated
        faces, badly scanned, 0.80 and more, of the real scans 0.84 and more; of a face that stands upside down 0.78, of
        negatives 0.65 and less
    part_landmarks : so many of the best landmarks decide whether a part of a face is one
    least_of_part, least_pose : their mean confidence, and that of the pose, where a part of a face is accepted. Eyes
        alone, mouth and chin alone, and halves short of the midline, of four generated heads reach 0.82 with a pose
        confidence of 0.47 and more; of 140 negatives none has more than 0.78; a scan whose landmarks would be wrong had
        0.83, its pose 0.31
    margin, clear_part, clear_pose : a face that lacks at most ``margin`` of ``least_confidence`` is one where a second
        look says so: the best landmarks are seen as clearly as ``clear_part`` and the pose as ``clear_pose``. Real
        faces cut above the eyes, below the nose or in half have 0.86 and more, their poses 0.20 and more; of 26
        negatives none has more than 0.67 and 0.16
    no_pose : a surface on which the head was seen less clearly shows no face, however high its heatmaps: 0.03 of the
        brain in a coarse image, 0.2 and more of faces
    least_at_cut : mean confidence of the best ``part_landmarks`` where a volume's field of view cuts landmarks off. Of
        generated heads cut above or below the nose or in half 0.80 and more, of the shared ones cut above the mouth
        0.78 and more; of backs of heads, necks and vaults 0.66 and less
    uncertain_bound : a landmark whose 90 % bound is larger, in millimetres of the person, is uncertain; where the
        calibration knows the domain it has limits of its own
    """

    found_peak: float = 0.45
    missing_peak: float = 0.2
    uncertain_shape: float = 4.0
    missing_shape: float = 7.0
    least_landmarks: int = 12
    least_confidence: float = 0.79
    part_landmarks: int = 30
    least_of_part: float = 0.80
    least_pose: float = 0.4
    margin: float = 0.05
    clear_part: float = 0.85
    clear_pose: float = 0.2
    no_pose: float = 0.1
    least_at_cut: float = 0.74
    uncertain_bound: float = 5.0

    def as_dict(self) -> dict[str, Any]:
        """For the weights file."""
        return asdict(self)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Thresholds:
        """Read from a weights file; ValueError if it holds a threshold unknown to this version."""
        if unknown := set(stored) - {entry.name for entry in fields(cls)}:
            raise ValueError(f"unknown thresholds {sorted(unknown)}")
        return cls(**stored)

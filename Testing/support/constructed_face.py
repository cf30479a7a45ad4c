"""A face of round numbers: left is +x, forward -y, up +z, so that every projection drops one coordinate."""

from __future__ import annotations

import numpy as np

from sgcn_core.analysis import AnalysisCase
from sgcn_core.types.landmark_sets import LandmarkSet

MIDLINE = {
    "tr": (1, -12, 68),
    "g": (1, -20, 20),
    "n": (0, -18, 10),
    "se": (0, -16, 2),
    "mnd": (0, -26, -12),
    "prn": (2, -40, -28),
    "c": (1, -32, -38),
    "sn": (0, -18, -40),
    "spl": (0, -20, -48),
    "ls": (1, -26, -54),
    "sts": (0, -22, -60),
    "sti": (0, -22, -62),
    "li": (1, -24, -70),
    "sl": (0, -16, -78),
    "pg": (2, -20, -90),
    "gn": (1, -14, -100),
    "me": (1, -6, -104),
    "cervical": (0, 36, -110),
}
LEFT = {
    "en": (16, -4, 0),
    "ex": (44, 6, 2),
    "ps": (30, -6, 6),
    "pi": (31, -5, -5),
    "al": (18, -18, -34),
    "ac": (17, -10, -35),
    "sbal": (9, -12, -40),
    "cph": (6, -25, -52),
    "ch": (26, -8, -63),
    "zy": (68, 30, -20),
    "go": (52, 40, -80),
    "t": (70, 78, -16),
    "obs": (72, 74, 2),
    "obi": (69, 76, -42),
    "sa": (78, 88, 14),
    "sba": (72, 80, -48),
    "pra": (72, 76, -4),
    "pa": (84, 104, -8),
    "mf": (9, -8, 4),
    "ft": (56, 8, 32),
    "scm": (12, -10, 18),
    "scl": (48, 2, 20),
    "chk": (40, -2, -26),
    "or": (33, -1, -16),
}
RAISED = {"ch_l": 2.0, "go_l": 3.0}  # what is not symmetric, besides the midline


def positions() -> dict[str, np.ndarray]:
    """Landmarks (3,) by label."""
    points = {label: np.array(place, dtype=float) for label, place in MIDLINE.items()}
    for label, (x, y, z) in LEFT.items():
        points[f"{label}_l"] = np.array([x, y, z + RAISED.get(f"{label}_l", 0.0)])
        points[f"{label}_r"] = np.array([-x, y, z], dtype=float)
    return points


def case_of(points: dict[str, np.ndarray], *, sd: float | None = 0.5, **more: object) -> AnalysisCase:
    """A case whose landmarks scatter by ``sd`` mm along every axis, or by what is not known."""
    spread = np.nan if sd is None else sd**2
    return AnalysisCase(
        labels=tuple(points),
        positions=np.array(list(points.values())),
        covariance=np.tile(spread * np.eye(3), (len(points), 1, 1)),
        status=("found",) * len(points),
        **more,
    )


def mirrored(points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The face in a mirror: x changes sign, left and right labels change places."""
    known = LandmarkSet.load("all")
    other = {"r": "l", "l": "r"}
    image = {}
    for label, place in points.items():
        side = label.rpartition("_")[2]
        swapped = known[label].mirror if label in known else label
        if label not in known and side in other and "_" in label:
            swapped = f"{label[:-1]}{other[side]}"
        image[swapped] = place * (-1.0, 1.0, 1.0)
    return image

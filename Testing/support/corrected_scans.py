"""Scans of an ellipsoid with eight landmarks, some of them moved by a user."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from tiny_face_model import ellipsoid

from sgcn_core.adaptation.corrected_scan import CorrectedScan
from sgcn_core.geometry.surface_index import SurfaceIndex

SURFACE = SurfaceIndex(*ellipsoid())
LABELS = ("en_r", "en_l", "ex_r", "ex_l", "ch_r", "ch_l", "prn", "gn")
AT = np.array(
    [(-18, 30, 110), (18, 30, 110), (-45, 30, 95), (45, 30, 95), (-25, -50, 105), (25, -50, 105), (0, 0, 125),
     (0, -80, 90)], dtype=float,
)  # fmt: skip
FOUND = np.array([SURFACE.vertices[SURFACE.vertex_tree.query(place)[1]] for place in AT])


def scan(moved: Mapping[str, tuple[float, float, float]], *, noise: float = 0.0, seed: int = 0) -> CorrectedScan:
    """The landmarks found, and the user's: moved by so much, with noise along each axis, wherever that is."""
    offsets = np.array([moved.get(label, (0.0, 0.0, 0.0)) for label in LABELS], dtype=float)
    here = offsets.any(axis=1)[:, None] * np.random.default_rng(seed).normal(0.0, noise, offsets.shape)
    return CorrectedScan(
        name=f"scan {seed}",
        labels=LABELS,
        found=FOUND,
        corrected=FOUND + offsets + here,
        expected=np.full(len(LABELS), 2.5),
        size=1.0,
        surface=SURFACE,
        fingerprint=str(seed),
    )

"""A face made by hand for the tests of the analysis: symmetric landmarks on an ellipsoid, LPS, millimetres."""

from __future__ import annotations

import numpy as np
from tiny_face_model import ellipsoid

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.types.surface import Surface

# Left, up, forward, millimetres; of the pairs the left landmark.
MIDLINE = {
    **{"g": (0, 40, 95), "n": (0, 25, 92), "se": (0, 20, 90), "prn": (0, -12, 115), "sn": (0, -22, 98)},
    **{"ls": (0, -35, 97), "sts": (0, -40, 96), "sti": (0, -40, 96), "li": (0, -48, 95), "sl": (0, -56, 90)},
    **{"pg": (0, -68, 91), "gn": (0, -78, 84), "me": (0, -82, 74)},
}
PAIRS = {
    **{"en": (17, 20, 80), "ex": (45, 22, 70), "al": (17, -15, 95), "ch": (25, -40, 85), "go": (55, -55, 20)},
    **{"t": (72, -2, 0), "ft": (52, 45, 75), "scm": (12, 38, 92), "scl": (45, 40, 80), "zy": (68, 0, 30)},
    **{"chk": (45, -10, 75), "mf": (11, 22, 85)},
}


def lps(points: np.ndarray) -> np.ndarray:
    """From left, up, forward to LPS."""
    left, up, forward = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    return np.stack([left, -forward, up], axis=-1)


def made_positions() -> dict[str, np.ndarray]:
    """Label -> (left, up, forward)."""
    places = {label: np.array(place, dtype=float) for label, place in MIDLINE.items()}
    for name, place in PAIRS.items():
        places[f"{name}_l"] = np.array(place, dtype=float)
        places[f"{name}_r"] = np.array(place, dtype=float) * (-1, 1, 1)
    return places


def made_case(
    moved: dict[str, tuple[float, float, float]] | None = None,
    *,
    deviation: float = 0.5,
    surface: Surface | None = None,
    name: str = "made",
) -> AnalysisCase:
    """The face, some landmarks moved by (left, up, forward)."""
    places = made_positions()
    for label, shift in (moved or {}).items():
        places[label] = places[label] + shift
    count = len(places)
    return AnalysisCase(
        labels=tuple(places),
        positions=lps(np.array(list(places.values()))),
        covariance=np.tile(np.eye(3) * deviation**2, (count, 1, 1)),
        status=("found",) * count,
        surface=surface,
        name=name,
    )


def made_surface(rows: int = 120, columns: int = 180) -> Surface:
    """A symmetric ellipsoid of the size of a head, its front among the landmarks of the face."""
    vertices, faces = ellipsoid(rows, columns)
    return Surface(lps(vertices - (0, 0, 27)), faces, unit="mm")


def moved_case(case: AnalysisCase, rotation: np.ndarray, shift: np.ndarray) -> AnalysisCase:
    """The case after a rigid motion, surface and covariance included."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, shift
    return AnalysisCase(
        labels=case.labels,
        positions=case.positions @ rotation.T + shift,
        covariance=rotation @ case.covariance @ rotation.T,
        status=case.status,
        surface=None if case.surface is None else case.surface.transformed(matrix),
        name=case.name,
    )

"""A case for reports that needs no detection: the mean face with landmarks of round numbers on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from sgcn_core.demo import mean_face
from sgcn_core.report.build import ReportCase
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

PATIENT = "Mustermann_Erika_1970"
MIDLINE = {
    **{"g": (56, 107), "n": (48, 107), "se": (41, 106), "prn": (2, 130), "c": (-8, 122), "sn": (-12, 115)},
    **{"ls": (-26, 118), "sts": (-33, 113), "sti": (-34, 113), "li": (-41, 116), "sl": (-50, 109), "pg": (-60, 110)},
    **{"gn": (-74, 104), "me": (-79, 96)},
}
LEFT = {
    **{"en": (19, 32, 92), "ex": (46, 33, 87), "al": (18, -2, 109), "ac": (17, -8, 105), "ch": (24, -35, 102)},
    **{"zy": (73, 23, 30), "go": (55, -52, 23), "t": (73, 15, 12), "ft": (62, 51, 67), "pa": (86, 15, -15)},
}


def surface() -> Surface:
    """The mean face; its file is named after a patient."""
    return mean_face().with_(source=f"{PATIENT}.ply")


def result(*, uncertain: tuple[str, ...] = ("go_r",), missing: tuple[str, ...] = ("me",)) -> LandmarkResult:
    """Landmarks on the vertices of the mean face next to `MIDLINE` and `LEFT`."""
    places = {label: (0, *place) for label, place in MIDLINE.items()}
    places |= {f"{label}_l": place for label, place in LEFT.items()}
    places |= {f"{label}_r": (-x, y, z) for label, (x, y, z) in LEFT.items()}
    vertices = mean_face().vertices
    on_face = vertices[cKDTree(vertices).query(np.array(list(places.values()), dtype=float))[1]]
    status = ["uncertain" if each in uncertain else "missing" if each in missing else "found" for each in places]
    info = {"model": "2S-SGCN", "version": "0.1.0", "weights_sha256": "ab" * 32, "seed": 7, "preset": "default"}
    return LandmarkResult(
        tuple(places),
        on_face,
        np.full(len(places), 0.9),
        status,
        info={**info, "input": {"name": f"{PATIENT}.ply", "sha256": "cd" * 32}, "notes": [f"{PATIENT}.ply has holes"]},
        expected_error=np.full(len(places), 1.4),
        error_bound=np.full(len(places), 2.5),
    )


def case(*, with_surface: bool = True, **more: tuple[str, ...]) -> ReportCase:
    """Landmarks and surface, called after a patient."""
    return ReportCase(result=result(**more), surface=surface() if with_surface else None, name=PATIENT)


def moved(given: ReportCase, matrix: np.ndarray, shifts: dict[str, tuple[float, float, float]]) -> ReportCase:
    """The landmarks, some of them shifted, then all moved rigidly; without the surface."""
    positions = given.result.positions.copy()
    for label, shift in shifts.items():
        positions[given.result.index(label)] += shift
    positions = positions @ matrix[:3, :3].T + matrix[:3, 3]
    return ReportCase(result=replace(given.result, positions=positions), name=given.name)

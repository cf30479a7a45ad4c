"""Parts of faces: the landmarks on them must be found and the others reported missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from research.criteria import Criterion
from research.robustness.crop_kinds import KINDS, CutHead, HeadCutter
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SgcnError
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
Report = Callable[[str, float], None]

# Of places (T, 3) in the head frame, millimetres.
PARTS: dict[str, Callable[[FloatArray], NDArray[np.bool_]]] = {
    "eyes": lambda place: place[:, 1] > 10.0,
    "mouth and chin": lambda place: place[:, 1] < -25.0,
    "half short of the midline": lambda place: place[:, 0] > 12.0,
}
CUT_FRONT = -20.0  # millimetres; without what lies behind the ears
LEFT, GONE = 4.0, 6.0  # distance of a landmark to what is left, below which it is there, and above which it is not


def measure_parts(
    detector: LandmarkDetector,
    cutter: HeadCutter,
    *,
    heads: int = 8,
    report: Report = lambda what, share: None,
) -> list[Criterion]:
    """Every part of some whole heads."""
    errors: list[float] = []
    accepted = shown = reported = cut = missing = 0
    total = heads * len(PARTS)
    for number in range(heads):
        head = cutter.head(KINDS.index("whole head") + len(KINDS) * number)
        for part in PARTS:
            report(f"{part} of head {number + 1}", number / heads)
            surface, left, gone = _part(head, part)
            try:
                result = detector.detect(surface)
            except SgcnError:
                continue
            accepted += 1
            found = _errors(result, left)
            errors += found
            shown, reported = shown + len(left), reported + len(found)
            cut += len(gone)
            missing += sum(result.status[result.index(label)] == "missing" for label in gone)
    mean = float(np.mean(errors)) if errors else float("nan")
    what = f"{total} parts of faces ({', '.join(PARTS)})"
    return [
        Criterion(f"{what}: accepted", ">= 90 %", f"{100 * accepted / total:.0f} %", accepted >= 0.9 * total),
        Criterion("their landmarks", "mean <= 3 mm", f"{mean:.2f} mm, {reported} of {shown} reported", mean <= 3.0),
        Criterion("landmarks cut off them", ">= 95 % missing", f"{missing} of {cut}", missing >= 0.95 * cut),
    ]


def _part(head: CutHead, part: str) -> tuple[Surface, dict[str, FloatArray], list[str]]:
    """What is left of the head, its landmarks, and those that are gone."""
    scan = head.scan
    place = scan.centroids()
    surface = scan.surface.clipped(PARTS[part](place) & (place[:, 2] > CUT_FRONT)).compacted()
    distances = np.asarray(cKDTree(surface.vertices).query(np.stack([*scan.landmarks.values()]))[0])
    apart = dict(zip(scan.landmarks, distances.tolist(), strict=True))
    left = {label: position for label, position in scan.landmarks.items() if apart[label] < LEFT}
    return surface, left, [label for label, distance in apart.items() if distance > GONE]


def _errors(result: LandmarkResult, truth: dict[str, FloatArray]) -> list[float]:
    """Distances to the truth of those that are not missing."""
    distances = [float(np.linalg.norm(result.position(label) - position)) for label, position in truth.items()]
    return [distance for distance in distances if np.isfinite(distance)]

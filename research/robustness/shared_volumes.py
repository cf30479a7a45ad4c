"""The shared volumes: what can be seen on them by eye, and whether detection says the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.criteria import Criterion
from research.experiments.plausibility import implausible, plausibility_table, read_people
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, VolumeError
from sgcn_core.io.volumes import read_volume
from sgcn_core.skin.extract import Skin, extract_skin
from sgcn_core.types.field_of_view import depth_below_cuts
from sgcn_core.types.landmarks import LandmarkResult

_EYES = ("en_r", "en_l", "ex_r", "ex_l", *(f"ibug{i}" for i in range(36, 48)))
_MOUTH = ("ls", "li", "sts", "sti", "ch_r", "ch_l", "cph_r", "cph_l", *(f"ibug{i}" for i in range(48, 68)))
_CHIN = ("sl", "pg", "gn", "me", "ibug7", "ibug8", "ibug9")
_NOSE_BASE = ("c", "sn", "ac_r", "ac_l", "sbal_r", "sbal_l", "spl", *(f"ibug{i}" for i in range(31, 36)))
_NOSE_RIDGE = ("prn", "mnd", "n", "se", "g", *(f"ibug{i}" for i in range(27, 31)))

PARTIAL = {
    "mr_colin27.nii.gz": (_EYES, ("prn", *_NOSE_BASE, *_MOUTH, *_CHIN)),
    "mr_seg3d.nii.gz": (_EYES, ("prn", *_NOSE_BASE, *_MOUTH, *_CHIN)),
    "ct_headsq_quarter.nrrd": (("ex_r", "ex_l", "sn", "ac_r", "ac_l", "ls", "ch_r", "ch_l"), _NOSE_RIDGE),
}
"""Of each volume that the field of view cuts: landmarks that can be seen, and landmarks beyond the image."""

_WHOLE = "nyhead_labels_1mm.nii.gz"
_LEAST_SHOWN = 0.75


def measure_shared(detector: LandmarkDetector, folder: Path | None) -> list[Criterion]:
    """A criterion a volume; they say so where the folder is not there."""
    if folder is None or not Path(folder).is_dir():
        return [
            Criterion("shared volumes", "see each", "not measured: no folder of the shared volumes was given", None)
        ]
    criteria = [_plausible(detector, Path(folder))]
    return criteria + [measure_partial(detector, Path(folder) / name) for name in PARTIAL]


def _detected(detector: LandmarkDetector, path: Path) -> tuple[Skin, LandmarkResult]:
    skin = extract_skin(read_volume(path))
    return skin, detector.detect(skin.surface)


def _plausible(detector: LandmarkDetector, folder: Path) -> Criterion:
    """Of the averaged head, which is larger than people are (Lancaster et al. 2007, on the template's space)."""
    what, required = f"{_WHOLE}, distances against real people", "all within 3 SD at the size of a person"
    try:
        _, result = _detected(detector, folder / _WHOLE)
        people = read_people(folder.parent / "scans" / "real_people_23x3x85.npy")
    except (FaceNotFoundError, VolumeError, FileNotFoundError) as error:
        return Criterion(what, required, str(error), False)
    size = float(result.info["size_ratio"])
    raw, scaled = (_odd(replace(result, positions=result.positions / scale), people) for scale in (1.0, size))
    counts = ", ".join(f"{result.status.count(state)} {state}" for state in ("found", "uncertain", "missing"))
    measured = f"beyond 3 SD in template space: {raw}; at the size of the average person (1 / {size:.2f}): {scaled}"
    return Criterion(what, required, f"{measured} ({counts})", scaled == "none")


def _odd(result: LandmarkResult, people: NDArray[np.float64]) -> str:
    """The implausible distances, or "none"."""
    rows = implausible(plausibility_table({_WHOLE: result}, people, ""))
    return ", ".join(f"{row['distance']} {float(row['SDs away'] or 0):+.1f} SD" for row in rows) or "none"


def measure_partial(detector: LandmarkDetector, path: Path) -> Criterion:
    """One of ``PARTIAL``."""
    shown, gone = PARTIAL[path.name]
    what = f"{path.name}, seen and cut landmarks"
    required = f">= {_LEAST_SHOWN:.0%} of the seen ones placed, all cut ones missing, none found on a cut plane"
    try:
        skin, result = _detected(detector, path)
    except (FaceNotFoundError, VolumeError, FileNotFoundError) as error:
        return Criterion(what, required, str(error), False)
    status = dict(zip(result.labels, result.status, strict=True))
    placed = [label for label in shown if status[label] != "missing"]
    wrong = [label for label in gone if status[label] != "missing"]
    found = result.positions[np.asarray(result.status) == "found"]
    on_plane = int((depth_below_cuts(skin.surface.cut_planes, found) < 2.0).sum())
    measured = (
        f"{len(placed)} of {len(shown)} seen ones placed, {len(wrong)} of {len(gone)} cut ones reported"
        f"{' (' + ', '.join(wrong) + ')' if wrong else ''}, {on_plane} found on a cut plane"
    )
    return Criterion(what, required, measured, len(placed) >= _LEAST_SHOWN * len(shown) and not wrong and on_plane == 0)

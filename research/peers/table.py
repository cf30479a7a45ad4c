"""Tables of the methods on annotated scans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from research.peers.scan_runs import METHODS, OURS, ScanRun
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.types.landmark_sets import without_side

FloatArray = NDArray[np.float64]

_FEWEST = 3  # scans with a landmark, for a mean offset


def errors(run: ScanRun, method: str, centre: FloatArray | None = None) -> FloatArray:
    """Distances (L,) from the truth, or from the truth moved by ``centre`` (L, 3)."""
    off = run.displacements(method) - (0.0 if centre is None else centre)
    distance: FloatArray = np.linalg.norm(off, axis=1)
    return distance


def mean_offsets(runs: Sequence[ScanRun], method: str) -> FloatArray:
    """Mean displacement (L, 3) of a method over scans, in the head frame; NaN for landmarks on fewer than three.

    It is what the method calls this landmark, against what the annotators do; what is left is how consistent it is.
    """
    off = np.array([run.displacements(method) for run in runs])
    known = np.isfinite(off).all(2)
    enough = known.sum(0) >= _FEWEST
    total = np.where(known[:, :, None], off, 0.0).sum(0)
    mean: FloatArray = np.where(enough[:, None], total / np.maximum(known.sum(0), 1)[:, None], np.nan)
    return mean


def methods_table(groups: dict[str, Sequence[ScanRun]], note: str) -> Table:
    """One row a group of scans and method: scans without a face, errors, and errors without mean offsets.

    Means are given without ``al`` as well, for which MediaPipe's mesh has no point of that definition. The last two
    columns are over the same landmarks: those that the method has on three scans and more.
    """
    rows: list[dict[str, Cell]] = []
    for group, runs in groups.items():
        annotated = [run for run in runs if np.isfinite(run.truth).any()]
        for method in METHODS:
            found = np.array([errors(run, method) for run in annotated])
            wanted = sum(int(np.isfinite(run.truth).all(1).sum()) for run in annotated)
            summary = summarise(found[np.isfinite(found)])
            others = found[:, [not label.startswith("al_") for label in annotated[0].labels]]
            offsets = mean_offsets(annotated, method)
            centred = np.array([errors(run, method, offsets) for run in annotated])
            same = found[np.isfinite(centred)]
            rows.append(
                {
                    "scans": group,
                    "method": method,
                    "no face": sum(not run.has_face(method) for run in runs),
                    "of": len(runs),
                    "landmarks": summary.count,
                    "not placed": wanted - summary.count,
                    "mean mm": summary.mean,
                    "median": summary.median,
                    "95 %": summary.high,
                    "> 10 mm": summary.failures,
                    "mean without al": summarise(others[np.isfinite(others)]).mean,
                    "on three scans": float(same.mean()) if len(same) else None,
                    "without mean offsets": float(np.nanmean(centred)) if len(same) else None,
                }
            )
    return Table("peers_scans", f"Landmarks in common on scans, millimetres. {note}", rows)


def landmarks_table(runs: Sequence[ScanRun], note: str) -> Table:
    """Mean error of each landmark, sides and scans together; iBUG points by group."""
    rows: list[dict[str, Cell]] = []
    kinds = [_kind(label) for label in runs[0].labels]
    for kind in dict.fromkeys(kinds):
        chosen = [row for row, name in enumerate(kinds) if name == kind]
        cells: dict[str, Cell] = {"landmark": kind}
        for method in METHODS:
            off = np.array([errors(run, method)[chosen] for run in runs])
            cells[method] = float(np.nanmean(off)) if np.isfinite(off).any() else None
        count = int(sum(np.isfinite(run.truth[chosen]).all(1).sum() for run in runs))
        if count:
            rows.append({**cells, "placed by people": count})
    return Table("peers_landmarks", f"Mean error by landmark, millimetres. {note}", rows)


def times_table(runs: Sequence[ScanRun], sizes: dict[str, float], note: str) -> Table:
    """Size of the models and processor time, as shares of our detection on the same scan."""
    rows: list[dict[str, Cell]] = []
    for method in METHODS:
        seconds = np.array([run.seconds[method] for run in runs])
        ratio = seconds / np.array([run.seconds[OURS] for run in runs])
        rows.append(
            {
                "method": method,
                "model MB": sizes[method] / 1e6,
                "processor s, median": float(np.nanmedian(seconds)),
                "of ours, median": float(np.nanmedian(ratio)),
                "of ours, least": float(np.nanmin(ratio)),
                "of ours, most": float(np.nanmax(ratio)),
            }
        )
    return Table("peers_times", f"Size of the models and processor time on {len(runs)} scans. {note}", rows)


def _kind(label: str) -> str:
    """``en_l`` and ``en_r`` as ``en``; iBUG points as nose, eyes and mouth."""
    if not label.startswith("ibug"):
        return without_side(label)
    number = int(label.removeprefix("ibug"))
    return "iBUG nose" if number < 36 else "iBUG eyes" if number < 48 else "iBUG mouth"

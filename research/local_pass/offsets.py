"""Whether all annotators share an offset of the corners of the eyes: learnt from all but one, used on that one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.local_pass.cases import Case
from research.training.annotated_scans import annotator_of
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex

FloatArray = NDArray[np.float64]

# The same point of the right and of the left side; +x is the subject's left, so that of the right is turned round.
_CORNERS = {
    "en": ((("en_r", "ibug39"), -1.0), (("en_l", "ibug42"), 1.0)),
    "ex": ((("ex_r", "ibug36"), -1.0), (("ex_l", "ibug45"), 1.0)),
}


def offsets(case: Case, corner: str) -> list[tuple[int, float, FloatArray]]:
    """Row, side and offset (lateral, up, out; millimetres) of what the first pass found, of the annotated corners."""
    found = []
    for labels, side in _CORNERS[corner]:
        for label in labels:
            row = case.labels.index(label)
            if np.isfinite(case.truth[row]).all():
                off = (case.first[row] - case.truth[row]) * case.unit
                found.append((row, side, off * np.array([side, 1.0, 1.0])))
    return found


def left_out_offsets(cases: Sequence[Case]) -> Table:
    """Mean error of the first pass, and without what all the other annotators have in common.

    That is the smallest of their mean offsets along x, nothing where they have different signs.
    """
    rows: list[dict[str, Cell]] = []
    who = {case.name: annotator_of(Path(case.name)).name for case in cases}
    names = list(dict.fromkeys(who.values()))
    for corner in _CORNERS:
        lateral = {
            name: [off[0] for case in cases if who[case.name] == name for _, _, off in offsets(case, corner)]
            for name in names
        }
        for name in names:
            others = [float(np.mean(values)) for other, values in lateral.items() if other != name and values]
            if not lateral[name] or not others:
                continue
            same = min(others) * max(others) > 0.0
            shift = min(others, key=abs) if same else 0.0
            before, after = [], []
            for case in (case for case in cases if who[case.name] == name):
                index = SurfaceIndex(case.vertices, case.faces)
                for row, side, off in offsets(case, corner):
                    moved = case.first[row] - np.array([side * shift / case.unit, 0.0, 0.0])
                    place = closest_on_surface(moved[None], index)[0]
                    before.append(float(np.linalg.norm(off)))
                    after.append(float(np.linalg.norm(place - case.truth[row]) * case.unit))
            rows.append(
                {
                    "annotator left out": name,
                    "corner": corner,
                    "landmarks": len(before),
                    "own offset outwards": float(np.mean(lateral[name])),
                    "in common with the others": shift,
                    "first pass": float(np.mean(before)),
                    "without it": float(np.mean(after)),
                }
            )
    return Table("corner_offsets", "Mean error in mm of the corners of the eyes, real scans.", rows)

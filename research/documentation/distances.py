"""How far others' landmarks lie from ours: ``python -m research.documentation.distances --annotated FOLDER ...``.

Prints what the differences in ``definition_notes.json`` say in words. Where their numbers are changed, the hash of the
weights goes into that file, too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from research.training.annotated_scans import annotated_scans
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table

FloatArray = NDArray[np.float64]

_OURS = "ours"
_FACE3D, _SURGEONS, _MENPO = "face3d", "rhinoplasty surgeons", "menpo3d"
# Whose landmark, what they call it, and ours that it is compared with; a name without a side is of both sides.
PAIRS = (
    *((_FACE3D, label, label) for label in ("n", "se", "gn", "obi", "t")),
    *((_SURGEONS, "n", "n"), (_SURGEONS, "n", "se"), (_SURGEONS, "me", "gn"), (_SURGEONS, "me", "me")),
    (_SURGEONS, "mf", "mf"),
    *((_MENPO, f"ibug{number}", f"ibug{number}") for number in range(17)),
    *((_OURS, "se", "n"), (_OURS, "se", "ibug27"), (_OURS, "ibug31", "ibug35"), (_OURS, "al_l", "al_r")),
)


def measured(detector: LandmarkDetector, folders: list[Path]) -> dict[tuple[str, str, str], list[FloatArray]]:
    """Pair -> from theirs to ours on each scan and side, along the axes of the head frame, millimetres."""
    pairs: dict[tuple[str, str, str], list[FloatArray]] = {pair: [] for pair in PAIRS}
    for scan in annotated_scans(detector, folders, by_definition=False):
        to_normalised = scan.heatmaps.graph.to_normalised
        placed = detector.pipeline.place(scan.heatmaps).positions / to_normalised.scale
        found = dict(zip(detector.checkpoint.labels, placed, strict=True))
        truth = {label: to_normalised.apply(place) / to_normalised.scale for label, place in scan.truth.items()}
        for (whose, theirs, ours), offsets in pairs.items():
            places = {_OURS: found, scan.annotator: truth}.get(whose, {})
            for side in ("", "_r", "_l"):
                if theirs + side in places and ours + side in found:
                    offsets.append(found[ours + side] - places[theirs + side])
    return pairs


def distance_table(pairs: dict[tuple[str, str, str], list[FloatArray]], *, note: str) -> Table:
    """One row for each pair: distances, and how far ours lies above theirs, millimetres."""
    rows: list[dict[str, Cell]] = []
    for (whose, theirs, ours), offsets in pairs.items():
        if offsets:
            away = np.linalg.norm(offsets, axis=1)
            line: dict[str, Cell] = {"whose": whose, "theirs": theirs, "ours": ours, "number": len(offsets)}
            line |= {"least": float(away.min()), "mean": float(away.mean()), "most": float(away.max())}
            rows.append(line | {"ours above": float(np.mean(offsets, axis=0)[1])})
    return Table("distances", f"From others' landmarks to ours, millimetres. {note}", rows)


def main(arguments: list[str] | None = None) -> None:
    """Detect, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m research.documentation.distances", description=__doc__)
    parser.add_argument("--annotated", type=Path, nargs="+", required=True, help="folders of annotated scans")
    parser.add_argument("--weights", type=Path, help="weights (safetensors), default the shipped ones")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    detector = LandmarkDetector.from_pretrained(options.weights)
    note = f"Weights {detector.checkpoint.sha256[:16]}, seed 0."
    table = distance_table(measured(detector, options.annotated), note=note)
    Console(width=140, highlight=False).print(f"\n{table.title}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()

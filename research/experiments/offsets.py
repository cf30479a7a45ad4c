"""Where annotators mean another point: ``python -m research.experiments.offsets --annotated FOLDER ...``.

Mean offset of what is found from what each annotator placed, landmark by landmark. Labels are compared by definition;
the same point of the right and of the left side is one row. An offset that all annotators share is a matter of our
definition: the landmark is in the wrong place on the faces that the network learns from. So the last columns give what
all the other annotators have in common outwards, and the mean error without that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from research.training.annotated_scans import annotated_scans, displacements
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.types.landmark_sets import without_side

FloatArray = NDArray[np.float64]
# A landmark, who placed it, and by how much what is found lies outwards, upwards and in front of that, millimetres.
Offset = tuple[str, str, FloatArray]


def measured_offsets(detector: LandmarkDetector, folders: list[Path], *, mode: str) -> Iterable[Offset]:
    """Of every annotated landmark but those of the 68 points, whose annotator is one and the same."""
    for scan in annotated_scans(detector, folders):
        found = displacements(detector.pipeline, scan, mode)
        for label, offset in zip(detector.checkpoint.labels, found, strict=True):
            if np.isfinite(offset).all() and not label.startswith("ibug"):
                yield without_side(label), scan.annotator, offset * (-1.0 if label.endswith("_r") else 1.0, 1.0, 1.0)


def offset_table(offsets: Iterable[Offset], *, note: str) -> Table:
    """One row for each landmark and annotator."""
    groups: dict[tuple[str, str], list[FloatArray]] = {}
    for label, annotator, offset in offsets:
        groups.setdefault((label, annotator), []).append(offset)
    rows: list[dict[str, Cell]] = []
    for (label, annotator), each in sorted(groups.items()):
        outwards, upwards, forwards = np.mean(each, axis=0).tolist()
        error = float(np.linalg.norm(each, axis=1).mean())
        line: dict[str, Cell] = {"landmark": label, "annotator": annotator, "number": len(each), "error": error}
        line |= {"outwards": outwards, "upwards": upwards, "forwards": forwards}
        others = [np.mean(of, axis=0)[0] for (what, who), of in groups.items() if what == label and who != annotator]
        shared = shared_offset(others)
        without = float(np.linalg.norm(np.array(each) - (shared, 0.0, 0.0), axis=1).mean())
        rows.append(line | {"others outwards": shared if others else None, "without": without if others else None})
    return Table("offsets", f"Mean error, and mean offset of what is found, millimetres. {note}", rows)


def shared_offset(offsets: list[float]) -> float:
    """The smallest of them; 0 where they have different signs, or where there are none."""
    return min(offsets, key=abs) if offsets and min(offsets) * max(offsets) > 0.0 else 0.0


def main(arguments: list[str] | None = None) -> None:
    """Detect, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m research.experiments.offsets", description=__doc__)
    parser.add_argument("--annotated", type=Path, nargs="+", required=True, help="folders of annotated scans")
    parser.add_argument("--weights", type=Path, help="weights (safetensors), default the shipped ones")
    parser.add_argument("--mode", default="guided", help="refinement mode")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    detector = LandmarkDetector.from_pretrained(options.weights)
    note = f"Weights {detector.checkpoint.sha256[:16]}, mode {options.mode}, seed 0."
    table = offset_table(measured_offsets(detector, options.annotated, mode=options.mode), note=note)
    Console(width=140, highlight=False).print(f"\n{table.title}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()

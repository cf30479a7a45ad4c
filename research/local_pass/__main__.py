"""``python -m research.local_pass``: second opinions on parts of the face, on the same scans as the first pass."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from research.synthesis.population import Population
    from sgcn_core.detector import LandmarkDetector

COUNTS = {"gnm": 24, "ict": 24}
SEEDS = {"gnm": 7003, "ict": 7001}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m research.local_pass", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with scans, heads, ict and gnm")
    parser.add_argument("--cases", type=Path, required=True, help="folder that keeps what the first pass found")
    parser.add_argument(
        "--weights", type=Path, nargs="*", default=[], help="of regions, from research.local_pass.train"
    )
    parser.add_argument("--nodes", type=int, help="measure the first network on so many nodes")
    parser.add_argument("--statistical-face", action="store_true", help="measure the fit of the statistical face")
    parser.add_argument("--first", type=int, default=1000, help="generated scans of each kind, at most")
    parser.add_argument("--out", type=Path, help="folder for the tables as CSV")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Print a table for each second opinion asked for."""
    options = parse(arguments)

    import torch

    from research.local_pass.alternatives import of_statistical_face, on_more_nodes
    from research.local_pass.apply import LocalNetwork, second_pass
    from research.local_pass.cases import Case, load_cases
    from research.local_pass.table import Second, left_out, table
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.evaluation.tables import Table

    torch.set_num_threads(1)
    detector = LandmarkDetector.from_pretrained()
    if not any(options.cases.glob("*.npz")):
        make_cases(detector, options.data, options.cases)
    numbers: dict[str, int] = {}
    cases: list[Case] = []
    for case in load_cases(options.cases, detector.checkpoint.sha256):
        numbers[case.group] = numbers.get(case.group, 0) + 1
        if case.group not in COUNTS or numbers[case.group] <= options.first:
            cases.append(case)

    def whole(case: Case, places: np.ndarray) -> Second:
        return Second(case, {label: (place, 1.0) for label, place in zip(case.labels, places, strict=True)})

    def measured() -> Iterator[tuple[str, list[Second]]]:
        if options.nodes:
            again = (whole(case, on_more_nodes(detector.pipeline, case, options.nodes)) for case in cases)
            yield f"nodes_{options.nodes}", list(again)
        if options.statistical_face:
            fits = ((case, of_statistical_face(case)) for case in cases)
            yield "statistical_face", [Second(case, {k: (v, 1.0) for k, v in fit.items()}) for case, fit in fits]
        for path in options.weights:
            local = LocalNetwork.load(path, detector.checkpoint)
            yield f"local_{local.region.name}", [Second(case, second_pass(case, local)) for case in cases]

    def show(found: Table) -> None:
        found = replace(found, title=f"{found.title} First pass: weights {detector.checkpoint.sha256[:16]}.")
        print(f"\n{found.name}: {found.title}\n\n{found.markdown()}", flush=True)
        if options.out:
            found.write(options.out)

    for name, seconds in measured():
        show(table(name, seconds))
        show(left_out(name, seconds))


def make_cases(detector: LandmarkDetector, data: Path, folder: Path) -> None:
    """Detect on the annotated scans, and on generated ones that no network was trained on; keep what was found.

    The folder is there when all is in it, so that a set that was interrupted is not taken for a whole one.
    """
    from research.local_pass.cases import generated_cases, real_cases
    from research.synthesis.face_model import FaceModel
    from research.synthesis.generated_scan import ScanMaker
    from research.synthesis.gnm import GnmHead

    weights, part = detector.checkpoint.sha256, folder.with_name(f"{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    models: dict[str, Population] = {
        "gnm": GnmHead.load(data / "gnm" / "gnm_head.npz"),
        "ict": FaceModel.load(data / "ict" / "ict_facekit.npz"),
    }
    for case in real_cases(detector, [data / "scans", data / "heads"]):
        case.save(part / f"{case.group}__{case.name}.npz", weights)
    for name, model in models.items():
        maker = ScanMaker(model, seed=SEEDS[name])
        for case in generated_cases(detector.pipeline, name, maker, COUNTS[name]):
            case.save(part / f"{case.group}__{case.name}.npz", weights)
    part.replace(folder)


if __name__ == "__main__":
    main()

"""What learning an annotator's definitions gains. ``python -m research.experiments.adaptation --annotated FOLDER ...``.

Of the annotated real scans, by annotator, and with ``--gnm FILE`` of generated people with a constructed observer: each
landmark has an offset of its own, the same on all scans and mirrored on the left, and noise in every direction; the
result is put on the surface. For 1, 2, ... corrected scans the error on each scan left out, as the mean over random
choices of the others. ``--kept FOLDER`` keeps the detections, which take seconds a scan.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.gnm import GnmHead
from research.training.annotated_scans import annotator_of
from sgcn_core.adaptation.adapt import domain_of
from sgcn_core.adaptation.checks import checked
from sgcn_core.adaptation.corrected_scan import CorrectedScan, detected
from sgcn_core.adaptation.definitions import MIDLINE, side_of
from sgcn_core.adaptation.estimate import LearntOffsets, estimate
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, LandmarkError
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.evaluation.truth import Truth, landmark_file, meshes, read_truth
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.io.meshes import read_surface
from sgcn_core.uncertainty.domain import well_defined
from sgcn_core.uncertainty.error_model import BOUND_SHARE

FloatArray = NDArray[np.float64]

_CHOICES = 12
_BOUND_DEVIATIONS = 3.0
# The constructed observer: standard deviations along one axis of offsets (well, loosely defined) and of the hand (mm).
_DEFINITIONS, _HAND = (1.0, 2.3), 0.8
_SHOWN = (1, 2, 3, 5, 8, 9)
_GNM_SEED = 3000
Groups = dict[str, list[CorrectedScan]]
_T = TypeVar("_T")


def real_scans(detector: LandmarkDetector, folders: Sequence[Path]) -> Groups:
    """The annotated scans by annotator, compared by name and by definition (``annotated_scans.ANNOTATORS``)."""
    groups: Groups = {}
    for folder in folders:
        for mesh in meshes(folder):
            if (table := landmark_file(mesh)) is None:
                continue
            who, surface = annotator_of(mesh), read_surface(mesh)
            found = detected(detector, surface)
            truth = read_truth(table, surface)
            ours = Truth({who.ours.get(label, label): at for label, at in truth.positions.items()}, truth.unit)
            for name, landmarks in {who.name: ours, **({f"{who.name}, by name": truth} if who.ours else {})}.items():
                try:
                    groups.setdefault(name, []).append(checked(found, mesh.name, landmarks))
                except LandmarkError as error:
                    print(f"{mesh.name}: {error}")
    return groups


def generated_scans(detector: LandmarkDetector, gnm: Path, count: int) -> list[CorrectedScan]:
    """Generated people with the landmarks where they truly are."""
    maker, scans = ScanMaker(GnmHead.load(gnm), seed=_GNM_SEED), list[CorrectedScan]()
    for number in range(4 * count):
        if len(scans) == count:
            break
        scan: GeneratedScan = maker.scan(number)
        try:
            found = detected(detector, scan.surface)
            scans.append(checked(found, f"generated {number}", Truth(scan.landmarks, "mm")))
        except (FaceNotFoundError, LandmarkError) as error:
            print(f"generated {number}: {error}")
    return scans


def observed(scans: Sequence[CorrectedScan], *, strength: float, seed: int = 0) -> list[CorrectedScan]:
    """The same scans with landmarks by a constructed observer, whose offsets are so many times the usual ones."""
    rng, labels = np.random.default_rng(seed), {label for scan in scans for label in scan.labels}
    offsets: dict[str, FloatArray] = {}
    for name in sorted({side_of(label, labels).definition for label in labels}):
        offset = strength * rng.normal(0.0, _DEFINITIONS[0 if well_defined(name) else 1], 3)
        offsets[name] = offset * (np.array([0.0, 1.0, 1.0]) if side_of(name, labels).side == MIDLINE else 1.0)
    seen = []
    for scan in scans:
        sides = [side_of(label, labels) for label in scan.labels]
        moved = np.array([side.turned(offsets[side.definition]) for side in sides])
        placed = scan.corrected + moved + rng.normal(0.0, _HAND, moved.shape)
        seen.append(replace(scan, corrected=closest_on_surface(placed, scan.surface)))
    return seen


def choices(count: int, without: int, size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Some sets of this size of all scans but one, each once where there are few."""
    others = [number for number in range(count) if number != without]
    drawn = {tuple(sorted(rng.choice(others, size, replace=False).tolist())) for _ in range(_CHOICES)}
    yield from (list(each) for each in sorted(drawn))


def rows_of(name: str, scans: Sequence[CorrectedScan], detector: LandmarkDetector) -> Iterator[dict[str, Cell]]:
    """A row for every number of corrected scans: errors and bounds on scans left out."""
    labels, domain = detector.checkpoint.labels, domain_of(detector)
    before = float(np.mean([scan.errors().mean() for scan in scans]))
    for size in (each for each in _SHOWN if each < len(scans)):
        rng = np.random.default_rng(size)
        errors, held, kept = list[float](), list[bool](), list[float]()
        for number, scan in enumerate(scans):
            for chosen in choices(len(scans), number, size, rng):
                learnt = estimate([scans[each] for each in chosen], labels, domain)
                after = scan.errors(learnt.of(scan.labels))
                errors.append(float(after.mean()))
                held += _held(learnt, scan, after)
                kept.append(float(learnt.kept.mean()))
        yield {
            "annotator": name,
            "scans": len(scans),
            "landmarks": float(np.mean([len(scan.labels) for scan in scans])),
            "corrected": size,
            "before mm": before,
            "after mm": float(np.mean(errors)),
            "of the mean": float(np.mean(kept)),
            f"{BOUND_SHARE:.0%} bound from the corrections holds": float(np.mean(held)),
        }


def _held(learnt: LearntOffsets, scan: CorrectedScan, after: FloatArray) -> list[bool]:
    bound = _BOUND_DEVIATIONS * scan.size * learnt.deviation_of(scan.labels)
    return [bool(error <= most) for error, most in zip(after, bound, strict=True) if most > 0]


def kept(folder: Path | None, name: str, make: Callable[[], _T]) -> _T:
    """What an earlier run with the same options has kept in a folder, else what is made now."""
    file = None if folder is None else folder / f"adaptation_{name}.pickle"
    if file is not None and file.exists():
        found: _T = pickle.loads(file.read_bytes())  # written by this command
        return found
    made = make()
    if file is not None:
        file.write_bytes(pickle.dumps(made))
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m research.experiments.adaptation", description=__doc__)
    parser.add_argument("--weights", type=Path, help="weights (safetensors), default the shipped ones")
    parser.add_argument("--annotated", type=Path, nargs="*", default=[], help="folders of annotated scans")
    parser.add_argument("--gnm", type=Path, help="gnm_head.npz, for generated people")
    parser.add_argument("--generated", type=int, default=10, help="how many of them")
    parser.add_argument("--kept", type=Path, help="folder that keeps the detections of this command and these options")
    options = parser.parse_args()
    torch.set_num_threads(1)
    detector = LandmarkDetector.from_pretrained(options.weights)
    real = kept(options.kept, "real", lambda: real_scans(detector, options.annotated))
    generated = list[CorrectedScan]()
    if options.gnm is not None:
        generated = kept(options.kept, "gnm", lambda: generated_scans(detector, options.gnm, options.generated))
    groups: Groups = {name: scans for name, scans in real.items() if len(scans) > 1}
    if generated:
        for name, strength in (("constructed observer", 1.0), ("none: the truth with a hand's noise", 0.0)):
            groups[name] = observed(generated, strength=strength)
    rows = [row for name, scans in groups.items() for row in rows_of(name, scans, detector)]
    print(Table("adaptation", "", rows).markdown())


if __name__ == "__main__":
    main()

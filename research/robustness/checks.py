"""Robustness to the pose and the unit of a scan, and refusal of negatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from research.criteria import Criterion
from research.robustness.crop_kinds import KINDS, CutHead, HeadCutter
from research.synthesis.negatives import Negative, negative, parts_of_heads
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SgcnError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.io.meshes import read_surface
from sgcn_core.pose.search import HUMAN_SIZES
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import UNITS_TO_MM

FloatArray = NDArray[np.float64]
Report = Callable[[str, float], None]

_MOVED_MM = 2.0  # mean distance of the landmarks to those of the unturned scan, in a success
_SHIFT_MM = 300.0
_PAIRS = (("ex_r", "ex_l"), ("ch_r", "ch_l"), ("al_r", "al_l"))
# Heads whose size is one: the scans of a face only say little about it, but are heads as well.
_FACTORS = (1e-3, 0.1, 1e3)


@dataclass(frozen=True)
class Turned:
    """One scan detected as it stands and turned.

    Attributes
    ----------
    name, kind : of the scan
    refused : why one of the two was refused, None otherwise
    moved : (L,) distances of the landmarks that both show, millimetres
    mirrored : whether left and right were exchanged
    error : mean distance to the truth, millimetres, None without
    seconds : of the pose
    """

    name: str
    kind: str
    refused: str | None
    moved: FloatArray
    mirrored: bool = False
    error: float | None = None
    seconds: float = 0.0

    @property
    def success(self) -> bool:
        return self.refused is None and len(self.moved) > 0 and float(self.moved.mean()) <= _MOVED_MM


def turned(detector: LandmarkDetector, name: str, kind: str, surface: Surface, rng: np.random.Generator) -> Turned:
    """Detect a surface as it stands, and in a random pose."""
    return turned_against(detector, name, kind, surface, detected(detector, surface), rng)


def turned_against(
    detector: LandmarkDetector,
    name: str,
    kind: str,
    surface: Surface,
    reference: LandmarkResult | str,
    rng: np.random.Generator,
) -> Turned:
    """Detect a surface in a random pose and compare with the result as it stands."""
    no_distances = np.empty(0)
    if isinstance(reference, str):
        return Turned(name, kind, reference, no_distances)
    factor = UNITS_TO_MM[reference.unit]
    motion = Similarity(
        1.0, Rotation.random(random_state=rng).as_matrix(), rng.uniform(-_SHIFT_MM, _SHIFT_MM, 3) / factor
    )
    result = detected(detector, surface.with_(vertices=motion.apply(surface.vertices), anatomical=False))
    if isinstance(result, str):
        return Turned(name, kind, result, no_distances)
    back = motion.inverse().apply(result.positions)
    distance = factor * np.linalg.norm(back - reference.positions, axis=1)
    seconds = float(result.info["stages"]["pose"])
    swapped = mirrored(reference, back)
    return Turned(name, kind, None, distance[np.isfinite(distance)], swapped, seconds=seconds)


def detected(detector: LandmarkDetector, surface: Surface) -> LandmarkResult | str:
    """The landmarks, or why there are none."""
    try:
        return detector.detect(surface)
    except SgcnError as error:
        return str(error)


def mirrored(reference: LandmarkResult, positions: FloatArray) -> bool:
    """Whether a landmark of the right lies where the reference has the left one."""
    for right, left in _PAIRS:
        at, own, other = (
            positions[reference.index(right)],
            reference.position(right),
            reference.position(left),
        )
        if np.linalg.norm(at - other) < np.linalg.norm(at - own):
            return True
    return False


@dataclass(frozen=True)
class Poses:
    """Results of generated heads and real scans in random poses."""

    generated: Sequence[Turned]
    real: Sequence[Turned]

    def criteria(self) -> list[Criterion]:
        every = [*self.generated, *self.real]
        if not every:
            return [Criterion("random poses", ">= 99.5 %", "neither a face model nor scans given", None)]
        shown = [it for it in every if len(it.moved)]
        failed = [it for it in every if not it.success]
        moved = np.concatenate([it.moved for it in shown]) if shown else np.array([np.nan])
        share = 1.0 - len(failed) / max(len(every), 1)
        median = float(np.median(moved))
        seconds = float(np.median([it.seconds for it in shown])) if shown else float("nan")
        swapped = sum(it.mirrored for it in every)
        what = f"{len(self.generated)} generated heads ({len(KINDS)} kinds of crop) and {len(self.real)} real, turned"
        names = ", ".join(it.name for it in failed[:6]) + (" ..." if len(failed) > 6 else "")
        return [
            Criterion(what, ">= 99.5 % within 2 mm of the unturned result", _percent(share, names), share >= 0.995),
            Criterion("of these mirrored", "none", str(swapped), swapped == 0),
            Criterion(
                "movement of a landmark when the scan is turned, median", "<= 0.5 mm", f"{median:.2f} mm", median <= 0.5
            ),
            Criterion("pose, warm, median", "<= 0.30 s", f"{seconds:.2f} s", seconds <= 0.30),
            *self._acceptance(),
        ]

    def _acceptance(self) -> list[Criterion]:
        """Nothing where no heads were generated."""
        if not self.generated:
            return []
        share = sum(it.refused is None for it in self.generated) / len(self.generated)
        return [
            Criterion(f"{len(self.generated)} generated faces accepted", ">= 99 %", _percent(share, ""), share >= 0.99)
        ]


def measure_poses(
    detector: LandmarkDetector,
    cutter: HeadCutter | None,
    scans: Path | None,
    *,
    heads: int = 300,
    turns: int = 20,
    seed: int = 0,
    report: Report = lambda what, share: None,
) -> Poses:
    """Generated heads once each, and the real scans ``turns`` times, in random poses."""
    generated, real = [], []
    for number in range(heads if cutter is not None else 0):
        assert cutter is not None
        head = cutter.head(number)
        rng = np.random.default_rng((seed, number))
        generated.append(turned(detector, head.name, head.kind, head.surface, rng))
        report(f"turned head {number + 1} of {heads}", 0.6 * number / heads)
    files = _scan_files(scans)
    for place, path in enumerate(files):
        surface = read_surface(path)
        reference = detected(detector, surface)
        for turn in range(turns):
            rng = np.random.default_rng((seed, 1, turn))
            real.append(turned_against(detector, path.name, "real", surface, reference, rng))
        report(f"turned {path.name}", 0.6 + 0.4 * place / len(files))
    return Poses(generated, real)


def measure_units(detector: LandmarkDetector, scans: Path | None) -> list[Criterion]:
    """The shared scans in other units, as far as they have names: is the unit found?

    A head of a size that no people have is in no unit, and has to be asked about.
    """
    wrong, count = [], 0
    for path in _scan_files(scans):
        surface = read_surface(path)
        result = detected(detector, surface)
        for factor in _FACTORS:
            if isinstance(result, LandmarkResult) and (unit := _unit_of(result, factor)) is not None:
                count += 1
                scaled = detected(detector, surface.with_(vertices=surface.vertices * factor, unit=None))
                found = "asked" if isinstance(scaled, str) and "unit is unclear" in scaled else scaled
                if (found.unit if isinstance(found, LandmarkResult) else found) != unit:
                    wrong.append(f"{path.name} x{factor:g}")
    share = 1.0 - len(wrong) / max(count, 1)
    reached = not wrong if count else None
    what = f"{count} scans scaled x0.001, x0.1, x1000: unit found"
    return [Criterion(what, "100 %", _percent(share, ", ".join(wrong)), reached)]


def _unit_of(result: LandmarkResult, factor: float) -> str | None:
    """The unit after scaling, "asked" where it cannot be known, None where it has no name (a metre divided by ten)."""
    if not HUMAN_SIZES[0] < result.info["size_ratio"] < HUMAN_SIZES[1]:
        return "asked"
    scale = UNITS_TO_MM[result.unit] / factor
    return next((unit for unit, value in UNITS_TO_MM.items() if np.isclose(value, scale)), None)


def measure_refusal(
    detector: LandmarkDetector,
    cutter: HeadCutter | None,
    *,
    count: int = 200,
    seed: int = 0,
    report: Report = lambda what, share: None,
) -> list[Criterion]:
    """Negatives: which of them are taken for a face."""
    taken: dict[str, int] = {}
    total = 0
    for shown in _negatives(cutter, count, seed):
        report(shown.kind, total / count)
        total += 1
        try:
            detector.detect(shown.surface)
        except SgcnError:
            continue
        taken[shown.kind] = taken.get(shown.kind, 0) + 1
    share = 1.0 - sum(taken.values()) / total
    names = ", ".join(f"{kind} {number}" for kind, number in taken.items())
    return [Criterion(f"{total} negatives refused", ">= 95 %", _percent(share, names), share >= 0.95)]


def _negatives(cutter: HeadCutter | None, count: int, seed: int) -> Iterator[Negative]:
    """``count`` negatives, a quarter of them parts of heads where there are heads."""
    parts = count // 4 if cutter is not None else 0
    for number in range(count - parts):
        yield negative(number, seed=seed)
    made = 0
    number = 1  # a whole head
    while made < parts and cutter is not None:
        head: CutHead = cutter.head(number)
        rng = np.random.default_rng((seed, 2, number))
        for part in parts_of_heads(head.surface, head.scan.to_head.as_matrix(), rng):
            if made < parts:
                made += 1
                yield part
        number += len(KINDS)


def _scan_files(folder: Path | None) -> list[Path]:
    from sgcn_core.evaluation.truth import meshes

    return [] if folder is None else meshes(folder)


def _percent(share: float, names: str) -> str:
    return f"{100.0 * share:.1f} %" + (f" (not: {names})" if names else "")

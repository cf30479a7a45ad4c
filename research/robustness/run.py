"""The acceptance criteria of robustness, measured part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from research.criteria import Criterion
from research.synthesis.population import Population
from sgcn_core.detector import LandmarkDetector

if TYPE_CHECKING:
    from research.robustness.crop_kinds import HeadCutter

Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Inputs:
    """What there is to measure with.

    Attributes
    ----------
    detector : LandmarkDetector
    model : ``ict_facekit.npz``; without it no heads are generated, and what needs them is left out
    makehuman : folder of the second source of people
    scans, volumes : folders of real ones
    share : of the full numbers of scans and files, for a quick look
    seed : int
    """

    detector: LandmarkDetector
    model: Path | None = None
    makehuman: Path | None = None
    scans: Path | None = None
    volumes: Path | None = None
    share: float = 1.0
    seed: int = 0

    @cached_property
    def populations(self) -> list[Population]:
        """Sources of people, empty without a model."""
        from research.synthesis.face_model import FaceModel
        from research.synthesis.makehuman import MakeHuman

        if self.model is None:
            return []
        people: list[Population] = [FaceModel.load(self.model)]
        return people if self.makehuman is None else [*people, MakeHuman.load(self.makehuman)]

    @cached_property
    def cutter(self) -> HeadCutter | None:
        """Of the generated heads; None without people."""
        from research.robustness.crop_kinds import HeadCutter

        return HeadCutter(self.populations, seed=self.seed) if self.populations else None

    def number(self, full: int) -> int:
        """How many instead of ``full``, at least one."""
        return max(1, round(self.share * full))


def measure(inputs: Inputs, parts: Sequence[str], report: Report) -> Iterator[Criterion]:
    """Criteria of the parts, as soon as each part is measured.

    Raises
    ------
    ValueError
        The part is unknown.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"unknown part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    for place, part in enumerate(parts):

        def told(what: str, share: float, place: int = place, part: str = part) -> None:
            report(f"{part}: {what}", (place + share) / len(parts))

        yield from PARTS[part](inputs, told)


def _poses(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.checks import measure_poses

    heads, turns = inputs.number(300), inputs.number(20)
    poses = measure_poses(
        inputs.detector, inputs.cutter, inputs.scans, heads=heads, turns=turns, seed=inputs.seed, report=report
    )
    return poses.criteria()


def _units(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.checks import measure_units

    return measure_units(inputs.detector, inputs.scans)


def _refusal(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.checks import measure_refusal

    return measure_refusal(inputs.detector, inputs.cutter, count=inputs.number(200), seed=inputs.seed, report=report)


def _parts(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.parts import measure_parts

    if inputs.cutter is None:
        return [Criterion("parts of faces", "see docs/robustness.md", "no face model given", None)]
    return measure_parts(inputs.detector, inputs.cutter, heads=inputs.number(8), report=report)


def _damage(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.cleaning import measure as measure_cleaning

    return measure_cleaning(inputs.detector, inputs.scans, seed=inputs.seed, progress=report)


def _volumes(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.volumes import measure as measure_volumes

    if not inputs.populations:
        return [Criterion("volumes", "see docs/robustness.md", "no face model given", None)]
    return measure_volumes(
        inputs.detector,
        inputs.populations,
        inputs.volumes,
        count=inputs.number(20),
        seed=inputs.seed,
        progress=report,
    )


def _files(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.robustness.damage_campaign import measure as measure_files

    return measure_files(inputs.number(2000), inputs.seed, lambda share: report("damaged files", share))


def _limits(inputs: Inputs, report: Report) -> list[Criterion]:
    from research.benchmarks.limits import measure as measure_limits

    return measure_limits()


PARTS: dict[str, Callable[[Inputs, Report], list[Criterion]]] = {
    "poses": _poses,
    "units": _units,
    "refusal": _refusal,
    "parts": _parts,
    "damage": _damage,
    "volumes": _volumes,
    "files": _files,
    "limits": _limits,
}

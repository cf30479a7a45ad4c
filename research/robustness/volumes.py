"""CT and MR heads against what was promised: generated ones against their truth, shared ones by what can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.benchmarks.skin_cost import skin_cost
from research.criteria import Criterion
from research.robustness.shared_volumes import measure_shared
from research.synthesis.field_of_view import CROPS, FieldOfView
from research.synthesis.population import Population
from research.synthesis.voxel_head import VoxelHead, VoxelHeadMaker, VoxelOptions
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, SgcnError, VolumeError
from sgcn_core.skin.extract import extract_skin
from sgcn_core.types.field_of_view import depth_below_cuts
from sgcn_core.types.volume import Volume

Report = Callable[[str, float], None]

SPACINGS = ((1.0, 1.0, 1.0), (0.5, 0.5, 1.0), (1.5, 1.5, 1.5), (0.8, 0.8, 2.0), (2.0, 2.0, 2.0))
DIRECTIONS = ("axial", "flipped", "oblique")
_PADDING = {"CT": (None, -1024.0, -2000.0, -3024.0), "MR": (None, 0.0)}
_LIMIT_MM = 3.0
_ON_PLANE_MM = 2.0
_ROOM_MM = 8.0  # a landmark so far inside the field of view is shown whole
_SECONDS, _MEGABYTES = 12.0, 3000.0


@dataclass(frozen=True, eq=False)
class Scanned:
    """What became of one generated volume.

    Attributes
    ----------
    options : how it was scanned
    refused : why there is no result, None otherwise
    errors : label -> mm, of the landmarks reported
    depths : label -> mm inside the true field of view, of all landmarks
    found_at : depths inside the true field of view of the places called found, mm
    """

    options: VoxelOptions
    refused: str | None = None
    errors: dict[str, float] = field(default_factory=dict)
    depths: dict[str, float] = field(default_factory=dict)
    found_at: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.errors.values()))) if self.errors else float("nan")


def measure(
    detector: LandmarkDetector,
    populations: Sequence[Population],
    volumes_folder: Path | None = None,
    *,
    count: int = 20,
    seed: int = 0,
    progress: Report = lambda what, share: None,
) -> list[Criterion]:
    """All criteria of volumes.

    Parameters
    ----------
    detector : LandmarkDetector
    populations : sources of people, taken in turn
    volumes_folder : Path, optional
        Of the shared volumes, with ``scans/real_people_23x3x85.npy`` beside it; the criteria say so where it is absent.
    count : int
        Whole heads; as many cut ones.
    seed : int
    progress : called with what is done and the share done
    """
    makers = [VoxelHeadMaker(population, seed=seed) for population in populations]
    whole = list(_all_scanned(detector, makers, whole_cases(count), 0, progress))
    cut = list(_all_scanned(detector, makers, cut_cases(count), 1000, progress))
    criteria = [
        *whole_criteria(whole),
        *cut_criteria(cut),
        *measure_shared(detector, volumes_folder),
        cost_criterion(makers[0]),
    ]
    progress("volumes", 1.0)
    return criteria


def whole_cases(count: int) -> list[VoxelOptions]:
    """CT and MR in turn, every spacing and direction."""
    return [
        VoxelOptions(
            modality=("CT", "MR")[(number // 2) % 2],
            spacing=SPACINGS[number % len(SPACINGS)],
            directions=DIRECTIONS[number % len(DIRECTIONS)],
        )
        for number in range(count)
    ]


def cut_cases(count: int) -> list[VoxelOptions]:
    """Crops at the image's side or inside padding, and round fields of view (CT only)."""
    cases = []
    for number in range(count):
        modality = ("CT", "MR")[(number // 2) % 2]
        kind = (*CROPS, "round")[number % 5]
        if kind == "round":
            view = FieldOfView(round=True, padding=_PADDING["CT"][1 + number // 5 % 3])
            cases.append(VoxelOptions(modality="CT", spacing=SPACINGS[number // 5 % 5], view=view))
            continue
        choices = _PADDING[modality]
        view = FieldOfView(crop=kind, padding=choices[number // 5 % len(choices)])
        directions = DIRECTIONS[number % 3 if view.padding is None else number % 2]
        cases.append(
            VoxelOptions(modality=modality, spacing=SPACINGS[number // 2 % 5], directions=directions, view=view)
        )
    return cases


def _all_scanned(
    detector: LandmarkDetector,
    makers: Sequence[VoxelHeadMaker],
    cases: Sequence[VoxelOptions],
    first: int,
    progress: Report,
) -> Iterable[Scanned]:
    for number, options in enumerate(cases):
        progress("generated volumes", number / max(len(cases), 1))
        yield scanned(detector, makers[number % len(makers)].head(first + number, options), options)


def scanned(detector: LandmarkDetector, head: VoxelHead, options: VoxelOptions) -> Scanned:
    """Extract the skin of a volume, detect, and compare with the truth."""
    depths = head.depths()
    try:
        result = detector.detect(extract_skin(head.volume).surface)
    except (FaceNotFoundError, VolumeError) as error:
        return Scanned(options, str(error), depths=depths)
    shown = [label for label in head.landmarks if result.status[result.index(label)] != "missing"]
    errors = {label: float(np.linalg.norm(result.position(label) - head.landmarks[label])) for label in shown}
    found = result.positions[[status == "found" for status in result.status]]
    return Scanned(options, None, errors, depths, depth_below_cuts(head.cuts, found))


def whole_criteria(whole: Sequence[Scanned]) -> list[Criterion]:
    """Mean error against the truth: of all, and by modality and voxel size."""
    groups: dict[str, list[Scanned]] = {"all": list(whole)}
    for one in whole:
        groups.setdefault(one.options.modality, []).append(one)
    for one in whole:
        groups.setdefault(f"{max(one.options.spacing):g} mm", []).append(one)
    criteria = []
    for name, members in groups.items():
        seen = [one for one in members if one.refused is None]
        errors = [error for one in seen for error in one.errors.values()]
        missing = 1.0 - len(errors) / max(sum(len(one.depths) for one in seen), 1)
        mean = float(np.mean(errors)) if errors else float("nan")
        measured = (
            f"{mean:.2f} mm (median {np.median(errors) if errors else np.nan:.2f}) over {len(seen)} heads, "
            f"{100 * missing:.0f} % of landmarks missing, {len(members) - len(seen)} heads refused"
        )
        criteria.append(
            Criterion(f"generated volumes, {name}", f"mean <= {_LIMIT_MM:.0f} mm", measured, mean <= _LIMIT_MM)
        )
    return criteria


def cut_criteria(cut: Sequence[Scanned]) -> list[Criterion]:
    """Whether landmarks beyond a cut are missing, those that are left are right, and none is found on a cut plane."""
    seen = [one for one in cut if one.refused is None]
    beyond = [one.errors.keys() for one in seen]
    gone = [label in shown for one, shown in zip(seen, beyond, strict=True) for label, d in one.depths.items() if d < 0]
    left = [(label, one) for one in seen for label, depth in one.depths.items() if depth > _ROOM_MM]
    errors = [one.errors[label] for label, one in left if label in one.errors]
    on_plane = sum(int((one.found_at < _ON_PLANE_MM).sum()) for one in seen)
    found = sum(len(one.found_at) for one in seen)
    mean = float(np.mean(errors)) if errors else float("nan")
    missing = 100 * (1 - float(np.mean(gone))) if gone else float("nan")
    return [
        Criterion(
            "cut generated volumes, landmarks beyond the cut",
            ">= 95 % missing",
            f"{missing:.1f} % of {len(gone)} in {len(seen)} heads; {len(cut) - len(seen)} of {len(cut)} heads refused",
            bool(missing >= 95.0),
        ),
        Criterion(
            f"cut generated volumes, landmarks more than {_ROOM_MM:.0f} mm inside",
            f"mean <= {_LIMIT_MM:.0f} mm",
            f"{mean:.2f} mm, {100 * len(errors) / max(len(left), 1):.0f} % of {len(left)} reported",
            mean <= _LIMIT_MM,
        ),
        Criterion(
            f"cut generated volumes, called found within {_ON_PLANE_MM:.0f} mm of a cut plane",
            "none",
            f"{on_plane} of {found}",
            on_plane == 0,
        ),
    ]


def cost_criterion(maker: VoxelHeadMaker) -> Criterion:
    """Time and memory of the skin of 512 x 512 x 300 voxels, in a process of its own."""
    head = maker.head(0, VoxelOptions(spacing=(0.5, 0.55, 0.85))).volume
    array = head.array[:300, :512, :512]
    array = np.pad(array, [(0, n - have) for n, have in zip((300, 512, 512), array.shape, strict=True)], mode="edge")
    what, required = (
        "skin of 512 x 512 x 300 voxels, file included",
        f"<= {_SECONDS:.0f} s, <= {_MEGABYTES / 1000:.0f} GB",
    )
    try:
        cost = skin_cost(Volume(array, head.spacing, head.origin, head.direction))
    except (RuntimeError, OSError, SgcnError) as error:
        return Criterion(what, required, str(error), None)
    memory = cost["peak_mb"]
    shown = "unknown" if memory is None else f"{memory / 1000:.2f} GB"
    # On a machine that is busy otherwise the processor's time says more than the clock.
    seconds = min(cost["seconds"], cost["processor_seconds"])
    reached = None if memory is None else seconds <= _SECONDS and memory <= _MEGABYTES
    measured = f"{cost['seconds']:.1f} s, {cost['processor_seconds']:.1f} s of processors, peak {shown}"
    return Criterion(what, required, measured, reached)

"""From the files of corrected scans to adapted weights; what cannot be learnt from is told by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sgcn_core.adaptation.adapt import Adapted, adapt, without_offsets
from sgcn_core.adaptation.checks import checked
from sgcn_core.adaptation.corrected_scan import CorrectedScan, detected
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import NOT_USABLE, CorrectionError, SgcnError
from sgcn_core.evaluation.truth import Truth
from sgcn_core.io.markups import read_landmarks
from sgcn_core.skin.extract import read_scan
from sgcn_core.types.surface import Surface

NOTHING_LEFT = "no corrected scan can be learnt from"
OTHERWISE = "detected with other weights or another refinement: landmarks that nobody moved count as moved, too"


@dataclass(frozen=True, eq=False)
class Given:
    """What a user brings of one scan.

    Attributes
    ----------
    surface : Surface
    truth : Truth, the landmarks
    info : mapping, provenance of the landmarks; empty where they were not detected by us
    """

    surface: Surface
    truth: Truth
    info: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Correction:
    """One corrected scan, read when it is its turn.

    Attributes
    ----------
    name : str
    read : callable
        Gives the surface and the landmarks of the user.
    """

    name: str
    read: Callable[[], Given]

    @classmethod
    def of_files(
        cls, scan: Path, landmarks: Path, *, name: str = "", read: Callable[[Path], Surface] = read_scan
    ) -> Correction:
        """A mesh or volume file, or one that ``read`` can read, and a landmark file."""

        def both() -> Given:
            surface, placed = read(scan), read_landmarks(landmarks)
            return Given(surface, Truth.of(placed, surface.frame), placed.info)

        return cls(name or scan.name, both)


@dataclass(frozen=True, eq=False)
class Learnt:
    """Adapted weights, and what was said on the way.

    Attributes
    ----------
    adapted : Adapted
    refused : name of a scan -> why it was not learnt from
    notes : what else the user should know
    """

    adapted: Adapted
    refused: dict[str, str]
    notes: tuple[str, ...]


def learn(
    detector: LandmarkDetector,
    corrections: Iterable[Correction],
    *,
    seed: int = 0,
    progress: Callable[[int, str], None] = lambda number, name: None,
) -> Learnt:
    """Learn an annotator's definitions from corrected scans.

    Weights that are adapted already are taken without their offsets: what is learnt replaces them.

    Parameters
    ----------
    detector : LandmarkDetector
    corrections : iterable of Correction
    seed : of the surface sampling, for landmarks that do not say with which they were detected
    progress : called with number and name before each scan

    Raises
    ------
    CorrectionError
        If no scan is left, no landmark was moved, or nothing could be learnt.
    """
    base = without_offsets(detector)
    notes = [] if base is detector else ["these weights were adapted before; learnt anew from the ones below them"]
    refused: dict[str, str] = {}
    scans: list[CorrectedScan] = []
    for number, correction in enumerate(corrections):
        progress(number, correction.name)
        try:
            scan = _scan(base, correction, seed=seed)
        except NOT_USABLE:  # with these no scan can be learnt from
            raise
        except (SgcnError, OSError) as error:
            refused[correction.name] = " ".join(str(error).split())
            continue
        if (twin := next((each for each in scans if each.fingerprint == scan.fingerprint), None)) is not None:
            refused[correction.name] = f"the same scan as {twin.name}"
            continue
        if not scan.was_corrected:
            notes.append(f"{scan.name}: no landmark was moved; left out")
            continue
        scans.append(scan)
        notes += [f"{scan.name}: {text}" for text in scan.notes]
    if not scans:
        reasons = [*(f"{name}: {why}" for name, why in refused.items()), *notes]
        raise CorrectionError("; ".join([NOTHING_LEFT, *reasons]))
    adapted = adapt(base, scans)
    return Learnt(adapted, refused, (*notes, *adapted.remarks()))


def _scan(detector: LandmarkDetector, correction: Correction, *, seed: int) -> CorrectedScan:
    given = correction.read()
    sown = given.info.get("seed")
    found = detected(detector, given.surface, seed=sown if isinstance(sown, int) else seed)
    scan = checked(found, correction.name, given.truth)
    used = (given.info.get("weights_sha256"), given.info.get("refine"))
    if used[0] is not None and used != (detector.checkpoint.sha256, detector.method.refine):
        return replace(scan, notes=(*scan.notes, OTHERWISE))
    return scan

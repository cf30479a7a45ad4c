"""Leave-one-out: the error on each scan with the offsets that the other scans give."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sgcn_core.adaptation.corrected_scan import CorrectedScan
from sgcn_core.adaptation.estimate import estimate
from sgcn_core.uncertainty.domain import Domain


@dataclass(frozen=True)
class LeftOut:
    """One landmark of one scan; millimetres of the person.

    Attributes
    ----------
    scan, label : str
    before : float
        Distance of the landmark found from the user's.
    after : float
        The same with the offsets of the other scans; NaN with a single scan.
    """

    scan: str
    label: str
    before: float
    after: float


def mean_errors(errors: Sequence[LeftOut]) -> tuple[float, float]:
    """Mean error before and after; the latter is NaN with a single scan."""
    return float(np.mean([each.before for each in errors])), float(np.mean([each.after for each in errors]))


def leave_one_out(
    scans: Sequence[CorrectedScan], labels: Collection[str], domain: Domain | None
) -> tuple[LeftOut, ...]:
    """Errors before and after on every scan, none of which teaches itself. Parameters as of :func:`estimate`."""
    errors = []
    for number, scan in enumerate(scans):
        others = [*scans[:number], *scans[number + 1 :]]
        after = np.full(len(scan.labels), np.nan)
        if others:
            after = scan.errors(estimate(others, labels, domain).of(scan.labels))
        for label, was, is_now in zip(scan.labels, scan.errors(), after, strict=True):
            errors.append(LeftOut(scan.name, label, float(was), float(is_now)))
    return tuple(errors)

"""Weights that place landmarks by the definitions of whoever corrected some scans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from sgcn_core.adaptation.corrected_scan import CorrectedScan
from sgcn_core.adaptation.estimate import LearntOffsets, estimate
from sgcn_core.adaptation.leave_one_out import LeftOut, leave_one_out, mean_errors
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import CorrectionError, ModelError
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.uncertainty.domain import Domain
from sgcn_core.weights.checkpoint import Checkpoint
from sgcn_core.weights.offsets import LandmarkOffsets

ENOUGH_TO_TELL = 3
"""With so many scans a leave-one-out error that has not become smaller says that there is nothing to learn."""

# A landmark so far from where the other scans put it may be a slip (mm).
_SLIP = 10.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Adapted:
    """What was learnt from corrected scans.

    Attributes
    ----------
    checkpoint : Checkpoint
        The weights with the offsets.
    learnt : LearntOffsets
    left_out : tuple of LeftOut
        The error of every landmark of every scan, before and after.
    scans : int
    """

    checkpoint: Checkpoint
    learnt: LearntOffsets
    left_out: tuple[LeftOut, ...]
    scans: int

    @property
    def before(self) -> float:
        """Mean distance of the landmarks found from the user's, millimetres."""
        return mean_errors(self.left_out)[0]

    @property
    def after(self) -> float:
        """The same with the offsets of the other scans; NaN with a single scan."""
        return mean_errors(self.left_out)[1]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: errors in millimetres, None where they are not known."""
        rows = [
            {key: None if isinstance(cell, float) and math.isnan(cell) else cell for key, cell in row.items()}
            for row in self.table().rows
        ]
        return {"scans": self.scans, "summary": self.sentence(), "table": rows}

    def table(self) -> Table:
        """A row for each landmark that the user has placed, and one for all."""
        rows = [self._row(label) for label in dict.fromkeys(each.label for each in self.left_out)]
        return Table("adaptation", self._title(), [*rows, self._row(None)])

    def sentence(self) -> str:
        """What was gained."""
        if self.scans == 1:
            return f"Learnt from one scan, {self.before:.2f} mm off on average. With a second one the gain can be told."
        return f"Mean error {self.before:.2f} mm before, {self.after:.2f} mm after, on scans left out."

    def remarks(self) -> list[str]:
        """What to look at again: landmarks far from where the other scans put them, and scans that do not agree."""
        doubts = [
            f"{each.scan}: {each.label} lies {each.after:.0f} mm from where the other scans put it; is it in its place?"
            for each in self.left_out
            if each.after > _SLIP
        ]
        if self.after >= self.before:
            doubts.append("the scans do not agree with each other: on average nothing is gained; correct more scans")
        return doubts

    def _row(self, label: str | None) -> dict[str, Cell]:
        own = [each for each in self.left_out if label in (None, each.label)]
        place = None if label is None else self.learnt.place(label)
        before, after = mean_errors(own)
        return {
            "landmark": label or "all",
            "scans": self.scans if label is None else len(own),
            "offset mm": None if place is None else float(np.linalg.norm(self.learnt.values[place])),
            "of the mean": None if place is None else float(self.learnt.kept[place]),
            "before mm": before,
            "after mm": after,
        }

    def _title(self) -> str:
        how = (
            "after: each scan with the offsets of the others" if self.scans > 1 else "one scan cannot tell what is left"
        )
        return f"Mean distance of the landmarks found from yours, millimetres, {self.scans} scans ({how})."


def without_offsets(detector: LandmarkDetector) -> LandmarkDetector:
    """The detector with the weights that adapted ones were made from; itself if they were not adapted.

    Raises
    ------
    ModelError
        If the weights hold landmarks of a user's own, which are trained and not adapted.
    """
    if detector.checkpoint.own is not None:
        raise ModelError("these weights hold landmarks of your own: add the corrected scans to theirs and train again")
    offsets = detector.checkpoint.offsets
    if offsets is None:
        return detector
    base = replace(detector.checkpoint, offsets=None, sha256=str(offsets.info.get("base_sha256", "")))
    return LandmarkDetector(base, device=detector.device, **detector.method.as_dict())


def adapt(detector: LandmarkDetector, scans: Sequence[CorrectedScan]) -> Adapted:
    """Learn offsets from corrected scans.

    Parameters
    ----------
    detector : with weights without offsets (`without_offsets`)
    scans : at least one, as compared with what this detector finds

    Raises
    ------
    CorrectionError
        If no landmark was moved, or the scans contradict each other, so that nothing could be learnt.
    """
    known, domain = detector.checkpoint, domain_of(detector)
    learnt = estimate(scans, known.labels, domain)
    if not learnt.definitions:
        raise CorrectionError("no landmark lies elsewhere than where it was found; there is nothing to learn")
    left_out = leave_one_out(scans, known.labels, domain)
    before, after = mean_errors(left_out)
    if len(scans) >= ENOUGH_TO_TELL and after >= before:
        raise CorrectionError(
            f"nothing could be learnt: with the offsets of the other scans the mean error is {after:.2f} mm, without "
            f"{before:.2f} mm. Were the landmarks placed by the same definitions on all scans?"
        )
    offsets = LandmarkOffsets(
        values=learnt.of(known.labels),
        deviation=learnt.deviation_of(known.labels),
        info={
            "scans": len(scans),
            "landmarks": int(np.count_nonzero(learnt.deviation_of(known.labels))),
            "base_sha256": known.sha256,
            "date": date.today().isoformat(),
            "mean_error_before_mm": round(before, 3),
            "mean_error_left_out_mm": round(after, 3) if len(scans) > 1 else None,
        },
    )
    return Adapted(
        checkpoint=replace(known, offsets=offsets, sha256=""), learnt=learnt, left_out=left_out, scans=len(scans)
    )


def domain_of(detector: LandmarkDetector) -> Domain | None:
    """What the weights know of how far definitions differ."""
    model = detector.pipeline.error_model
    return None if model is None else model.domain

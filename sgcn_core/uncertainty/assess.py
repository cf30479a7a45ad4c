"""Assessment of each landmark, and whether a face was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FaceNotFoundError
from sgcn_core.types.field_of_view import CutPlane, depth_below_cuts
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM
from sgcn_core.uncertainty.confidence import HeatmapConfidence
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.uncertainty.thresholds import FOUND, MISSING, UNCERTAIN, Thresholds

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Landmarks this close to a plane on which the field of view cuts the head are missing, or uncertain at best (mm).
_CUT_OFF_MM, _NEAR_CUT_MM = 3.0, 6.0
# Probability above which a landmark is missing although nothing shows why: hair and the like may lie close to the skin.
_SURELY_ABSENT = 0.9
# Mean and 90 % bound of a normal error with the same standard deviation along each axis (chi with three degrees of
# freedom: 1.60 and 2.50); the bound is a fifth wider, so that it holds on annotated scans left out.
_MEAN_DEVIATIONS, _BOUND_DEVIATIONS = 1.6, 3.0
# A bound so many times the least that a landmark's definition leaves says something about the scan: nine of ten loosely
# defined landmarks of good scans stay below, those of the edge of the jaw among them.
_UNUSUAL = 1.35

USUAL_SIZES = (0.75, 1.25)
"""Heads of nearly all adults and children against the average adult's."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """Assessment of L landmarks.

    Attributes
    ----------
    confidence : (L,), probability that the landmark is there and lies within 4 mm of its true position
    status : (L,)
    expected_error, error_bound : (L,), millimetres of the person; NaN where no error is stated
    by_definition : (L,), whether a landmark, if it is uncertain, is so for no reason but its definition, on every scan
    """

    confidence: FloatArray
    status: tuple[str, ...]
    expected_error: FloatArray
    error_bound: FloatArray
    by_definition: BoolArray = field(default_factory=lambda: np.array(False))

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_definition", np.broadcast_to(self.by_definition, np.shape(self.confidence)))


def calibrated(
    model: ErrorModel,
    features: FloatArray,
    at_boundary: BoolArray,
    may_be_absent: BoolArray,
    thresholds: Thresholds,
    *,
    size: float,
) -> Assessment:
    """Status and errors from the features.

    Missing where the landmark is probably not on the scan and there is a reason why it should not be, or surely not on
    it; uncertain where it is probably absent without a reason, where the bound is large or the scan ends close by;
    found otherwise. A head of no person's size is assessed as one of average size, as its millimetres are not a
    person's; the errors are those of the scan.

    Parameters
    ----------
    model : ErrorModel of the refinement mode
    features : (L, F), see ``landmark_features``
    at_boundary : (L,), whether the scan ends close by
    may_be_absent : (L,), whether the scan ends, has a hole or a cover where the landmark is expected
    thresholds : Thresholds
    size : millimetres of the person for one of the head frame
    """
    assessed = size if USUAL_SIZES[0] <= size <= USUAL_SIZES[1] else 1.0
    estimate = model.estimate(features, within=CONFIDENT_WITHIN_MM, size=assessed)
    probable = estimate.absent > model.missing_above[0]
    missing = probable & (may_be_absent | (estimate.absent > _SURELY_ABSENT))
    limits, least = model.limits(thresholds.uncertain_bound), model.least_bound(size=assessed)
    on_this_scan = probable | at_boundary
    status = np.where(missing, MISSING, np.where(on_this_scan | (estimate.bound > limits), UNCERTAIN, FOUND))
    return Assessment(
        confidence=estimate.within,
        status=tuple(status.tolist()),
        expected_error=size / assessed * estimate.expected,
        error_bound=size / assessed * estimate.bound,
        by_definition=~on_this_scan & (estimate.bound <= _UNUSUAL * least),
    )


def contradicted(assessment: Assessment, off: FloatArray, thresholds: Thresholds) -> Assessment:
    """The assessment, with landmarks that others contradict uncertain at best, and errors no less than that says.

    Parameters
    ----------
    off : (L,), millimetres of the person by which others contradict each landmark, 0 where none does
    """
    limited = uncertain_at_best(assessment, off > 0.0, thresholds)
    return replace(
        limited,
        expected_error=np.where(off > 0.0, np.fmax(limited.expected_error, off / 2.0), limited.expected_error),
        error_bound=np.where(off > 0.0, np.fmax(limited.error_bound, off), limited.error_bound),
    )


def no_surer_than(
    assessment: Assessment, deviation: FloatArray, limits: FloatArray, thresholds: Thresholds
) -> Assessment:
    """The assessment, with errors no less than landmarks of adapted weights were seen to keep.

    Parameters
    ----------
    deviation : (L,), standard deviation along one axis, millimetres of the person; 0 where nothing was learnt
    limits : (L,), 90 % bound above which each landmark is uncertain
    """
    bound = np.fmax(assessment.error_bound, _BOUND_DEVIATIONS * deviation)
    expected = np.fmax(assessment.expected_error, _MEAN_DEVIATIONS * deviation)
    raised = replace(assessment, expected_error=expected, error_bound=bound)
    as_ever = assessment.by_definition & (bound == assessment.error_bound)
    return uncertain_at_best(raised, (bound > limits) & (deviation > 0) & ~as_ever, thresholds)


def uncalibrated(seen: HeatmapConfidence, at_boundary: BoolArray, thresholds: Thresholds) -> Assessment:
    """Confidence and status by the heatmaps alone; no error is stated."""
    unknown = np.full(len(seen.status), np.nan)
    assessment = Assessment(seen.confidence, seen.status, unknown, unknown)
    return uncertain_at_best(assessment, at_boundary, thresholds)


def uncertain_at_best(assessment: Assessment, near: BoolArray, thresholds: Thresholds) -> Assessment:
    """The assessment, with the landmarks ``near`` (L,) something uncertain at best and their confidence no higher."""
    if not near.any():
        return assessment
    status = np.array(assessment.status)
    status = np.where(near & (status == FOUND), UNCERTAIN, status)
    confidence = np.where(near, np.minimum(assessment.confidence, thresholds.found_peak), assessment.confidence)
    own = assessment.by_definition & ~near
    return replace(assessment, confidence=confidence, status=tuple(status.tolist()), by_definition=own)


def cut_off(positions: FloatArray, planes: Sequence[CutPlane], *, factor: float) -> BoolArray:
    """Which landmarks (L,) lie within 3 mm of a cut plane; parameters as in :func:`limited_at_cuts`."""
    return depth_below_cuts(planes, positions) * factor < _CUT_OFF_MM


def limited_at_cuts(
    assessment: Assessment,
    positions: FloatArray,
    planes: Sequence[CutPlane],
    thresholds: Thresholds,
    *,
    factor: float,
) -> Assessment:
    """The assessment, with landmarks within 3 mm of a cut plane missing and those within 6 mm uncertain at best.

    A landmark beyond the plane is drawn to the boundary of the field of view; one that far from it may be there.

    Parameters
    ----------
    positions : (L, 3), in the frame and unit of the surface
    planes : sequence of CutPlane, in the same
    factor : millimetres of the unit
    """
    if not planes:
        return assessment
    near = depth_below_cuts(planes, positions) * factor < _NEAR_CUT_MM
    limited = uncertain_at_best(assessment, near, thresholds)
    status = np.where(cut_off(positions, planes, factor=factor), MISSING, np.array(limited.status))
    return replace(limited, status=tuple(status.tolist()))


def refuse_without_pose(pose_confidence: float, thresholds: Thresholds) -> None:
    """Raise FaceNotFoundError if the head was hardly found: then no landmark needs to be looked for."""
    if pose_confidence < thresholds.no_pose:
        raise FaceNotFoundError(
            f"no face found (confidence of the pose {pose_confidence:.2f}, threshold {thresholds.no_pose:.2f}): check "
            "the unit and that the outer side is the skin, or show the pose by three points (initial landmarks)"
        )


def refuse_without_face(
    seen: HeatmapConfidence,
    thresholds: Thresholds,
    *,
    pose_confidence: float | None = None,
    cut: BoolArray | None = None,
) -> None:
    """Raise FaceNotFoundError if too few landmarks are seen for a face.

    Parameters
    ----------
    seen : HeatmapConfidence
    thresholds : Thresholds
    pose_confidence : float, optional
        How clearly the head was found; where it was, a part of a face is enough, and where it hardly was, nothing is.
        None where nobody looked for it.
    cut : bool (L,), optional
        Which landmarks the field of view is known to cut off. If it does, those that are left have to be seen well,
        however few they are.
    """
    left = np.ones(len(seen.confidence), dtype=bool) if cut is None else ~cut
    count, least = len(left) - len(left) // 2, thresholds.least_confidence
    if not left.all():
        count, least = thresholds.part_landmarks, thresholds.least_at_cut
    ordered = np.sort(seen.confidence[left])
    best = float(ordered[-count:].mean()) if left.any() else 0.0
    of_part = float(ordered[-thresholds.part_landmarks :].mean()) if left.any() else 0.0
    pose = 0.0 if pose_confidence is None else pose_confidence
    is_part = pose >= thresholds.least_pose and of_part >= thresholds.least_of_part
    is_clear = pose >= thresholds.clear_pose and of_part >= thresholds.clear_part and best >= least - thresholds.margin
    if pose_confidence is not None:
        refuse_without_pose(pose_confidence, thresholds)
    if np.count_nonzero(seen.seen & left) < thresholds.least_landmarks or not (best >= least or is_part or is_clear):
        raise FaceNotFoundError(
            f"no face found (score {best:.2f}, threshold {least:.2f}): the surface shows none, or too little of one; "
            "check the unit and that the outer side is the skin, or place the initial landmarks (three points)"
        )

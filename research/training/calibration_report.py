"""How far the stated errors hold on scans that the fit did not see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from research.training.calibration_data import ModeData
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM
from sgcn_core.uncertainty.error_model import ErrorEstimate, ErrorModel
from sgcn_core.uncertainty.thresholds import Thresholds

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

GROSS = 5.0
"""An error above this, millimetres, counts as a gross one."""


def calibration_figures(model: ErrorModel, data: ModeData) -> dict[str, Any]:
    """Coverage, ranking and missing landmarks on these scans, as numbers."""
    estimate, error, absent = _estimated(model, data)
    covered = data.covered[data.known]
    missing = estimate.absent > model.missing_above[0]
    told = ~absent & ~missing
    limits = model.limits(Thresholds().uncertain_bound)[np.nonzero(data.known)[1]]
    found = told & (estimate.bound <= limits)
    return {
        "scans": len(data.size),
        "refused": len(data.refused),
        "landmarks": int((~absent).sum()),
        "cut_away": int((absent & ~covered).sum()),
        "covered": int((absent & covered).sum()),
        "mean_error_mm": _mean(error[~absent]),
        "stated_error_mm": _mean(estimate.expected[told]),
        "mean_error_told_mm": _mean(error[told]),
        "coverage_90": _mean(error[told] <= estimate.bound[told]),
        "coverage_90_found": _mean(error[found] <= estimate.bound[found]),
        "auroc_above_5mm": area_under_curve(estimate.expected[~absent], error[~absent] > GROSS),
        "auroc_absent": area_under_curve(estimate.absent, absent),
        "cut_away_reported_missing": _mean(missing[absent & ~covered]),
        "covered_reported_missing": _mean(missing[absent & covered]),
        "present_reported_missing": _mean(missing[~absent]),
        "found": _mean(found[~absent]),
        "mean_error_found_mm": _mean(error[found]),
        "found_above_5mm": _mean(error[found] > GROSS),
        "present_above_5mm": _mean(error[~absent] > GROSS),
        "missing_above": float(model.missing_above[0]),
        "stretch": float(model.stretch[0]),
    }


def reliability_rows(model: ErrorModel, data: ModeData) -> list[dict[str, float]]:
    """Of landmarks in tenths of the confidence: what was stated and what was so."""
    estimate, error, absent = _estimated(model, data)
    right = ~absent & (np.nan_to_num(error, nan=np.inf) <= CONFIDENT_WITHIN_MM)
    rows = []
    for low in np.arange(10) / 10.0:
        chosen = (estimate.within >= low) & (estimate.within < low + 0.1 + 1e-9 * (low > 0.85))
        if chosen.any():
            present = chosen & ~absent
            rows.append(
                {
                    "confidence_from": float(low),
                    "landmarks": int(chosen.sum()),
                    "stated": _mean(estimate.within[chosen]),
                    "so": _mean(right[chosen]),
                    "stated_mm": _mean(estimate.expected[present]),
                    "mean_mm": _mean(error[present]),
                }
            )
    return rows


def area_under_curve(score: FloatArray, positive: BoolArray) -> float:
    """Area under the receiver's characteristic: how often a positive scores above a negative (Mann and Whitney)."""
    count, rest = int(positive.sum()), int((~positive).sum())
    if count == 0 or rest == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positive].sum() - count * (count + 1) / 2.0) / (count * rest))


def _estimated(model: ErrorModel, data: ModeData) -> tuple[ErrorEstimate, FloatArray, BoolArray]:
    """Estimates, errors and absence of all known landmarks, in millimetres of the person."""
    scan, label = np.nonzero(data.known)
    size = data.size[scan]
    parts = [
        model.estimate(
            data.features[i, data.known[i]],
            within=CONFIDENT_WITHIN_MM,
            size=data.size[i],
            labels=np.flatnonzero(data.known[i]),
        )
        for i in range(len(data.size))
    ]
    names = ("absent", "expected", "bound", "within")
    joined = ErrorEstimate(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return joined, data.error[scan, label] * size, data.absent[scan, label]


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")

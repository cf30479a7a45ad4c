"""Summaries of landmark errors as the paper gives them: by group, as a curve, as columns of a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.evaluation.groups import GROUPS
from sgcn_core.evaluation.metrics import THRESHOLDS, Summary, success_rates
from sgcn_core.evaluation.tables import Cell

FloatArray = NDArray[np.float64]


def cumulative_curve(errors: ArrayLike, *, upto: float = 6.0, points: int = 121) -> tuple[FloatArray, FloatArray]:
    """Cumulative error curve: distances (points,) from 0 to ``upto`` and the share (points,) within each."""
    distances = np.linspace(0.0, upto, points)
    return distances, np.array(success_rates(errors, distances.tolist()))


def group_means(errors: ArrayLike) -> dict[str, float]:
    """Mean error of each of the paper's groups from errors (faces, 68)."""
    values = np.asarray(errors, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 68:
        raise ValueError(f"errors must have shape (faces, 68), received {values.shape}")
    return {name: float(np.nanmean(values[:, list(rows)])) for name, rows in GROUPS.items()}


def summary_cells(summary: Summary) -> dict[str, Cell]:
    """The columns of a summary; rates in per cent."""
    rates = {f"SDR@{threshold:g} %": 100.0 * rate for threshold, rate in zip(THRESHOLDS, summary.rates, strict=True)}
    return {
        "mean mm": summary.mean,
        "SD": summary.deviation,
        "median": summary.median,
        "95 %": summary.high,
        **rates,
        "> 10 mm": summary.failures,
    }

"""Plots as PNG files, with matplotlib (extra ``evaluate``), which is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sgcn_core.errors import SgcnError

Series = Mapping[str, tuple[ArrayLike, ArrayLike]]


def line_plot(
    path: Path,
    series: Series,
    *,
    x: str,
    y: str,
    title: str,
    marker: str = "o",
    limits: tuple[float, float] | None = None,
) -> None:
    """Lines named in a legend.

    Parameters
    ----------
    series : name -> (x values, y values)
    x, y, title : texts
    limits : of the y axis; from zero up where not given
    """
    figure, axes = _figure()
    for name, (values, heights) in series.items():
        axes.plot(np.asarray(values), np.asarray(heights), marker=marker, markersize=4, label=name)
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.set_ylim(*(limits or (0.0, None)))
    axes.grid(alpha=0.3)
    _finish(figure, axes, path)


def bar_plot(path: Path, labels: Sequence[str], series: Mapping[str, Sequence[float]], *, y: str, title: str) -> None:
    """Groups of bars: one group a label, one bar a series."""
    figure, axes = _figure(width=max(7.0, 0.55 * len(labels) + 3.0))
    width = 0.8 / max(len(series), 1)
    places = np.arange(len(labels))
    for number, (name, heights) in enumerate(series.items()):
        axes.bar(places + (number - (len(series) - 1) / 2.0) * width, heights, width, label=name)
    axes.set_xticks(places, labels, rotation=35 if len(labels) > 6 else 0, ha="right" if len(labels) > 6 else "center")
    axes.set(ylabel=y, title=title)
    axes.grid(axis="y", alpha=0.3)
    _finish(figure, axes, path)


def _figure(width: float = 7.0) -> tuple[Any, Any]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SgcnError('plots need matplotlib; install it with: pip install "sgcn-core[evaluate]"') from error
    figure = Figure(figsize=(width, 4.2), dpi=120)
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _finish(figure: Any, axes: Any, path: Path) -> None:
    axes.legend(fontsize=8)
    figure.tight_layout()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)

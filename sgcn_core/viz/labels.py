"""Label layout: names beside the face, with a line to each point, without overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sgcn_core.viz.views import Array


@dataclass(frozen=True)
class Leader:
    """A name beside the face and the line to its point.

    Attributes
    ----------
    index : int
        Which of the points.
    column, row : float
        Where the line leaves the name, pixels of the panel.
    align : str
        "right" in the left column of names, "left" in the right one.
    """

    index: int
    column: float
    row: float
    align: str


def spread(wanted: Array, *, low: float, high: float, gap: float) -> Array:
    """Positions as near as possible to the wanted ones, in the same order, at least `gap` apart.

    Parameters
    ----------
    wanted : (N,) array
        Sorted upwards.
    low, high : float
        The range they must stay in; the gap shrinks if they do not fit otherwise.
    gap : float

    Returns
    -------
    (N,) array
        Sorted upwards. Least squares: neighbours that are too close become a block around their mean.
    """
    count = len(wanted)
    if count == 0:
        return np.zeros(0)
    gap = min(gap, (high - low) / max(count - 1, 1))
    steps = gap * np.arange(count)
    blocks: list[tuple[float, int]] = []
    for value in wanted - steps:
        mean, size = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean, size = (before * number + mean * size) / (number + size), size + number
        blocks.append((mean, size))
    flat = np.concatenate([np.full(size, mean) for mean, size in blocks])
    return np.asarray(np.clip(flat, low, high - steps[-1]) + steps)


def leaders(points: Array, *, left: float, right: float, low: float, high: float, gap: float) -> list[Leader]:
    """Names for points of one panel, half of them in a column on either side.

    Parameters
    ----------
    points : (N, 2) array
        Column and row of every point.
    left, right : float
        Where the lines leave the two columns of names.
    low, high, gap : float
        Rows the names may take, and their distance.
    """
    order = np.argsort(points[:, 0], kind="stable")
    half = len(order) // 2
    placed: list[Leader] = []
    for side, column, align in ((order[:half], left, "right"), (order[half:], right, "left")):
        placed += _column(points, side.tolist(), column, align, (low, high, gap))
    return placed


def _column(
    points: Array, chosen: Sequence[int], column: float, align: str, rows: tuple[float, float, float]
) -> list[Leader]:
    ordered = sorted(chosen, key=lambda index: (points[index, 1], index))
    low, high, gap = rows
    places = spread(points[ordered, 1], low=low, high=high, gap=gap)
    return [Leader(index, column, float(row), align) for index, row in zip(ordered, places, strict=True)]


def tag_places(points: Array, sizes: Array, *, distance: float) -> list[tuple[float, float] | None]:
    """Where a short tag fits beside each point, without covering another tag.

    Parameters
    ----------
    points : (N, 2) array
        Column and row.
    sizes : (N, 2) array
        Width and height of each tag, pixels.
    distance : float
        From the point to the tag's corner, pixels.

    Returns
    -------
    list of (column, row) or None
        The tag's left end and middle row; None where no corner of the point is free.
    """
    taken: list[tuple[float, float, float, float]] = []
    places: list[tuple[float, float] | None] = []
    for (x, y), (width, height) in zip(points.tolist(), sizes.tolist(), strict=True):
        places.append(None)
        for sideways, upwards in ((1, -1), (-1, -1), (1, 1), (-1, 1)):
            left = x + distance if sideways > 0 else x - distance - width
            middle = y + upwards * (distance + height / 2)
            box = (left, middle - height / 2, left + width, middle + height / 2)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                places[-1] = (left, middle)
                break
    return places


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

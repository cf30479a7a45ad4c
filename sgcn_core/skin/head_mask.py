"""Mask of the head on the coarse grid: without table, head rest and tubes, with its cavities closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import VolumeError
from sgcn_core.types.arrays import ReadOnlyArrays

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

_FILLED = 0.4  # share of a coarse voxel above the threshold from which it counts
_OPENING = 7.0  # mm; what is thinner than twice this is not the head itself: plates and tubes, but also ears
_CLOSING = 6.0  # mm; openings narrower than twice this (nostrils, ear canals, lips) do not lead into the head
_DEPTH = 7.0  # mm under the closed head from which nothing is looked at
_ALLOWED = 3.0  # mm around the head within which grey values are looked at
_EAR = 30.0, 100.0  # mm: a part stays on the head if it reaches no farther from it, and is no larger, than an ear
_SMALLEST_HEAD = 2e5  # mm3; a fifth of a litre, a piece of a small child's face with what is behind it


@dataclass(frozen=True, eq=False)
class HeadMask(ReadOnlyArrays):
    """Search region of the skin, on the coarse grid.

    Attributes
    ----------
    near : bool array
        The head and a margin around it.
    deep : bool array
        So far under the skin that all of it is head.
    """

    near: Mask
    deep: Mask


def head_mask(share: NDArray[np.float32], spacing: Spacing, *, hollow: bool) -> HeadMask:
    """Find the head.

    Parameters
    ----------
    share : ndarray (Z, Y, X)
        Share of each coarse voxel above the threshold.
    spacing : 3 floats
        z, y, x, mm.
    hollow : bool
        The threshold leaves much of the head's inside out (bone in MR): it is closed before thin parts are removed.

    Raises
    ------
    VolumeError
        No object of head size.
    """
    # What lies beyond the volume's sides is taken to go on as it is at the side, so that nothing is eroded from there.
    pad = [(int(np.ceil(_margin() / step)) + 1,) * 2 for step in spacing]
    mask = np.pad(share >= _FILLED, pad, mode="edge")
    mask = _filled(_closed(mask, spacing, _CLOSING) if hollow else mask)
    head = _filled(_without_attachments(mask, spacing))
    if head.sum() * float(np.prod(spacing)) < _SMALLEST_HEAD:
        raise VolumeError("no object of head size above the threshold; check the threshold, or give another one")
    closed = _filled(_closed(head, spacing, _CLOSING))
    inner = tuple(slice(before, -after) for before, after in pad)
    return HeadMask(_grown(head, spacing, _ALLOWED + max(spacing) / 2)[inner], _shrunk(closed, spacing, _DEPTH)[inner])


def _margin() -> float:
    return 2 * _CLOSING


def _distance(mask: Mask, spacing: Spacing) -> NDArray[np.float32]:
    """Distance of every voxel to the mask, mm; 0 in it."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    signed = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    distance: NDArray[np.float32] = np.maximum(sitk.GetArrayFromImage(signed), 0)
    return distance


def _grown(mask: Mask, spacing: Spacing, radius: float) -> Mask:
    return _distance(mask, spacing) <= radius if mask.any() else mask


def _shrunk(mask: Mask, spacing: Spacing, radius: float) -> Mask:
    return ~_grown(~mask, spacing, radius)


def _closed(mask: Mask, spacing: Spacing, radius: float) -> Mask:
    return mask | _shrunk(_grown(mask, spacing, radius), spacing, radius)


def _largest(mask: Mask) -> Mask:
    """The largest piece, voxels connected by their faces."""
    from scipy.ndimage import label

    pieces, count = label(mask)
    if count == 0:
        raise VolumeError("no object thick enough to be a head; check the threshold, or give another one")
    largest: Mask = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return largest


def _without_attachments(mask: Mask, spacing: Spacing) -> Mask:
    """The largest thick piece, with the thin parts on it that can be ears.

    Tables, head rests and tubes are thin and either lie apart from the head, or reach far along or away from it.
    """
    from scipy.ndimage import find_objects, label

    core = mask & _grown(_largest(_shrunk(mask, spacing, _OPENING)), spacing, _OPENING + 0.5 * max(spacing))
    beyond = _distance(core, spacing)
    # Opening rounds edges (brows, jaw): that little is kept, and does not join a nose to what else is thin.
    edge = max(2.0, 1.01 * max(spacing))
    kept = mask & (beyond <= edge)
    pieces, _ = label(mask & ~kept)
    for number, box in enumerate(find_objects(pieces), start=1):
        piece = pieces[box] == number
        away = beyond[box][piece]
        if away.min() > edge + max(spacing):
            continue
        size = np.linalg.norm([(s.stop - s.start) * step for s, step in zip(box, spacing, strict=True)])
        if away.max() <= _EAR[0] and size <= _EAR[1]:
            kept[box] |= piece
    return kept


def _filled(mask: Mask) -> Mask:
    """Everything filled that the outside does not reach.

    The outside is the air on the sides of the volume; but where a side cuts through the head, a cavity lies open on
    it. Of the areas of air on the sides, joined around edges, only the largest ones are the outside.
    """
    from scipy.ndimage import label

    air = ~mask
    shell = np.zeros_like(mask)
    for axis in range(3):
        for end in (0, -1):
            np.moveaxis(shell, axis, 0)[end] = True
    areas, count = label(air & shell)
    if count == 0:
        return np.ones_like(mask)
    size = np.bincount(areas.ravel())[1:]
    outside = np.flatnonzero(size >= 0.25 * size.max()) + 1
    pieces, _ = label(air)
    reached = np.unique(pieces[np.isin(areas, outside)])
    blocked = (areas > 0) & ~np.isin(areas, outside)
    if blocked.any():  # air that only such a cut opens is inside: look again with the cut closed
        pieces, _ = label(air & ~blocked)
        reached = np.unique(pieces[np.isin(areas, outside)])
    return ~np.isin(pieces, reached[reached > 0])

"""Corrections that must not be learnt from: of another scan, frame or unit, sides exchanged, far off."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from sgcn_core.adaptation.corrected_scan import CorrectedScan, Detected
from sgcn_core.errors import CorrectionError
from sgcn_core.evaluation.truth import Truth
from sgcn_core.types.landmark_sets import LandmarkSet
from sgcn_core.types.units import UNITS_TO_MM, flip_frame, in_mm

FARTHEST = 20.0
"""Landmarks farther than this from where they were found are a slip and no definition (millimetres)."""

# The median distance of the landmarks of a file, so many at least, from the ones found; the distance of landmarks that
# lie on the other side's from their own (mm).
_MOST_TYPICAL, _ENOUGH_FOR_A_MEDIAN, _LEAST_EXCHANGED = 10.0, 4, 6.0
# Landmarks lie on the skin: a single one, and the median of a file (mm).
_OFF_SURFACE, _TYPICALLY_OFF_SURFACE = 5.0, 3.0
# By how much all landmarks of a file, so many at least, may lie to one side (mm).
_MOST_SHIFTED, _ENOUGH_FOR_A_SHIFT = 6.0, 6


def checked(found: Detected, name: str, truth: Truth) -> CorrectedScan:
    """What can be learnt from the landmarks that a user has placed on a scan; its notes name those that are left out.

    Raises
    ------
    CorrectionError
        If the file as a whole does not fit the scan: another frame, unit or scan, or left and right exchanged.
    """
    scan = found.compared(name, truth)
    exchanged = _exchanged(scan, found)
    _refuse_exchanged_sides(scan, exchanged)
    distance = scan.errors()
    if float(np.median(distance)) > (_MOST_TYPICAL if len(distance) >= _ENOUGH_FOR_A_MEDIAN else FARTHEST):
        raise CorrectionError(_why_far(found, truth, float(np.median(distance))))
    _refuse_shifted(scan)
    off = scan.off_surface()
    if float(np.median(off)) > _TYPICALLY_OFF_SURFACE:
        raise CorrectionError(
            f"its landmarks lie {np.median(off):.1f} mm off the surface (median); give the scan they were placed on"
        )
    left_out: dict[str, str] = {}
    for label, away, beside in zip(scan.labels, distance, off, strict=True):
        if label in exchanged:
            left_out[label] = f"lies where {exchanged[label]} was found"
        elif away > FARTHEST:
            left_out[label] = f"lies {away:.0f} mm from where it was found"
        elif beside > _OFF_SURFACE:
            left_out[label] = f"lies {beside:.1f} mm off the surface"
    notes = [f"{label} {why}; left out" for label, why in left_out.items()]
    kept = np.array([label not in left_out for label in scan.labels])
    if not kept.any():
        raise CorrectionError("; ".join(notes))
    compared = {label.casefold() for label in scan.labels}
    lacking = [label for label in truth.positions if label.casefold() not in compared]
    if lacking:
        notes.append(f"not found on the scan, or unknown to the weights: {', '.join(lacking)}")
    return scan.only(kept, notes)


def _mirrors() -> dict[str, str]:
    """Label -> that of the other side, of landmarks with a side."""
    return {each.label: each.mirror for each in LandmarkSet.load("all").landmarks if each.mirror != each.label}


def _exchanged(scan: CorrectedScan, found: Detected) -> dict[str, str]:
    """Label -> label of the other side, where the user's landmark lies on the latter and not on its own."""
    mirrors, exchanged = _mirrors(), dict[str, str]()
    for label, place, own in zip(scan.labels, scan.corrected, scan.errors(), strict=True):
        other = mirrors.get(label, "")
        if other in found.places and own > _LEAST_EXCHANGED:
            distance = scan.size * float(np.linalg.norm(place - found.places[other]))
            if distance < own / 2.0:
                exchanged[label] = other
    return exchanged


def _refuse_exchanged_sides(scan: CorrectedScan, exchanged: Mapping[str, str]) -> None:
    mirrors = _mirrors()
    with_side = [label for label in scan.labels if label in mirrors]
    if len(exchanged) > len(with_side) / 2.0:
        label, other = next(iter(exchanged.items()))
        raise CorrectionError(
            f"left and right are exchanged: {len(exchanged)} of {len(with_side)} landmarks lie on the other side, such "
            f"as {label} on {other}. Left and right are the subject's own; rename them"
        )


def _why_far(found: Detected, truth: Truth, distance: float) -> str:
    """Another frame or unit, where that explains the distance; else another scan."""
    stated = truth.unit or found.unit
    lengths: Mapping[str, float] = {found.unit: in_mm(found.unit), stated: in_mm(stated), **UNITS_TO_MM}
    for turned, (unit, length) in itertools.product((False, True), lengths.items()):
        factor = length / in_mm(stated)
        moved = {
            label: factor * (flip_frame(place[None])[0] if turned else place)
            for label, place in truth.positions.items()
        }
        if float(np.median(found.compared("", Truth(moved, truth.unit)).errors())) <= _MOST_TYPICAL:
            frame = "they are in the other frame (LPS and RAS exchanged)" if turned else ""
            scale = f"they are in {unit} and not in {stated}" if factor != 1.0 else ""
            reason = " and ".join(text for text in (frame, scale) if text)
            return f"its landmarks do not lie on the scan, but would if {reason}; correct what the file declares"
    return (
        f"its landmarks lie {distance:.0f} mm from those found (median); give the scan on which they were placed, in "
        "the same coordinates"
    )


def _refuse_shifted(scan: CorrectedScan) -> None:
    if len(scan.labels) < _ENOUGH_FOR_A_SHIFT:
        return
    shift = scan.size * float(np.linalg.norm(np.median(scan.displacement, axis=0)))
    if shift > _MOST_SHIFTED:
        raise CorrectionError(
            f"all its landmarks lie {shift:.1f} mm to one side of those found; was the scan moved after they were "
            "placed?"
        )

"""Modality of a volume, and the grey value that separates skin from air."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import VolumeError
from sgcn_core.types.volume import Volume

# Hounsfield units. Air is -1000, fat -100, soft tissue 40. Halfway would be -500; -300 leaves out hair, foam and cloth
# and costs 0.2 of a voxel at an edge that one voxel's partial volume spreads.
CT_AIR, CT_SKIN, CT_FLESH = -1000.0, -300.0, 40.0
# CT without its intercept: air at 0 and water about 1000 (or 1024) above it.
_CT_WATER = (950.0, 1150.0)
_CT_NARROW = 0.55  # share of what lies within 150 of water that lies within 50: CT 0.7 and more, MR 0.4
_CT_PADDING = -1500.0  # what is written outside the field of view lies below
# Between air and flesh, as a share of their distance: below one half, as coils and skin itself make the edge darker.
_MR_LEVEL = 0.4
MR_NOISE = 4.5  # standard deviations of air's noise that the threshold keeps from air at least
_LEAST_CONTRAST = 4.0  # standard deviations of air's noise between flesh and air at least
_PIECEWISE = 0.7  # share of neighbours with equal values, of those not in the background, from which an image is labels
_SAMPLE = 2_000_000


@dataclass(frozen=True)
class Tissue:
    """Threshold between skin and air.

    Attributes
    ----------
    kind : {"ct", "mr", "labels"}
        Calibrated X-ray density; any other grey values; labels of tissues, 0 outside.
    threshold : float
        Grey value of the skin's surface. For labels the share of a voxel that is head.
    air, flesh : float
        Typical grey values outside and inside.
    noise : float
        Standard deviation of air.
    padding : float or None
        Values below this lie outside a CT's round field of view.
    """

    kind: str
    threshold: float
    air: float
    flesh: float
    noise: float = 0.0
    padding: float | None = None


def classify_tissue(volume: Volume, *, threshold: float | None = None) -> Tissue:
    """Kind and threshold from the grey values, and from the modality where it is stated.

    Raises
    ------
    VolumeError
        All values are equal or none is finite; the threshold is not between the smallest and the largest value.
    """
    sample = _sample(volume.array)
    finite = sample[np.isfinite(sample)]
    prefix = f"{volume.source}: " if volume.source else ""
    if finite.size == 0 or finite.min() == finite.max():
        raise VolumeError(f"{prefix}all voxels have the same value, or none is a number; there is no head in the image")
    if threshold is None:
        try:
            return _of_labels(volume, finite) or _of_ct(finite, volume.modality) or _of_grey_values(finite)
        except VolumeError as error:
            raise VolumeError(f"{prefix}{error}") from error
    if not finite.min() < threshold < finite.max():
        raise VolumeError(
            f"{prefix}the threshold must lie between {finite.min():.6g} and {finite.max():.6g}, the smallest and "
            f"largest grey value; received {threshold}"
        )
    kind = "ct" if _of_ct(finite, volume.modality) else "mr"
    air, flesh = (float(np.median(finite[side])) for side in (finite < threshold, finite >= threshold))
    padding = _CT_PADDING if kind == "ct" and finite.min() < _CT_PADDING else None
    return Tissue(kind, float(threshold), air, flesh, 0.0, padding)


def _sample(array: NDArray[Any]) -> NDArray[np.float32]:
    """Every n-th slice and row, so that neighbours along x stay neighbours."""
    step = max(1, int(np.ceil((array.size / _SAMPLE) ** 0.5)))
    return np.asarray(array[step // 2 :: step, step // 2 :: step], dtype=np.float32)


def _of_labels(volume: Volume, finite: NDArray[np.float32]) -> Tissue | None:
    """Labels are integers from 0 on, and neighbours mostly bear the same."""
    if finite.min() != 0 or not (finite == np.round(finite)).all():
        return None
    rows = _sample(volume.array)
    left, right = rows[..., :-1], rows[..., 1:]
    inside = (left != 0) | (right != 0)
    if not inside.any() or (left[inside] == right[inside]).mean() < _PIECEWISE:
        return None
    return Tissue("labels", 0.5, 0.0, 1.0)


def _of_ct(values: NDArray[np.float32], modality: str | None) -> Tissue | None:
    padding = _CT_PADDING if values.min() < _CT_PADDING else None
    inside = values if padding is None else values[values > padding]
    air = float(np.mean((inside > -1100) & (inside < -850)))
    flesh = float(np.mean((inside > -150) & (inside < 150)))
    if min(air, flesh) > 0.02 or (modality == "CT" and values.min() < -500):
        return Tissue("ct", CT_SKIN, CT_AIR, CT_FLESH, 0.0, padding)
    if values.min() < -100 or values.max() < 1500 or modality == "MR":
        return None
    ground = _peak(values, values.min(), 300.0)
    water = _peak(values, ground + 600.0, ground + 1600.0)
    # Soft tissue keeps to a narrow band around water in CT; in MR, whose greys may peak there too, it is spread.
    away = np.abs(values - water)
    narrow = np.mean(away < 50) > _CT_NARROW * np.mean(away < 150)
    if abs(ground) < 100 and _CT_WATER[0] < water - ground < _CT_WATER[1] and narrow:
        return Tissue("ct", ground + CT_SKIN - CT_AIR, ground, ground + CT_FLESH - CT_AIR)
    return None


def _peak(values: NDArray[np.float32], low: float, high: float) -> float:
    """Most frequent value of a range, in bins of a fiftieth."""
    counts, edges = np.histogram(values, bins=50, range=(low, high))
    best = int(np.argmax(counts))
    return float(edges[best] + edges[best + 1]) / 2


def _of_grey_values(values: NDArray[np.float32]) -> Tissue:
    """Otsu's two classes give air and flesh; the threshold stands between them, above air's noise."""
    low, high = np.percentile(values, [0.1, 99.5])
    if high <= low:
        low, high = values.min(), values.max()
    clipped = np.clip(values, low, high)
    split = _otsu(clipped)
    air, flesh = float(np.median(clipped[clipped <= split])), float(np.median(clipped[clipped > split]))
    # Air and dark tissue share the lower class: what lies below air's median is air alone, its spread air's noise.
    below = air - clipped[clipped <= air]
    noise = float(np.sqrt(np.mean(below**2)))
    if flesh - air < _LEAST_CONTRAST * noise:
        raise VolumeError("no head found above the image noise; give the threshold if there is one")
    level = air + max(_MR_LEVEL * (flesh - air), MR_NOISE * noise)
    return Tissue("mr", min(level, air + 0.7 * (flesh - air)), air, flesh, noise)


def _otsu(values: NDArray[np.float32]) -> float:
    """The value that splits a histogram into the two classes farthest apart (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts)
    total = np.cumsum(counts * centres)
    rest = weight[-1] - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        between = weight * rest * (total / weight - (total[-1] - total) / rest) ** 2
    return float(edges[1 + int(np.nanargmax(between[:-1]))])

"""Reference shapes: what a cohort is like, saved without its cases, and how far another case is from it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError, LandmarkError
from sgcn_core.morphometrics.alignment import Alignment, aligned_to, centroid_size, check_not_mirrored, check_sizes
from sgcn_core.morphometrics.components import Components, tangent
from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

_FORMAT = "sgcn_core reference shape 1"
_CASES_PER_COMPONENT = 5  # of a reference, for the distance along its components to mean something
_TURNS = 100  # with one case or more left out
_SHARE = 0.9  # of the variance that the components of that distance hold, where there are enough cases


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference(ReadOnlyArrays):
    """Mean and covariance of a cohort's aligned landmarks, and the distances of its own cases.

    Attributes
    ----------
    labels : tuple of str, p of them
    cases : int
        n, of the cohort.
    scaled : bool
        Whether size was taken out.
    axes : str
        As of :class:`Alignment`.
    mean : ndarray (p, 3)
    vectors, variances : ndarray (k, p, 3), (k,)
        Components: the covariance matrix is the sum of ``variance * outer(vector, vector)``.
    used : int
        Components of the Mahalanobis distance.
    log_sizes : ndarray (n,)
        Natural logarithms of the centroid sizes in mm, sorted.
    distances, mahalanobis : ndarray (n,)
        Of each case from the mean (and covariance) of the others, sorted.
    """

    labels: tuple[str, ...]
    cases: int
    scaled: bool
    axes: str
    mean: FloatArray
    vectors: FloatArray
    variances: FloatArray
    used: int
    log_sizes: FloatArray
    distances: FloatArray
    mahalanobis: FloatArray

    @property
    def mm(self) -> float:
        """Millimetres of one unit of the shapes, at the mean centroid size."""
        return float(np.exp(self.log_sizes).mean()) if self.scaled else 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison(ReadOnlyArrays):
    """How far one case is from a reference.

    Attributes
    ----------
    name : str
    distance, mahalanobis : float
        Procrustes distance from the mean in the unit of shapes, and distance along the first components in standard
        deviations.
    size : float
        Centroid size, millimetres.
    size_z : float
        Standard deviations of its logarithm from the reference's mean.
    z : ndarray (k,)
        Standard deviations along each component.
    outside : float
        Distance left beyond all components of the reference: what no case of it shows.
    percentiles : dict
        "distance", "mahalanobis" and "size" -> percentile among the reference's cases with its 95 % interval.
    shape : ndarray (p, 3)
        The case, aligned to the mean.
    """

    name: str
    distance: float
    mahalanobis: float
    size: float
    size_z: float
    z: FloatArray
    outside: float
    percentiles: dict[str, tuple[float, float, float]]
    shape: FloatArray


def reference_of(found: Alignment, parts: Components) -> Reference:
    """The reference of an aligned cohort.

    A case is nearer to a mean that it is part of than another would be; the distances kept are therefore those of each
    case from the mean and components of the others (:func:`left_out_distances`), without aligning anew.

    Raises
    ------
    LandmarkError
        Too few cases for a distribution.
    """
    n = len(found.names)
    used = components_used(parts, n)
    if used < 1:
        raise LandmarkError(
            f"a reference needs at least {2 * _CASES_PER_COMPONENT} cases, but there are {n}; give more"
        )
    distances, along = left_out_distances(found.shapes, found.mean, scaled=found.scaled, used=used)
    return Reference(
        labels=found.labels,
        cases=n,
        scaled=found.scaled,
        axes=found.axes,
        mean=found.mean,
        vectors=parts.vectors,
        variances=parts.variances,
        used=used,
        log_sizes=np.sort(np.log(found.sizes)),
        distances=np.sort(distances),
        mahalanobis=np.sort(along),
    )


def components_used(parts: Components, cases: int) -> int:
    """How many components the Mahalanobis distance uses: 90 % of the variance, at least five cases for each."""
    enough = int(np.searchsorted(np.cumsum(parts.shares), _SHARE)) + 1
    return min(enough, cases // _CASES_PER_COMPONENT if cases >= 2 * _CASES_PER_COMPONENT else 0, len(parts.variances))


def left_out_distances(
    shapes: FloatArray, mean: FloatArray, *, scaled: bool, used: int
) -> tuple[FloatArray, FloatArray]:
    """Distances (n,) of aligned shapes from the mean, and along the first components, of the others.

    Components fit the cases that they are computed from, and another case varies less along them: distances of a
    reference's own cases would be too large to compare with. Mean and components are therefore computed without each
    case; of more than 100 cases, in 100 turns without every hundredth.

    Parameters
    ----------
    shapes, mean : (n, p, 3), (p, 3) float64
    scaled : bool
    used : int
        Components of the second distance.
    """
    flat = tangent(shapes, mean, scaled=scaled)
    whole = (shapes - mean).reshape(len(shapes), -1)
    turn = np.arange(len(shapes)) % _TURNS
    distances, along = np.empty(len(shapes)), np.empty(len(shapes))
    for number in range(min(_TURNS, len(shapes))):
        out = turn == number
        rest, left = flat[~out], flat[out] - flat[~out].mean(axis=0)
        distances[out] = np.linalg.norm(whole[out] - whole[~out].mean(axis=0), axis=1)
        _, singular, vectors = np.linalg.svd(rest - rest.mean(axis=0), full_matrices=False)
        deviations = singular[:used] / math.sqrt(len(rest) - 1)
        along[out] = np.linalg.norm(left @ vectors[:used].T / deviations, axis=1)
    return distances, along


def compare(reference: Reference, found: Configurations) -> tuple[list[Comparison], dict[str, str]]:
    """Compare cases with a reference.

    Parameters
    ----------
    reference : Reference
    found : Configurations
        With the reference's labels; NaN where missing.

    Returns
    -------
    list of Comparison
    dict of str to str
        Case -> why it cannot be compared: a landmark of the reference is missing, or it fits only mirrored.

    Raises
    ------
    LandmarkError
        No case has the landmarks of the reference.
    """
    done, refused = [], {}
    place = {label: number for number, label in enumerate(found.labels)}
    lacking = [label for label in reference.labels if label not in place]
    if lacking:
        raise LandmarkError(f"the reference has landmarks that the cases lack: {', '.join(lacking[:10])}")
    points = found.points[:, [place[label] for label in reference.labels]]
    for name, own in zip(found.names, points, strict=True):
        missing = [label for label, p in zip(reference.labels, own, strict=True) if not np.isfinite(p).all()]
        if missing:
            refused[name] = f"landmarks of the reference are missing: {', '.join(missing[:10])}"
            continue
        try:
            done.append(_compared(reference, name, own))
        except (LandmarkError, ValueError) as error:
            refused[name] = str(error)
    return done, refused


def percentile(value: float, others: FloatArray) -> tuple[float, float, float]:
    """Share of others (n,) below a value, in per cent, with its 95 % interval.

    The interval is that of C. J. Clopper and E. S. Pearson ("The use of confidence or fiducial limits", Biometrika
    26(4), 1934) for the share of the population of which the others are a sample.
    """
    from scipy.stats import beta

    n, below = len(others), int((others < value).sum())
    low = float(beta.ppf(0.025, below, n - below + 1)) if below else 0.0
    high = float(beta.ppf(0.975, below + 1, n - below)) if below < n else 1.0
    return 100 * below / n, 100 * low, 100 * high


def reference_text(reference: Reference) -> str:
    """The reference as JSON: numbers only, no names of cases."""
    values = {each.name: getattr(reference, each.name) for each in fields(reference)}
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in values.items()}
    return json.dumps({"format": _FORMAT, "unit": "mm", **plain}, allow_nan=False) + "\n"


def read_reference(path: str | os.PathLike[str]) -> Reference:
    """Read a reference.

    Raises
    ------
    FileFormatError
        The file is none, or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        if content.get("format") != _FORMAT:
            raise ValueError(f"its format is {content.get('format')!r}, not {_FORMAT!r}")
        arrays = {"mean", "vectors", "variances", "log_sizes", "distances", "mahalanobis"}
        values = {each.name: content[each.name] for each in fields(Reference)}
        values |= {name: np.array(values[name], dtype=np.float64) for name in arrays}
        reference = Reference(**{**values, "labels": tuple(values["labels"])})
        _check(reference)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"cannot read the reference {path}: {error}") from error
    return reference


def _check(reference: Reference) -> None:
    p, k, n = len(reference.labels), len(reference.variances), reference.cases
    shapes = (reference.mean.shape, reference.vectors.shape, reference.distances.shape, reference.mahalanobis.shape)
    if shapes != ((p, 3), (k, p, 3), (n,), (n,)) or reference.log_sizes.shape != (n,) or not 0 < reference.used <= k:
        raise ValueError(f"its arrays do not fit {p} landmarks and {n} cases")
    if not all(np.isfinite(array).all() for array in (reference.mean, reference.vectors, reference.variances)):
        raise ValueError("its numbers are not finite")


def _compared(reference: Reference, name: str, points: FloatArray) -> Comparison:
    size = float(centroid_size(points))
    usual = float(np.exp(reference.log_sizes.mean()))
    check_sizes((name, "", ""), np.array([size, usual, usual]))
    shape = aligned_to(reference.mean, points, scaling=reference.scaled)
    check_not_mirrored(name, shape, reference.mean)
    deviation = tangent(shape[None], reference.mean, scaled=reference.scaled)[0]
    scores = reference.vectors.reshape(len(reference.variances), -1) @ deviation
    z = scores / np.sqrt(reference.variances)
    distance, mahalanobis = float(np.linalg.norm(shape - reference.mean)), float(np.linalg.norm(z[: reference.used]))
    return Comparison(
        name=name,
        distance=distance,
        mahalanobis=mahalanobis,
        size=size,
        size_z=(math.log(size) - float(reference.log_sizes.mean())) / float(reference.log_sizes.std(ddof=1)),
        z=z,
        outside=math.sqrt(max(float(deviation @ deviation - scores @ scores), 0.0)),
        percentiles={
            "distance": percentile(distance, reference.distances),
            "mahalanobis": percentile(mahalanobis, reference.mahalanobis),
            "size": percentile(math.log(size), reference.log_sizes),
        },
        shape=shape,
    )


def labels_for(reference: Reference, given: Sequence[str] | None) -> tuple[str, ...]:
    """The labels of a comparison: those of the reference; LandmarkError if others are asked for."""
    if given is not None and set(given) != set(reference.labels):
        raise LandmarkError("the landmarks of a comparison are those of its reference; leave out --set and --label")
    return reference.labels

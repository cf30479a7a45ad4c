"""Landmarks of several cases as one array, and what to do about those that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import LandmarkError, SettingsError
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

MISSING: tuple[str, ...] = ("error", "drop-landmarks", "drop-cases")
"""What to do about missing landmarks: stop, leave out the landmarks, leave out the cases. None is ever filled in."""

FEWEST_CASES, FEWEST_LANDMARKS = 3, 4


@dataclass(frozen=True, eq=False)
class Configurations(ReadOnlyArrays):
    """The same landmarks of n cases.

    Attributes
    ----------
    names : tuple of str
        n different names of the cases.
    labels : tuple of str
        p different labels.
    points : ndarray (n, p, 3)
        Millimetres, LPS; NaN where a landmark is missing.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    points: FloatArray

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.points.shape != (len(self.names), len(self.labels), 3):
            raise ValueError(
                f"{len(self.names)} cases with {len(self.labels)} landmarks need points "
                f"({len(self.names)}, {len(self.labels)}, 3); received {self.points.shape}"
            )
        for what, given in (("cases", self.names), ("landmarks", self.labels)):
            if len(set(given)) != len(given):
                raise ValueError(f"two {what} have the same name: {sorted(g for g in given if given.count(g) > 1)[0]}")

    @property
    def placed(self) -> NDArray[np.bool_]:
        """Which landmarks have a position, (n, p)."""
        return np.asarray(np.isfinite(self.points).all(axis=2), dtype=np.bool_)

    @property
    def lacking(self) -> NDArray[np.bool_]:
        """Which landmarks are missing, (n, p)."""
        return np.asarray(np.logical_not(self.placed), dtype=np.bool_)

    def select(self, cases: NDArray[np.bool_], landmarks: NDArray[np.bool_]) -> Configurations:
        """The cases (n,) and landmarks (p,) that are true."""
        return Configurations(
            tuple(name for name, kept in zip(self.names, cases, strict=True) if kept),
            tuple(label for label, kept in zip(self.labels, landmarks, strict=True) if kept),
            self.points[cases][:, landmarks],
        )


@dataclass(frozen=True)
class Choice:
    """What is left out because landmarks are missing.

    Attributes
    ----------
    landmarks, cases : tuple of str
        Left out.
    text : str
        What each choice would leave out, for people; empty where nothing is missing.
    """

    landmarks: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    text: str = ""


def without_missing(found: Configurations, how: str = "error") -> tuple[Configurations, Choice]:
    """Leave out landmarks or cases so that nothing is missing.

    Parameters
    ----------
    found : Configurations
    how : {"error", "drop-landmarks", "drop-cases"}

    Returns
    -------
    Configurations
        Without NaN.
    Choice

    Raises
    ------
    LandmarkError
        Something is missing and `how` is "error"; tells what each choice would leave out.
    SettingsError
        Unknown `how`.
    """
    if how not in MISSING:
        raise SettingsError(f"--missing must be one of {', '.join(MISSING)}; received {how!r}")
    lacking = found.lacking
    if not lacking.any():
        return found, Choice()
    text = _losses(found)
    if how == "error":
        raise LandmarkError(f"{text}. Choose with --missing; nothing is ever filled in")
    every_case, every_landmark = np.ones(len(found.names), bool), np.ones(len(found.labels), bool)
    if how == "drop-landmarks":
        kept = np.logical_not(lacking.any(axis=0))
        gone = tuple(label for label, stays in zip(found.labels, kept, strict=True) if not stays)
        return found.select(every_case, kept), Choice(landmarks=gone, text=text)
    kept = np.logical_not(lacking.any(axis=1))
    gone = tuple(name for name, stays in zip(found.names, kept, strict=True) if not stays)
    return found.select(kept, every_landmark), Choice(cases=gone, text=text)


def check_enough(found: Configurations) -> None:
    """Refuse what cannot be aligned: too few cases or landmarks, landmarks in a plane or in one place.

    Raises
    ------
    LandmarkError
    """
    if len(found.names) < FEWEST_CASES:
        raise LandmarkError(f"at least {FEWEST_CASES} cases are needed, but there are {len(found.names)}; give more")
    if len(found.labels) < FEWEST_LANDMARKS:
        raise LandmarkError(
            f"at least {FEWEST_LANDMARKS} landmarks that all cases have are needed, but there are {len(found.labels)}"
            f"{': ' + ', '.join(found.labels) if found.labels else ''}; leave out cases or choose other landmarks"
        )
    for name, points in zip(found.names, found.points, strict=True):
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if not spread[2] > 1e-6 * spread[0]:
            raise LandmarkError(
                f"the landmarks of {name} lie in one plane or in one place; are its coordinates complete?"
            )


def _losses(found: Configurations) -> str:
    lacking = found.lacking
    in_landmarks, in_cases = np.asarray(lacking.any(axis=0)), np.asarray(lacking.any(axis=1))
    landmarks, cases = int(in_landmarks.sum()), int(in_cases.sum())
    n, p = lacking.shape
    left = {"drop-landmarks": n * (p - landmarks), "drop-cases": (n - cases) * p}
    least = max(left, key=lambda how: left[how])
    return (
        f"{int(lacking.sum())} of {n * p} positions are missing: drop-landmarks leaves out {landmarks} of {p} "
        f"landmarks ({_some(found.labels, in_landmarks)}), drop-cases leaves out {cases} of {n} cases "
        f"({_some(found.names, in_cases)}); {least} leaves out least"
    )


def _some(names: Sequence[str], chosen: NDArray[np.bool_]) -> str:
    listed = [name for name, gone in zip(names, chosen, strict=True) if gone]
    return ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")

"""The directions left, up and forward of a head, from its landmarks and, where given, a horizontal.

The midsagittal direction comes from the inner and outer corners of the eyes. "Up" is along the line from subnasale to
nasion, unless the user gives a horizontal: the face alone does not tell how the head is held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import SettingsError

FloatArray = NDArray[np.float64]
Points = Mapping[str, FloatArray]

_EYES = ("en", "ex")
_OTHERS = ("al", "ac", "ch")
_UP = (("sn", "n"), ("sn", "se"), ("sn", "g"))
HORIZONTALS = "frankfort, frankfort:LABEL, camper, axes or X,Y,Z"


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Unit directions (K, 3) and a point (K, 3) of the midsagittal plane, for K sets of landmarks at once.

    Attributes
    ----------
    origin : a point of the midsagittal plane
    left, up, forward : the subject's own left, up and forward; None for the last two where they are not known
    """

    origin: FloatArray
    left: FloatArray
    up: FloatArray | None
    forward: FloatArray | None


@dataclass(frozen=True, eq=False)
class Horizontal:
    """What the user takes for the horizontal of the head.

    Attributes
    ----------
    text : as the user gave it
    about : for reports
    vector : (3,), pointing forward in LPS; None where landmarks give it
    back, front : landmarks, without side, from which and to which it points
    """

    text: str
    about: str
    vector: FloatArray | None = None
    back: str = ""
    front: str = ""

    @classmethod
    def parse(cls, text: str | ArrayLike) -> Horizontal:
        """Read the user's choice.

        Parameters
        ----------
        text : str or array_like (3,)
            ``frankfort``: from tragion to orbitale (``or_r``, ``or_l``, which must be placed by hand);
            ``frankfort:LABEL``: with another landmark in the place of orbitale, such as ``pi``, which lies higher;
            ``camper``: from tragion to the alar curvature point; ``axes``: the head was scanned in its natural
            position, and the file's axes are the person's; ``X,Y,Z`` or three numbers: a direction that points
            forward in LPS.

        Raises
        ------
        SettingsError
            The text is none of these.
        """
        if not isinstance(text, str):
            return cls._of_vector(np.asarray(text, dtype=np.float64), ", ".join(f"{x:g}" for x in np.ravel(text)))
        kind, _, substitute = text.strip().partition(":")
        if kind == "frankfort":
            named = f" with {substitute} in the place of orbitale" if substitute else ""
            return cls(text, f"Frankfort horizontal, tragion to orbitale{named}", None, "t", substitute or "or")
        if text == "camper":
            return cls(text, "Camper's line, tragion to alar curvature point", None, "t", "ac")
        if text == "axes":
            return cls._of_vector(np.array([0.0, -1.0, 0.0]), text)
        try:
            return cls._of_vector(np.array([float(part) for part in text.split(",")]), text)
        except ValueError as error:
            raise SettingsError(f"unknown horizontal {text!r}; use {HORIZONTALS}") from error

    @classmethod
    def _of_vector(cls, vector: FloatArray, text: str) -> Horizontal:
        if vector.shape != (3,) or not np.isfinite(vector).all() or not np.linalg.norm(vector) > 0:
            raise SettingsError(f"the horizontal must be three numbers that are not all zero; received {text}")
        about = "the file's axes, natural head position" if text == "axes" else f"direction {text} given by the user"
        return cls(text, about, vector / np.linalg.norm(vector))

    def sides(self, has: Callable[[str], bool]) -> tuple[str, ...]:
        """The sides, of ``"r"`` and ``"l"``, on which both of its landmarks are there."""
        return tuple(side for side in "rl" if has(f"{self.back}_{side}") and has(f"{self.front}_{side}"))


@dataclass(frozen=True, eq=False)
class FrameRecipe:
    """How the head frame of a case is made, and from which landmarks.

    Attributes
    ----------
    pairs : landmarks, without side, whose differences give the left and whose midpoints give the origin
    up : two midline landmarks; empty where none is there
    horizontal : of the user
    sides : of the horizontal's landmarks
    plane : point (3,) and normal (3,) of a midsagittal plane to use instead of the pairs
    reason : why left is not known, empty if it is
    true_reason : why the horizontal is not known, empty if it is
    """

    pairs: tuple[str, ...]
    up: tuple[str, ...]
    horizontal: Horizontal | None
    sides: tuple[str, ...]
    plane: tuple[FloatArray, FloatArray] | None
    reason: str
    true_reason: str

    @classmethod
    def of(
        cls,
        has: Callable[[str], bool],
        *,
        horizontal: Horizontal | None = None,
        plane: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> FrameRecipe:
        """The recipe for a case that has the landmarks of which ``has`` is true."""
        pairs: tuple[str, ...] = ()
        for candidates in (_EYES, _OTHERS):
            pairs = pairs or tuple(name for name in candidates if has(f"{name}_r") and has(f"{name}_l"))
        given = None if plane is None else (np.asarray(plane[0], dtype=float), np.asarray(plane[1], dtype=float))
        reason = "" if pairs or given else "no pair of en, ex, al, ac or ch gives the midsagittal direction"
        up = next((each for each in _UP if all(has(label) for label in each)), ())
        sides: tuple[str, ...] = ()
        true_reason = reason
        if horizontal is None:
            true_reason = "needs a natural head position: give a horizontal"
        elif horizontal.vector is None:
            sides = horizontal.sides(has)
            if not sides:
                true_reason = f"the horizontal needs {horizontal.back} and {horizontal.front} of one side"
        return cls(pairs, up, horizontal, sides, given, reason, reason or true_reason)

    @property
    def upright_reason(self) -> str:
        """Why up and forward are not known, empty if they are."""
        if self.reason or self.up or not self.true_reason:
            return self.reason
        return "up and forward need sn with n, se or g, or a horizontal"

    @property
    def labels(self) -> tuple[str, ...]:
        """Landmarks on which the frame depends."""
        paired = () if self.plane else tuple(f"{name}_{side}" for name in self.pairs for side in "rl")
        if self.true_reason:
            return (*paired, *self.up)
        held = self.horizontal
        ends = () if held is None or held.vector is not None else (held.back, held.front)
        return (*paired, *(f"{name}_{side}" for name in ends for side in self.sides))

    @property
    def about(self) -> str:
        """How the frame is held, for reports."""
        if not self.true_reason and self.horizontal is not None:
            return self.horizontal.about
        return f"up along {self.up[0]}-{self.up[1]}" if self.up else "up not known"

    def frame(self, points: Points) -> HeadFrame | None:
        """The frame for K sets of landmarks (K, 3); None where left is not known."""
        if self.reason:
            return None
        if self.plane is not None:
            origin, left = (part[None, :] for part in self.plane)
            left = unit(left)
        else:
            right, left_points = (
                np.sum([points[f"{name}_{side}"] for name in self.pairs], axis=0) / len(self.pairs) for side in "rl"
            )
            origin, left = (right + left_points) / 2.0, unit(left_points - right)
        if self.upright_reason:
            return HeadFrame(origin, left, None, None)
        if self.true_reason:
            up = unit(_across(points[self.up[1]] - points[self.up[0]], left))
            return HeadFrame(origin, left, up, np.cross(left, up))
        forward = unit(_across(self._held(points), left))
        return HeadFrame(origin, left, np.cross(forward, left), forward)

    def _held(self, points: Points) -> FloatArray:
        held = self.horizontal
        assert held is not None
        if held.vector is not None:
            return held.vector[None, :]
        difference: FloatArray = np.sum(
            [points[f"{held.front}_{side}"] - points[f"{held.back}_{side}"] for side in self.sides], axis=0
        )
        return difference


def unit(vectors: FloatArray) -> FloatArray:
    """Vectors (..., 3) of length 1; NaN for those without length."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: FloatArray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


def _across(vectors: FloatArray, direction: FloatArray) -> FloatArray:
    """What of vectors (K, 3) is across a unit direction (K, 3)."""
    across: FloatArray = vectors - (vectors * direction).sum(axis=-1, keepdims=True) * direction
    return across

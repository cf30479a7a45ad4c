"""Object symmetry: what a shape shares with its mirror image, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.sides import midline_of, pairs_of
from sgcn_core.errors import LandmarkError
from sgcn_core.morphometrics.alignment import Alignment, turned_together
from sgcn_core.morphometrics.orientation import upright
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ObjectSymmetry(ReadOnlyArrays):
    """Symmetric and asymmetric parts of aligned shapes, in the unit of the shapes.

    Attributes
    ----------
    mean : ndarray (p, 3)
        Symmetric: the mean of all shapes and their mirror images.
    symmetric : ndarray (n, p, 3)
        Mean of each shape and its mirror image.
    asymmetric : ndarray (n, p, 3)
        Half the difference of both.
    """

    mean: FloatArray
    symmetric: FloatArray
    asymmetric: FloatArray

    @property
    def sizes(self) -> FloatArray:
        """Asymmetry (n,) of each case: root of the summed squares of its asymmetric part."""
        return np.asarray(np.linalg.norm(self.asymmetric.reshape(len(self.asymmetric), -1), axis=1))

    @property
    def directional(self) -> FloatArray:
        """Mean asymmetric part (p, 3): what all cases have in common."""
        return np.asarray(self.asymmetric.mean(axis=0))

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of the squared deviations from the mean: symmetric, directional and fluctuating asymmetry."""
        n = len(self.symmetric)
        among = float(((self.symmetric - self.mean) ** 2).sum())
        directional = n * float((self.directional**2).sum())
        fluctuating = float(((self.asymmetric - self.directional) ** 2).sum())
        total = among + directional + fluctuating
        return among / total, directional / total, fluctuating / total


def object_symmetry(found: Alignment) -> ObjectSymmetry:
    """Separate the symmetric variation of a cohort from its asymmetry.

    The mirror images, with right and left exchanged, are aligned together with the shapes; only these images are
    mirrored, on purpose.

    Parameters
    ----------
    found : Alignment

    Raises
    ------
    LandmarkError
        A landmark has no partner on the other side and is not known to lie in the midline.

    References
    ----------
    C. P. Klingenberg, M. Barluenga, A. Meyer, "Shape analysis of symmetric structures: quantifying variation among
    individuals and asymmetry", Evolution 56(10), 2002.
    """
    images = found.shapes[:, partners(found.labels)] * (-1.0, 1.0, 1.0)
    together, mean, _ = turned_together(np.concatenate([found.shapes, images]), scaling=found.scaled)
    rotation, _ = upright(mean, found.labels)
    own, images = np.split(together @ rotation.T, 2)
    return ObjectSymmetry(mean=mean @ rotation.T, symmetric=(own + images) / 2, asymmetric=(own - images) / 2)


def partners(labels: Sequence[str]) -> list[int]:
    """Place of each landmark's partner on the other side, its own in the midline; LandmarkError where it has none."""
    place = {label: number for number, label in enumerate(labels)}
    other = {label: label for label in midline_of(labels)}
    for pair in pairs_of(labels):
        other |= {pair.right: pair.left, pair.left: pair.right}
    alone = [label for label in labels if label not in other]
    if alone:
        raise LandmarkError(
            f"these landmarks have no partner on the other side and are not known to lie in the midline: "
            f"{', '.join(alone[:10])}; leave them out with --without"
        )
    return [place[other[label]] for label in labels]

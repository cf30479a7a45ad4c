"""Pose refinement: candidate poses are aligned by the landmarks found in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.pose.finder import PoseHypothesis

Align = Callable[[Similarity], tuple[float, Similarity]]
"""Detect roughly in one pose: how well the landmarks are seen, and the pose that they suggest."""

# Another pose is tried as well where this share as many places speak for it as for the best.
_RIVAL, _MOST_RIVALS = 0.35, 3
# Alignment is repeated while it turns the head by more than 6 degrees or changes its size by more than 8 %.
_MOST_ALIGNMENTS = 3
_SETTLED_TRACE = 1.0 + 2.0 * np.cos(np.deg2rad(6.0))
_SETTLED_SCALE = 0.08
# Mean confidence below which there is no face in a pose and alignment is given up. The fewest landmarks that are enough
# for a face give 0.068 where each is just seen well enough; quarters of faces have 0.27, spheres and the like 0.06.
_HOPELESS = 0.065


def refine_pose(align: Align, hypotheses: Sequence[PoseHypothesis]) -> Similarity:
    """The pose in which the network sees a face best, aligned by the landmarks it finds there.

    Parameters
    ----------
    align : callable
        From a pose to how well a face is seen in it, and the pose that its landmarks suggest; FaceNotFoundError where
        none is seen.
    hypotheses : best first

    Returns
    -------
    Similarity
        From the scan (millimetres) to the head frame.

    Raises
    ------
    FaceNotFoundError
        If no hypothesis shows a face.
    """
    best: tuple[float, Similarity] | None = None
    for hypothesis in hypotheses[:_MOST_RIVALS]:
        if hypothesis.confidence < _RIVAL * hypotheses[0].confidence:
            continue
        try:
            quality, pose = _refined_pose(align, hypothesis.to_head)
        except FaceNotFoundError:
            continue
        if best is None or quality > best[0]:
            best = quality, pose
    if best is None:
        raise FaceNotFoundError("no face found in any pose tried; check that this is a face, and the unit")
    return best[1]


def _refined_pose(align: Align, to_head: Similarity) -> tuple[float, Similarity]:
    """Align, again as long as that changes much; the mean confidence of the last pass, and the pose."""
    quality = 0.0
    for _ in range(_MOST_ALIGNMENTS):
        quality, aligned = align(to_head)
        if quality < _HOPELESS:
            raise FaceNotFoundError("the landmarks are not seen in this pose")
        change = aligned @ to_head.inverse()
        to_head = aligned
        if np.trace(change.rotation) > _SETTLED_TRACE and abs(np.log(change.scale)) < _SETTLED_SCALE:
            break
    return quality, to_head

"""The head's pose, settled by the landmarks that the network finds in the poses that were suggested."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.pipeline.network_pass import NetworkPass, Scan
from sgcn_core.pose.finder import PoseHypothesis
from sgcn_core.uncertainty.assess import FEWEST_LANDMARKS
from sgcn_core.uncertainty.recognition import MISSING

# Another pose is tried as well where this share as many places speak for it as for the best.
_RIVAL, _MOST_RIVALS = 0.35, 3
# Alignment is repeated while it turns the head by more than 6 degrees or changes its size by more than 8 %.
_MOST_ALIGNMENTS = 3
_SETTLED_TRACE = 1.0 + 2.0 * np.cos(np.deg2rad(6.0))
_SETTLED_SCALE = 0.08


def settle_pose(network: NetworkPass, scan: Scan, hypotheses: Sequence[PoseHypothesis], nodes: int) -> Similarity:
    """The pose in which the network recognises a face best, aligned by the landmarks it finds there.

    Parameters
    ----------
    network : NetworkPass
    scan : Scan
    hypotheses : best first
    nodes : of the graphs to decide by

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
            quality, pose = _align_until_settled(network, scan, hypothesis.to_head, nodes)
        except FaceNotFoundError:
            continue
        if best is None or quality > best[0]:
            best = quality, pose
    if best is None:
        raise FaceNotFoundError("no face was recognised in any pose tried; is this a face, and is the unit right?")
    return best[1]


def _align_until_settled(network: NetworkPass, scan: Scan, to_head: Similarity, nodes: int) -> tuple[float, Similarity]:
    """Align, again as long as that changes much; the mean confidence of the last pass, and the pose."""
    quality = 0.0
    for _ in range(_MOST_ALIGNMENTS):
        quality, aligned = _align(network, scan, to_head, nodes)
        change = aligned @ to_head.inverse()
        to_head = aligned
        if np.trace(change.rotation) > _SETTLED_TRACE and abs(np.log(change.scale)) < _SETTLED_SCALE:
            break
    return quality, to_head


def _align(network: NetworkPass, scan: Scan, to_head: Similarity, nodes: int) -> tuple[float, Similarity]:
    """Detect roughly in one pose: how well the landmarks are seen, and the pose that they suggest."""
    checkpoint = network.checkpoint
    graph = network.graph(scan, to_head, nodes)
    refined, verdict = network.landmarks(network.heatmaps(graph), graph, "mean")
    seen = np.array([status != MISSING for status in verdict.status])
    if np.count_nonzero(seen) < FEWEST_LANDMARKS:
        raise FaceNotFoundError("too few landmarks were recognised")
    weights = np.where(seen, verdict.confidence, 0.0) + 1e-6
    change = align_to_prototype(refined.positions, weights, checkpoint.prototype, checkpoint.deviation)
    back = network.standardise.inverse()
    return float(verdict.confidence.mean()), back @ change @ network.standardise @ to_head

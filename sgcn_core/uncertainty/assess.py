"""The verdict on landmarks that a pass has placed, and whether there is a face at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FaceNotFoundError
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.uncertainty.boundary import doubt_at_rim, near_rim, rim_points
from sgcn_core.uncertainty.calibration import Verdict, uncalibrated, verdict_of
from sgcn_core.uncertainty.features import gather_evidence
from sgcn_core.uncertainty.recognition import MISSING, Confidence
from sgcn_core.weights.checkpoint import Checkpoint

FloatArray = NDArray[np.float64]

# An open edge longer than any eye or mouth is the end of the scan; landmarks this close to it are uncertain (mm).
_RIM_EXTENT, _RIM_REACH = 80.0, 3.0
# A face of which fewer landmarks than this are seen is no face.
FEWEST_LANDMARKS = 12
# Mean recognition of the better half of the landmarks: of 205 badly scanned generated faces 0.80 and more, of the real
# scans 0.84 and more; of a face that stands upside down 0.78, of other things 0.65 and less.
_LEAST_RECOGNITION = 0.79
# Parts of faces are faces where the best so many landmarks are seen well and the head was found clearly: eyes alone,
# mouth and chin alone, and halves short of the midline, of four generated heads reach 0.82 with a pose confidence of
# 0.47 and more; of 140 other things none has more than 0.78; a scan whose landmarks would be wrong had 0.83, its pose
# 0.31.
_LEAST_OF_PART, _LEAST_POSE = 0.80, 0.4
# Where a volume's field of view cuts landmarks off, the best so many of the others count: of generated heads cut above
# or below the nose or in half 0.80 and more, of the shared ones cut above the mouth 0.78 and more; of backs of heads,
# necks and vaults 0.66 and less.
_PART, _LEAST_AT_CUT = 30, 0.74


def refuse_without_face(
    recognition: Confidence, *, pose_confidence: float = 0.0, cut: NDArray[np.bool_] | None = None
) -> None:
    """Raise FaceNotFoundError if what was recognised is not enough for a face.

    Parameters
    ----------
    recognition : Confidence
    pose_confidence : float
        How clearly the head was found; where it was, a part of a face is enough.
    cut : bool (L,), optional
        Which landmarks the field of view is known to cut off. If it does, those that are left have to be seen well,
        however few they are.
    """
    left = np.ones(len(recognition.confidence), dtype=bool) if cut is None else ~cut
    seen = sum(status != MISSING for status, kept in zip(recognition.status, left, strict=True) if kept)
    count, least = len(left) - len(left) // 2, _LEAST_RECOGNITION
    if not left.all():
        count, least = _PART, _LEAST_AT_CUT
    ordered = np.sort(recognition.confidence[left])
    best = float(ordered[-count:].mean()) if left.any() else 0.0
    part = pose_confidence >= _LEAST_POSE and left.any() and ordered[-_PART:].mean() >= _LEAST_OF_PART
    if seen < FEWEST_LANDMARKS or (best < least and not part):
        raise FaceNotFoundError(
            f"no face was recognised (mean recognition {best:.2f}, {least:.2f} needed): the surface "
            "seems to show none, or too little of one; check the unit, and that the skin is the outer side"
        )


def judge_landmarks(
    checkpoint: Checkpoint,
    refined: Refined,
    recognition: Confidence,
    heatmaps: NDArray[np.float32],
    graph: FaceGraph,
    *,
    size: float,
) -> Verdict:
    """Confidence, status and expected error of every landmark.

    Parameters
    ----------
    size : millimetres of the person for one of the head frame
    """
    rim = scan_rim(checkpoint, graph)
    reach = _RIM_REACH / checkpoint.crop_radius
    if checkpoint.calibration is None:
        return doubt_at_rim(uncalibrated(recognition), refined.positions, rim, reach=reach)
    evidence = scan_evidence(checkpoint, checkpoint.calibration.shape, refined, heatmaps, graph, rim)
    at_rim = near_rim(refined.positions, rim, reach=reach)
    return verdict_of(checkpoint.calibration.model, evidence, at_rim, size=size)


def scan_rim(checkpoint: Checkpoint, graph: FaceGraph) -> FloatArray:
    """Points (R, 3) on the end of the scan, normalised."""
    return rim_points(graph.vertices, graph.faces, least_extent=_RIM_EXTENT / checkpoint.crop_radius)


def scan_evidence(
    checkpoint: Checkpoint,
    shape: LandmarkShape,
    refined: Refined,
    heatmaps: NDArray[np.float32],
    graph: FaceGraph,
    rim: FloatArray,
) -> FloatArray:
    """Evidence (L, F) on the landmarks of one scan."""
    return gather_evidence(
        refined,
        heatmaps,
        graph.nodes,
        rim,
        shape,
        deviation=checkpoint.deviation,
        sigma=checkpoint.sigma,
        unit=checkpoint.crop_radius,
    )

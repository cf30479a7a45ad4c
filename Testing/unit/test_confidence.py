"""Status and confidence of landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.uncertainty.confidence import HeatmapConfidence, heatmap_confidence
from sgcn_core.uncertainty.thresholds import Thresholds

RNG = np.random.default_rng(0)
PROTOTYPE = RNG.normal(size=(20, 3)) * 0.4
DEVIATION = np.full(20, 0.03)


def refined(positions: np.ndarray, peak: np.ndarray) -> Refined:
    zeros, none = np.zeros(20), np.full(20, -1)
    return Refined(positions, positions, zeros, peak, peak, zeros, none, none, np.zeros((20, 3)))


def confidence(landmarks: Refined) -> HeatmapConfidence:
    return heatmap_confidence(landmarks, PROTOTYPE, DEVIATION, Thresholds())


def test_high_heatmaps_in_the_usual_places_are_found() -> None:
    seen = confidence(refined(PROTOTYPE, np.full(20, 0.8)))
    assert set(seen.status) == {"found"}
    np.testing.assert_allclose(seen.confidence, 0.8)


def test_status_follows_the_height_of_the_heatmap() -> None:
    peak = np.full(20, 0.8)
    peak[0], peak[1] = 0.3, 0.05
    seen = confidence(refined(PROTOTYPE, peak))
    assert seen.status[:3] == ("uncertain", "missing", "found")
    assert seen.confidence[1] < seen.confidence[0] < seen.confidence[2]


def test_a_landmark_far_from_its_place_is_not_found_however_high_its_heatmap() -> None:
    positions = PROTOTYPE.copy()
    positions[4] += [0.0, 0.5, 0.0]
    seen = confidence(refined(positions, np.full(20, 0.9)))
    assert seen.status[4] == "missing" and seen.confidence[4] < 0.1
    assert [status for i, status in enumerate(seen.status) if i != 4] == ["found"] * 19
    assert seen.misplacement[4] == pytest.approx(0.5 / 0.03, rel=0.1)


def test_pose_and_size_of_the_face_do_not_matter() -> None:
    pose = Similarity(1.2, np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([0.1, 0.2, 0.3]))
    seen = confidence(refined(pose.apply(PROTOTYPE), np.full(20, 0.8)))
    np.testing.assert_allclose(seen.misplacement, 0.0, atol=1e-9)


def test_alignment_ignores_outliers() -> None:
    positions = PROTOTYPE.copy()
    positions[:4] += RNG.normal(size=(4, 3))
    similarity = align_to_prototype(positions, np.ones(20), PROTOTYPE, DEVIATION)
    np.testing.assert_allclose(similarity.apply(PROTOTYPE)[4:], PROTOTYPE[4:], atol=0.02)


def test_values_outside_the_unit_interval_are_clipped() -> None:
    seen = confidence(refined(PROTOTYPE, np.full(20, 1.3)))
    assert seen.confidence.max() <= 1.0


def test_nothing_seen_is_all_missing() -> None:
    seen = confidence(refined(PROTOTYPE, np.full(20, 0.02)))
    assert set(seen.status) == {"missing"} and seen.confidence.max() < 0.1

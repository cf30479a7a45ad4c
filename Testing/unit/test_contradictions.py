"""Missing only with a reason; landmarks that contradict each other; when a surface shows a face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sgcn_core import LandmarkDetector, Surface, demo_surface
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.pose.finder import PoseHypothesis
from sgcn_core.pose.search import Located
from sgcn_core.reduction import reduced
from sgcn_core.types.landmark_sets import mirror_label
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.uncertainty.absence import may_be_absent
from sgcn_core.uncertainty.assess import Assessment, contradicted, refuse_without_face
from sgcn_core.uncertainty.boundary import OpenEdges, open_edges
from sgcn_core.uncertainty.confidence import HeatmapConfidence
from sgcn_core.uncertainty.consistency import SAME_POINT, contradictions
from sgcn_core.uncertainty.expectation import Expectation
from sgcn_core.uncertainty.thresholds import Thresholds

LABELS = ("prn", "ibug30", "gn")
PROTOTYPE = np.array([[0.0, 0.0, 0.5], [0.0, 0.02, 0.5], [0.0, -0.5, 0.3]])
WITHOUT_EDGES = OpenEdges(np.empty((0, 2, 3)), np.empty(0))


def expectation(
    positions: np.ndarray, *, vagueness: float = 2.0, distance: Sequence[float] | None = None
) -> Expectation:
    count = len(positions)
    return Expectation(positions, np.full(count, vagueness), np.array(distance or [0.5] * count))


# May it be absent?


def sheet(side: int = 121, hole: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A plane of ``side`` mm in steps of 2, with a square hole in its middle."""
    x, y = np.meshgrid(np.arange(0.0, side, 2.0), np.arange(0.0, side, 2.0))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    ids = np.arange(x.size).reshape(x.shape)
    low, high = ids[:-1, :-1].ravel(), ids[1:, 1:].ravel()
    faces = np.concatenate(
        [np.stack([low, ids[:-1, 1:].ravel(), high], 1), np.stack([low, high, ids[1:, :-1].ravel()], 1)]
    )
    middle = np.abs(points[faces].mean(1)[:, :2] - side / 2).max(1) < hole / 2
    return points, faces[~middle]


@pytest.mark.parametrize(
    ("place", "hole", "possible"),
    [
        ((60.0, 30.0, 0.0), 0.0, False),
        ((60.0, 3.0, 0.0), 0.0, True),  # the end of the scan
        ((60.0, -9.0, 0.0), 0.0, True),  # beyond it
        ((60.0, 30.0, -8.0), 0.0, True),  # under a cover
        ((60.0, 60.0, 0.0), 0.0, False),
        ((60.0, 60.0, 0.0), 4.0, False),  # a fault of the mesh
        ((60.0, 60.0, 0.0), 20.0, True),
    ],
)
def test_a_landmark_may_be_absent_where_the_scan_ends_has_a_hole_or_shows_something_else(
    place: tuple[float, float, float], hole: float, possible: bool
) -> None:
    points, faces = sheet(hole=hole)
    nodes = points[np.unique(faces)]
    assert may_be_absent(expectation(np.array([place])), nodes, open_edges(points, faces), unit=1.0).tolist() == [
        possible
    ]


def test_a_landmark_far_from_where_it_is_expected_may_be_absent() -> None:
    expected = expectation(np.zeros((2, 3)), distance=[2.0, 6.0])
    assert may_be_absent(expected, np.zeros((1, 3)), WITHOUT_EDGES, unit=1.0).tolist() == [False, True]


def test_units_of_the_surface_do_not_matter() -> None:
    points, faces = sheet()
    places = points[::37]
    in_mm = may_be_absent(expectation(places), points, open_edges(points, faces), unit=1.0)
    small = points / 100.0
    scaled = Expectation(places / 100.0, np.full(len(places), 0.02), np.full(len(places), 0.5))
    np.testing.assert_array_equal(may_be_absent(scaled, small, open_edges(small, faces), unit=100.0), in_mm)
    assert 0 < in_mm.sum() < len(places)


# Contradictions


def off(moved: Sequence[float], distance: Sequence[float], told: Sequence[bool] = (True, True, True)) -> np.ndarray:
    """The first landmark moved by so many millimetres."""
    positions = PROTOTYPE.copy()
    positions[0] += np.array(moved) / 100.0
    expected = expectation(PROTOTYPE, distance=distance)
    return contradictions(LABELS, positions, np.array(told), PROTOTYPE, expected, unit=100.0)


def test_of_two_that_contradict_each_other_the_less_supported_is_not_believed() -> None:
    np.testing.assert_allclose(off((13.0, 0.0, 0.0), (6.0, 1.0, 0.5)), [13.0, 0.0, 0.0])
    np.testing.assert_allclose(off((13.0, 0.0, 0.0), (2.0, 1.5, 0.5)), [13.0, 13.0, 0.0])
    np.testing.assert_allclose(off((13.0, 0.0, 0.0), (6.0, 1.0, 0.5), told=(True, False, True)), [13.0, 0.0, 0.0])
    assert not off((13.0, 0.0, 0.0), (2.0, 1.0, 0.5), told=(True, False, True)).any()
    assert not off((4.0, 0.0, 0.0), (2.0, 1.0, 0.5)).any()  # as definitions differ


def test_every_pair_is_the_same_side_of_the_face(detector: LandmarkDetector) -> None:
    places = dict(zip(detector.checkpoint.labels, detector.checkpoint.prototype, strict=True))
    for one, other in SAME_POINT:
        assert detector.checkpoint.crop_radius * np.linalg.norm(places[one] - places[other]) < 3.0


def test_a_contradicted_landmark_is_uncertain_and_its_errors_say_why() -> None:
    told = Assessment(np.full(3, 0.95), ("found", "found", "missing"), np.full(3, 1.0), np.full(3, 2.0))
    after = contradicted(told, np.array([13.0, 0.0, 13.0]), Thresholds())
    assert after.status == ("uncertain", "found", "missing")
    np.testing.assert_allclose(after.error_bound, [13.0, 2.0, 13.0])
    assert after.confidence[0] < 0.5 < after.confidence[1] and after.expected_error[0] > 5.0


def test_a_box_beside_the_nose_does_not_carry_its_tip(
    detector: LandmarkDetector, face: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heatmap of `prn` is moved 13 mm sideways, its twin stays."""
    from sgcn_core.pipeline import Pipeline
    from sgcn_core.stages import Heatmaps

    honest = detector.detect(face)
    network = Pipeline.heatmaps

    def moved(self: Pipeline, graph, *, factor: float = 1.0) -> Heatmaps:
        seen = network(self, graph, factor=factor)
        place = seen.labels.index("prn")
        aside = graph.nodes[seen.values[:, place].argmax()] + [0.13, 0.02, -0.08]
        values = seen.values.copy()
        values[:, place] = np.exp(-0.5 * ((graph.nodes - aside) ** 2).sum(1) / self.checkpoint.sigma**2)
        return Heatmaps(seen.labels, values, graph, factor)

    monkeypatch.setattr(Pipeline, "heatmaps", moved)
    result: LandmarkResult = detector.detect(face)
    assert honest.status[honest.index("prn")] == "found"
    assert result.status[result.index("prn")] in ("uncertain", "missing")
    assert result.status[result.index("ibug30")] == "found"


# Left and right


def test_the_same_is_said_of_left_and_right_where_the_same_is_seen(detector: LandmarkDetector) -> None:
    labels, model = detector.checkpoint.labels, detector.pipeline.error_model
    assert model is not None
    features = np.tile(model.centre + model.scale, (len(labels), 1))
    estimate = model.estimate(features, within=4.0)
    mirrored = [labels.index(mirror_label(label)) for label in labels]
    np.testing.assert_allclose(estimate.bound, estimate.bound[mirrored], rtol=1e-6)
    np.testing.assert_allclose(estimate.absent, estimate.absent[mirrored], atol=1e-9)
    assert np.ptp(estimate.bound) > 0.5  # but not of all landmarks


# A face or not


def seen(height: float, best: float, count: int = 120) -> HeatmapConfidence:
    """A quarter of the landmarks seen ``best`` well, the others less."""
    confidence = np.full(count, height)
    confidence[: count // 4] = best
    return HeatmapConfidence(confidence, ("found",) * count, np.zeros(count))


def test_a_face_that_lacks_a_little_gets_a_second_look() -> None:
    thresholds = Thresholds()
    almost = seen(0.65, 0.89)  # 0.77 of 0.79
    refuse_without_face(almost, thresholds, pose_confidence=0.25)
    for confidence, what in ((0.15, almost), (None, almost), (0.25, seen(0.55, 0.87)), (0.25, seen(0.76, 0.79))):
        with pytest.raises(FaceNotFoundError, match="no face found"):
            refuse_without_face(what, thresholds, pose_confidence=confidence)


def test_without_a_clear_pose_high_heatmaps_are_no_face() -> None:
    clear = seen(0.85, 0.95)
    refuse_without_face(clear, Thresholds())
    refuse_without_face(clear, Thresholds(), pose_confidence=0.3)
    with pytest.raises(FaceNotFoundError, match=r"confidence of the pose 0\.03"):
        refuse_without_face(clear, Thresholds(), pose_confidence=0.03)


def test_where_the_head_was_hardly_found_no_landmark_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = LandmarkDetector.from_pretrained().pipeline
    monkeypatch.setattr(pipeline, "heatmaps", lambda *_, **__: pytest.fail("looked for"))
    clean = reduced(demo_surface()).cleaned()
    for confidence in (0.0, 0.09):
        nowhere = Located("mm", "stated", [PoseHypothesis(Similarity.identity(), confidence)])
        with pytest.raises(FaceNotFoundError, match="confidence of the pose"):
            pipeline.pose(clean, nowhere, seed=0)

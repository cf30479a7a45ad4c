"""Landmarks of a user's own: transfer, what training learns, weights, where they are placed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra `train`")

from own_scans import GUIDES, LABELS, OPTIONS, scan
from safetensors import safe_open
from scipy.spatial.transform import Rotation

from sgcn_core.adaptation.adapt import without_offsets
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import ModelError
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.graph.crop import CROP_RADIUS
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.own.head import HeadConfig, OwnHead
from sgcn_core.own.landmarks import OwnLandmarks
from sgcn_core.own.place import Guides, assess_own, place_own
from sgcn_core.own.transfer import thin_plate_spline
from sgcn_core.pipeline import Pipeline
from sgcn_core.training.own.scans import OwnData
from sgcn_core.training.own.train import OwnTraining, fit_own
from sgcn_core.types.surface import Surface
from sgcn_core.uncertainty.boundary import open_edges
from sgcn_core.uncertainty.thresholds import Thresholds
from sgcn_core.weights.checkpoint import load_checkpoint, save_checkpoint


def test_the_spline_reproduces_an_affine_map_and_meets_its_landmarks() -> None:
    rng = np.random.default_rng(0)
    source, points = rng.normal(size=(20, 3)), rng.normal(size=(5, 3))
    matrix, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    np.testing.assert_allclose(thin_plate_spline(source, source @ matrix + shift)(points), points @ matrix + shift)
    bent = source + 0.05 * np.sin(source)
    np.testing.assert_allclose(thin_plate_spline(source, bent)(source), bent, atol=0.01)
    with pytest.raises(ValueError, match="at least 8 landmarks that are seen, received 7"):
        thin_plate_spline(source[:7], source[:7])
    with pytest.raises(ValueError, match="one plane"):
        thin_plate_spline(source * [1, 1, 0], source)


def test_training_states_errors_for_every_landmark_and_is_repeatable(
    own_training: OwnTraining, own_pipeline: Pipeline, own_data: OwnData
) -> None:
    own, validation = own_training.own, own_training.validation
    assert set(own.labels) == set(LABELS)
    assert np.isfinite(own.bound).all() and (own.bound >= own.expected).all()
    spot = own.labels.index("spot")
    assert np.isnan(validation.stated[:2, spot]).all() and np.isfinite(validation.stated[2:]).all()
    # The guides are half a millimetre off per axis, so the transfer is about as good.
    assert np.nanmean(validation.transfer) < 2.0
    assert np.nanmean(validation.stated) < np.nanmean(validation.transfer) + 0.3
    assert own.share[own.labels.index("dot_r")] == own.share[own.labels.index("dot_l")]
    again = fit_own(own_pipeline, own_data, OPTIONS, began=0.0)
    for name, value in own.head.state_dict().items():
        assert torch.equal(value, again.own.head.state_dict()[name]), name
    np.testing.assert_array_equal(own.bound, again.own.bound)


def test_weights_with_own_landmarks_are_read_back_and_refused_by_older_versions(
    own_training: OwnTraining, tmp_path: Path
) -> None:
    path = tmp_path / "my.safetensors"
    save_checkpoint(own_training.checkpoint, path)
    loaded = load_checkpoint(path)
    assert loaded.own is not None and loaded.reported == own_training.own.labels and loaded.labels == GUIDES
    for name, value in own_training.own.tensors().items():
        torch.testing.assert_close(loaded.own.tensors()[name], value, msg=name)
    with safe_open(path, framework="pt") as archive:
        assert archive.metadata()["format"] == "sgcn-landmarks/2"
    assert loaded.own.info["options"]["seed"] == 0


def placed_on(training: OwnTraining, pipeline: Pipeline, graph: FaceGraph, guides: Guides) -> Any:
    embedding = pipeline.embedding(graph, training.own.head.config.blocks)
    return place_own(training.own, graph, embedding, guides, sigma=0.05, t=12, gamma=5.0)


def test_landmarks_lie_on_the_surface_and_transfer_turns_with_the_scan(
    own_training: OwnTraining, own_pipeline: Pipeline
) -> None:
    its = scan(own_pipeline, 50)
    placed = placed_on(own_training, own_pipeline, its.graph, its.guides)
    index = SurfaceIndex(its.graph.vertices, its.graph.faces)
    np.testing.assert_allclose(closest_on_surface(placed.positions, index), placed.positions, atol=1e-9)
    turn = Similarity(1.0, Rotation.from_euler("z", 40, degrees=True).as_matrix(), np.array([0.2, 0.0, 0.1]))
    moved = dataclasses.replace(its.guides, positions=turn.apply(its.guides.positions))
    turned = placed_on(own_training, own_pipeline, its.graph.moved(turn), moved)
    np.testing.assert_allclose(turned.transferred, turn.apply(placed.transferred), atol=1e-6)


def test_a_landmark_beyond_the_end_of_the_scan_is_missing(own_training: OwnTraining, own_pipeline: Pipeline) -> None:
    its = scan(own_pipeline, 51)
    right = own_training.own.labels.index("dot_r")
    kept = its.graph.vertices[its.graph.faces].mean(1)[:, 0] > -18.0 / CROP_RADIUS
    cut = dataclasses.replace(its.graph, faces=its.graph.faces[kept])
    placed = placed_on(own_training, own_pipeline, cut, its.guides)
    edges = open_edges(cut.vertices, cut.faces)
    found = assess_own(own_training.own, placed, edges, Thresholds(), unit=CROP_RADIUS, size=1.0)
    assert found.status[right] == "missing"
    assert found.status[own_training.own.labels.index("dot_l")] != "missing"


def test_head_and_transfer_that_contradict_each_other_are_never_called_found(
    own_training: OwnTraining, own_pipeline: Pipeline
) -> None:
    its = scan(own_pipeline, 52)
    placed = placed_on(own_training, own_pipeline, its.graph, its.guides)
    edges = open_edges(its.graph.vertices, its.graph.faces)
    far = dataclasses.replace(placed, by_head=placed.transferred + np.array([0.0, 50.0, 0.0]))  # 6 m
    found = assess_own(own_training.own, far, edges, Thresholds(), unit=CROP_RADIUS, size=1.0)
    assert set(found.status) <= {"uncertain", "missing"}
    np.testing.assert_allclose(found.error_bound, 6000.0)


def test_the_detector_reports_own_landmarks_alone_in_frame_and_unit_of_the_scan(
    detector: LandmarkDetector, face: Surface, tmp_path: Path
) -> None:
    """The mean face: a landmark whose mean place is that of pronasale is found at its pronasale."""
    known, labels = detector.checkpoint, ("tip", "corner_r", "corner_l")
    prototype = known.prototype[[known.labels.index(label) for label in ("prn", "ch_r", "ch_l")]]
    head = OwnHead(HeadConfig(landmarks=3, blocks=(0,), embedding=known.network.config.channels, hidden=4)).eval()
    with torch.no_grad():
        head.head.bias.fill_(0.6)  # seen everywhere alike: the share says that it has no say
    own = OwnLandmarks(
        labels=labels,
        prototype=prototype,
        head=head,
        share=np.zeros(3),
        expected=np.full(3, 1.0),
        bound=np.full(3, 2.0),
        disagreement=np.full(3, 500.0),
        peak=np.full(3, 0.1),
        ratios=np.array([0.5, 1.0, 1.5]),
    )
    weights = tmp_path / "mine.safetensors"
    save_checkpoint(dataclasses.replace(known, own=own), weights)
    seen: list[Any] = []
    in_metres = face.with_(vertices=face.vertices * 1e-3, unit="m")
    result = LandmarkDetector.from_pretrained(weights).detect(in_metres, observe=seen.append)
    assert result.labels == labels and result.unit == "m" and "missing" not in result.status
    truth = prototype * known.crop_radius + known.crop_centre  # the mean face stands in the head frame
    assert np.linalg.norm(result.positions * 1e3 - truth, axis=1).max() < 3.0
    assert result.position("corner_l")[0] > result.position("corner_r")[0]
    np.testing.assert_allclose(result.error_bound, 2.0)
    assert seen[-1].labels == labels and seen[-1].on_points(in_metres.vertices[:5], "tip").shape == (5,)
    with pytest.raises(ModelError, match="the weights lack"):
        LandmarkDetector.from_pretrained(weights).detect(in_metres, landmark_set="clinical")
    with pytest.raises(ModelError, match="train again"):
        without_offsets(LandmarkDetector.from_pretrained(weights))

"""The other methods of research/peers: their own parts, on tiny data with known answers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from research.peers import multiview
from research.peers.dense_points import defined_on
from research.peers.dfa_gcn import DFAGCN, TrainedDFAGCN
from research.peers.farthest_points import farthest_point_samples, farthest_points
from research.peers.mediapipe_faces import POINTS
from research.peers.meshmonk_transfer import POSITIONING, atlas_landmarks, registered_atlas
from research.peers.paconv import PAConv, gathered, relative_positions
from research.peers.scan_runs import MESHMONK, METHODS, MULTI_VIEW, OURS, ScanRun, common_labels
from research.peers.table import methods_table
from research.peers.unfolding import unfolded, unfolded_landmark
from sgcn_core.analysis.dense_model import dense_model
from sgcn_core.errors import ModelError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.fine import fine_neighbours


@pytest.fixture(scope="module")
def sphere() -> tuple[np.ndarray, np.ndarray]:
    """A sphere of radius 60 about the middle of the pictures, 1,280 triangles."""
    height = 1.0 - 2.0 * (np.arange(642) + 0.5) / 642
    turn, ring = np.pi * (1.0 + np.sqrt(5.0)) * np.arange(642), np.sqrt(1.0 - height**2)
    points = 60.0 * np.column_stack([ring * np.cos(turn), ring * np.sin(turn), height])
    return points + multiview._CENTRE, ConvexHull(points).simplices.astype(np.int64)


def cloud(count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    points = np.random.default_rng(0).normal(size=(count, 3))
    return torch.from_numpy(points).float()[None], torch.from_numpy(fine_neighbours(points, 5))[None]


# PAConv and 3DFA-GCN


def test_paconv_is_the_sum_over_edges_that_its_paper_prints() -> None:
    points, neighbours = cloud(12)
    torch.manual_seed(1)
    layer = PAConv(4, 6, matrices=3).eval()
    features = torch.randn(1, 12, 4)
    positions = relative_positions(points, neighbours)
    scores = layer.scores(positions).softmax(3)[0]
    expected = torch.zeros(12, 6)
    for i in range(12):
        for column, j in enumerate(neighbours[0, i]):
            edge = torch.cat([features[0, j] - features[0, i], features[0, i]])
            kernel = (scores[i, column, :, None, None] * layer.bank).sum(0)
            expected[i] += edge @ kernel
    found = layer(features, neighbours, positions)[0]
    assert torch.allclose(found, torch.relu(layer.norm(expected)), atol=1e-5)


def test_the_network_does_not_depend_on_the_order_of_the_points() -> None:
    points, neighbours = cloud()
    torch.manual_seed(1)
    network = DFAGCN(3, width=8, pooled=16).eval()
    order = torch.randperm(40)
    place = torch.argsort(order)
    with torch.no_grad():
        straight = network(points, neighbours)[0]
        mixed = network(points[:, order], place[neighbours[:, order]])[0]
    assert torch.allclose(mixed, straight[order], atol=1e-5)


def test_the_network_has_the_size_that_the_paper_states() -> None:
    count = sum(value.numel() for value in DFAGCN(68).parameters())
    assert count * 4 / 1e6 == pytest.approx(4.1, abs=0.1)  # MB, Table 2


def test_relative_positions_are_both_points_their_difference_and_distance() -> None:
    points, neighbours = cloud(6)
    described = relative_positions(points, neighbours)
    other = points[0, neighbours[0, 2, 3]]
    own = points[0, 2]
    expected = torch.cat([own, other, other - own, (other - own).norm()[None]])
    assert torch.equal(described[0, 2, 3], expected)
    assert torch.equal(gathered(points, neighbours)[0, 2, 3], other)


def test_a_saved_network_gives_the_same_landmarks(tmp_path, sphere) -> None:  # type: ignore[no-untyped-def]
    vertices, faces = sphere
    torch.manual_seed(0)
    front = np.array([[0.0, 0.0, 60.0], [20.0, 0.0, 55.0]]) + multiview._CENTRE
    trained = TrainedDFAGCN(DFAGCN(2).eval(), ("a", "b"), front, 60, {"steps": 1})
    trained.save(tmp_path / "network.safetensors")
    again = TrainedDFAGCN.load(tmp_path / "network.safetensors")
    assert (again.labels, again.nodes, again.info) == (("a", "b"), 60, {"steps": 1})
    found = trained.landmarks(vertices, faces)
    assert found.shape == (2, 3) and np.isfinite(found).all()
    np.testing.assert_array_equal(again.landmarks(vertices, faces), found)
    (tmp_path / "other.safetensors").write_bytes(
        (tmp_path / "network.safetensors").read_bytes().replace(b"peers", b"other")
    )
    with pytest.raises(ModelError, match="holds no network"):
        TrainedDFAGCN.load(tmp_path / "other.safetensors")


# Farthest points


def test_farthest_points_of_a_line() -> None:
    points = np.array([[x, 0.0, 0.0] for x in (0, 1, 2, 3, 10)])
    assert farthest_points(points, 4).tolist() == [0, 4, 3, 1]
    with pytest.raises(ValueError, match="1 to 5"):
        farthest_points(points, 6)


def test_farthest_point_samples_lie_on_the_surface_and_apart(sphere) -> None:  # type: ignore[no-untyped-def]
    vertices, faces = sphere
    samples = farthest_point_samples(vertices, faces, 50, seed=3)
    radius = np.linalg.norm(samples - multiview._CENTRE, axis=1)
    assert (radius > 59.0).all() and (radius <= 60.0 + 1e-9).all()
    apart = np.linalg.norm(samples[:, None] - samples[None], axis=2) + 1e3 * np.eye(50)
    assert apart.min() > 0.6 * np.sqrt(4 * np.pi * 60.0**2 / 50)  # of the side of a square with a sample's share


# Unfolding


def test_unfolding_keeps_all_distances_of_a_plane() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(10, 2))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    points = flat @ turn[:2] + (3.0, -1.0, 5.0)
    laid = unfolded(points)
    np.testing.assert_allclose(
        np.linalg.norm(laid[:, None] - laid[None], axis=2),
        np.linalg.norm(flat[:, None] - flat[None], axis=2),
        atol=1e-9,
    )


def test_on_a_plane_the_landmark_is_the_weighted_mean_of_the_highest_points() -> None:
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-9, 9, (80, 2)), np.full(80, 4.0)])
    heatmap = np.exp(-((points - (1.0, 2.0, 4.0)) ** 2).sum(1) / 8.0)
    highest = np.argsort(-heatmap)[:10]
    expected = heatmap[highest] @ points[highest] / heatmap[highest].sum()
    np.testing.assert_allclose(unfolded_landmark(points, heatmap), expected, atol=1e-6)


# Multi-view


def test_views_look_from_where_they_say() -> None:
    left = multiview.turned(40, 0).rotation
    above = multiview.turned(0, 15).rotation
    for rotation in (left, above):
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert left[2, 0] > 0.6  # towards a viewer on the subject's left
    assert above[2, 1] > 0.2 and above[1, 1] > 0.9


def test_rays_from_all_views_meet_in_the_points_of_a_sphere(sphere, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    vertices, faces = sphere
    front = vertices[(vertices - multiview._CENTRE)[:, 2] > 45.0][:6]
    of = iter(multiview.views())
    monkeypatch.setattr(
        multiview, "pictures", lambda vertices, faces, chosen: [np.zeros((2, 2, 3), np.uint8)] * len(chosen)
    )

    def find(picture: np.ndarray) -> np.ndarray:
        view = next(of)
        pixels = view.to_pixels(front)
        if view.direction.title == "20 0":
            pixels[0] += 60.0  # one view is wrong about one point: 30 mm
        return pixels

    found = multiview.multi_view_landmarks(vertices, faces, find)
    assert found is not None
    np.testing.assert_allclose(found, front, atol=1e-6)


def test_a_face_in_too_few_views_is_no_face(sphere, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    vertices, faces = sphere
    monkeypatch.setattr(
        multiview, "pictures", lambda vertices, faces, chosen: [np.zeros((2, 2, 3), np.uint8)] * len(chosen)
    )
    answers = iter([np.zeros((3, 2)), None, np.zeros((3, 2)), None, None, None, None])
    assert multiview.multi_view_landmarks(vertices, faces, lambda picture: next(answers)) is None


def test_lines_that_do_not_agree_have_no_consensus() -> None:
    origins = np.array([[0.0, 0, 100], [50, 0, 100], [0, 80, 100]])
    directions = np.array([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0]])
    assert np.isnan(multiview.consensus(origins, directions)).all()


def test_the_points_of_mediapipe_have_both_sides() -> None:
    assert {label for label in POINTS if label.startswith("ibug")} == {f"ibug{number}" for number in range(27, 68)}
    assert all(label[:-1] + "r" in POINTS for label in POINTS if label.endswith("_l"))
    assert all(0 <= point < 478 for points in POINTS.values() for point in points)
    assert len(common_labels()) == 51


def test_mediapipe_finds_no_face_on_an_empty_picture() -> None:
    pytest.importorskip("mediapipe", reason='the extra "peers" is not installed')
    from research.peers.mediapipe_faces import FaceLandmarker, model_bytes

    try:
        size = model_bytes()
    except ModelError as error:
        pytest.skip(str(error))
    assert 2e6 < size < 4e6
    with FaceLandmarker() as landmarker:
        assert landmarker.pixels(np.full((64, 64, 3), 200, np.uint8)) is None


# MeshMonk


def test_the_atlas_is_placed_by_five_points_and_registered_with_the_face_alone(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    meshmonk = pytest.importorskip("meshmonk", reason='the extra "peers" is not installed')
    model = dense_model()
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    scan = Similarity(1.1, turn, np.array([5.0, -3.0, 20.0])).apply(model.mean)
    placed = {label: scan[model.landmarks[model.labels.index(label)]] for label in POSITIONING}
    far = scan[:3] + 400.0  # a collar
    vertices, faces = np.vstack([scan, far]), np.vstack([model.faces, len(scan) + np.arange(3)[None]])
    given = {}

    def register(**arguments: object) -> SimpleNamespace:
        given.update(arguments)
        return SimpleNamespace(aligned_vertices=arguments["floating_features"][:, :3] + 1.0)  # type: ignore[index]

    monkeypatch.setattr(meshmonk, "pyramid_register", register)
    atlas = registered_atlas(vertices, faces, placed)
    np.testing.assert_allclose(given["floating_features"][:, :3], scan, atol=1e-3)
    np.testing.assert_allclose(given["target_features"][:, :3], scan, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(given["target_features"][:, 3:], axis=1), 1.0, atol=1e-5)
    expected = scan[model.landmarks[model.labels.index("sn")]] + 1.0
    np.testing.assert_allclose(atlas_landmarks(atlas)["sn"], expected, atol=1e-3)


def test_a_missing_positioning_landmark_is_named() -> None:
    model = dense_model()
    placed = {label: np.zeros(3) for label in POSITIONING} | {"prn": np.full(3, np.nan)}
    with pytest.raises(ValueError, match="landmarks prn are missing"):
        registered_atlas(model.mean, model.faces, placed)


# Tables


def run_of(name: str, offset: tuple[float, float, float], wrong: float) -> ScanRun:
    """A scan with two landmarks: one method is off by a constant, one finds no face, ours by ``wrong`` along z."""
    truth = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])
    nowhere = np.full((2, 3), np.nan)
    found = {OURS: truth + np.array([0.0, 0.0, wrong]), MULTI_VIEW: truth + np.array(offset), MESHMONK: nowhere}
    seconds = dict.fromkeys(METHODS, 1.0)
    return ScanRun("scans", name, "somebody", ("prn", "sn"), truth, found, seconds, np.eye(3))


def test_a_constant_offset_counts_as_error_and_not_as_inconsistency(tmp_path) -> None:  # type: ignore[no-untyped-def]
    runs = [run_of(name, (0.0, 3.0, 4.0), wrong) for name, wrong in (("a", 1.0), ("b", -1.0), ("c", 3.0))]
    runs[0].save(tmp_path / "a.npz", "c0ffee")
    runs[0] = ScanRun.load(tmp_path / "a.npz", "c0ffee")
    rows = {row["method"]: row for row in methods_table({"scans": runs}, "").rows}
    assert rows[MULTI_VIEW]["mean mm"] == pytest.approx(5.0)
    assert rows[MULTI_VIEW]["without mean offsets"] == pytest.approx(0.0)
    assert rows[OURS]["mean mm"] == pytest.approx(5.0 / 3.0)
    assert rows[OURS]["without mean offsets"] == pytest.approx(4.0 / 3.0)  # 0, -2 and 2 about the mean of 1
    assert (rows[MESHMONK]["no face"], rows[MESHMONK]["not placed"], rows[MESHMONK]["landmarks"]) == (3, 6, 0)


def test_what_was_kept_with_other_weights_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    run_of("a", (0.0, 0.0, 0.0), 1.0).save(tmp_path / "a.npz", "c0ffee")
    with pytest.raises(SystemExit, match=r"a\.npz is of other weights \(c0ffee\), wanted are 7ea"):
        ScanRun.load(tmp_path / "a.npz", "7ea")


# Points across topologies


def test_places_defined_on_people_are_found_again_on_others(sphere) -> None:  # type: ignore[no-untyped-def]
    vertices, faces = sphere
    people = [vertices * scale for scale in (0.9, 1.0, 1.2)]
    places = faces[::300]
    points = [person[places].mean(1) for person in people]
    definition = defined_on(vertices, faces, people, points)
    other = vertices * (1.1, 0.8, 1.0)
    np.testing.assert_allclose(definition.on(other, faces), other[places].mean(1), atol=1e-6)
    assert definition.spread.max() < 1e-6

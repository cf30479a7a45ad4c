"""Every fast function against the equation of the paper that it computes (`sgcn_core.paper`), on random inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bumpy_patch import bumpy_patch
from scipy.spatial.transform import Rotation

from sgcn_core import paper
from sgcn_core.geometry.similarity import standardise_paper
from sgcn_core.graph import coarse
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.layers import CoarseConv, FineConv, Neighbourhood
from sgcn_core.model.loss import adaptive_wing_loss
from sgcn_core.refinement import refine, top_nodes, weighted_mean
from sgcn_core.refinement.mse_over_mesh import gaussians

SEEDS = range(3)


def points(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(-1, 1, (*shape, 3))


# --- section 3.2 and Eq. 1 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_standardisation(seed: int) -> None:
    cloud = points(np.random.default_rng(seed), 50) * (70, 100, 60) + (5, -30, 200)
    np.testing.assert_allclose(standardise_paper(cloud).apply(cloud), paper.standardise(cloud), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_papers_alignment_removes_the_pose_and_never_mirrors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cloud = points(rng, 60) * (100, 60, 30) + rng.normal(size=3)
    reference = np.eye(3)
    upright = paper.standardise(cloud, reference)
    turned = Rotation.from_rotvec(rng.normal(size=3) * 0.2).apply(cloud) * 25.4 + 7
    np.testing.assert_allclose(paper.standardise(turned, reference), upright, atol=1e-9)
    assert np.linalg.det(np.linalg.lstsq(cloud - cloud.mean(axis=0), upright, rcond=None)[0]) > 0
    assert (np.diff(upright.var(axis=0)) < 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_eq_1_heatmap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices, landmarks, sigma = points(rng, 90), points(rng, 11), rng.uniform(0.02, 0.5)
    expected = paper.gaussian_heatmap(vertices, landmarks, sigma)
    fast = gaussian_heatmaps(torch.from_numpy(vertices)[None], torch.from_numpy(landmarks)[None], sigma=sigma)
    np.testing.assert_allclose(fast[0].numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(gaussians(landmarks, vertices, sigma).T, expected, atol=1e-12)


# --- Eq. 2 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_eq_2_on_the_fine_graph(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes, k = 60, 7
    cloud, features = points(rng, nodes), rng.normal(size=(nodes, 6))
    neighbours = np.argsort(np.linalg.norm(cloud[:, None] - cloud[None], axis=2), axis=1)[:, :k]
    conv = FineConv(6, 9).double()
    edges = np.stack([np.repeat(np.arange(nodes), k), neighbours.ravel()], axis=1)
    found = conv(torch.from_numpy(features), Neighbourhood(torch.from_numpy(neighbours)))
    np.testing.assert_allclose(found.detach().numpy(), _eq_2(conv, features, edges), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_eq_2_on_the_coarse_graph(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = 60
    features, members = rng.normal(size=(nodes, 6)), rng.random(nodes) < 0.2
    inside, outside = np.flatnonzero(members), np.flatnonzero(~members)
    complete = np.stack(np.meshgrid(inside, inside, indexing="ij"), axis=-1).reshape(-1, 2)
    conv = CoarseConv(6, 9).double()
    edges = np.concatenate([complete, np.stack([outside, outside], axis=1)])
    found = conv(torch.from_numpy(features), torch.from_numpy(members).double().view(1, -1, 1))
    np.testing.assert_allclose(found.detach().numpy(), _eq_2(conv, features, edges), atol=1e-12)


def _eq_2(conv: FineConv | CoarseConv, features: np.ndarray, edges: np.ndarray) -> np.ndarray:
    weight, bias = (parameter.detach().numpy() for parameter in (conv.linear.weight, conv.linear.bias))
    return paper.graph_convolution(features, edges, weight, bias)


# --- Eq. 3 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_eq_3_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.random((40, 5)), rng.normal(0.3, 0.8, (40, 5))
    settings = {"omega": 14.0, "theta": 0.5, "alpha": 2.1, "epsilon": 1.0, "beta": 50.0}
    if seed:
        settings = {name: value * rng.uniform(1.0, 1.5) for name, value in settings.items()}
    fast = adaptive_wing_loss(torch.from_numpy(predicted), torch.from_numpy(truth), **settings)
    assert float(fast) == pytest.approx(paper.adaptive_wing_loss(truth, predicted, **settings).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("truth", "slope", "offset"),
    [(0.0, 11.1214, 2.6255), (0.25, 11.2486, 2.1968), (0.5, 11.1127, 1.5651), (1.0, 9.7978, -0.4615)],
)
def test_eq_3_has_the_slope_and_offset_of_the_adaptive_wing_loss(truth: float, slope: float, offset: float) -> None:
    distance = np.array([0.6, 1.5])
    loss = paper.adaptive_wing_loss(np.full(2, truth), truth + distance)
    np.testing.assert_allclose(loss / (1 + 50 * truth), slope * distance - offset, atol=2e-4)


@pytest.mark.parametrize("truth", [0.0, 0.25, 0.5, 1.0])
def test_the_branches_of_eq_3_meet_with_value_and_slope(truth: float) -> None:
    distance = 0.5 + np.array([-1e-4, -1e-9, 1e-9, 1e-4])
    below, left, right, above = paper.adaptive_wing_loss(np.full(4, truth), truth - distance)
    assert left == pytest.approx(right, rel=1e-6)
    assert left - below == pytest.approx(above - right, rel=1e-3)


# --- Eq. 4 and 5 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_eq_4_prototype(seed: int) -> None:
    landmarks = points(np.random.default_rng(seed), 12, 7)
    np.testing.assert_allclose(coarse.prototype(landmarks), paper.prototype(landmarks), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("nodes", [30, 500])  # with few nodes, landmarks share some
def test_eq_5_coarse_set(seed: int, nodes: int) -> None:
    rng = np.random.default_rng(seed)
    vertices, mean = points(rng, nodes), points(rng, 68)
    found = coarse.coarse_set(vertices, mean)
    assert found.dtype == np.int64
    assert found.tolist() == paper.coarse_set(vertices, mean).tolist()
    assert len(found) <= min(nodes, 68)


# --- Eq. 6 to 8 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("t", [1, 6, 12])
def test_eq_6_weighted_mean(seed: int, t: int) -> None:
    rng = np.random.default_rng(seed)
    nodes, heatmaps = points(rng, 80), rng.normal(size=(80, 5))
    ids, values = top_nodes(heatmaps, t)
    expected = np.stack([paper.weighted_mean(nodes[paper.top(h, t)], h[paper.top(h, t)]) for h in heatmaps.T])
    np.testing.assert_allclose(weighted_mean(nodes[ids], values), expected, atol=1e-12)


def test_eq_6_of_the_training_loop() -> None:
    pytest.importorskip("torch_geometric", reason="training needs the extra `train`")
    from sgcn_core.training.validation import weighted_means

    rng = np.random.default_rng(0)
    nodes, heatmaps = points(rng, 2, 80), rng.normal(size=(2, 80, 5))
    found = weighted_means(torch.from_numpy(heatmaps), torch.from_numpy(nodes))
    for graph in range(2):
        for landmark in range(5):
            chosen = paper.top(heatmaps[graph, :, landmark])
            expected = paper.weighted_mean(nodes[graph, chosen], heatmaps[graph, chosen, landmark])
            np.testing.assert_allclose(found[graph, landmark].numpy(), expected, atol=1e-12)


def test_eq_6_without_its_factor_moves_with_the_nodes() -> None:
    rng = np.random.default_rng(0)
    positions, values, shift = points(rng, 12), rng.random(12), np.array([5.0, -2.0, 1.0])
    moved = paper.weighted_mean(positions + shift, values)
    np.testing.assert_allclose(moved, paper.weighted_mean(positions, values) + shift)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["clean", "low and noisy", "noise", "negative"])
def test_eq_6_to_8_mse_over_mesh(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    mesh, faces = bumpy_patch(60)
    nodes = mesh[rng.choice(len(mesh), 1200, replace=False)] + 0.003 * points(rng, 1200)
    landmarks = mesh[rng.choice(len(mesh), 6)] + 0.01 * points(rng, 6)
    clean = paper.gaussian_heatmap(nodes, landmarks)
    noise = rng.normal(size=clean.shape)
    heatmaps = {
        "clean": clean,
        "low and noisy": 0.4 * clean + 0.05 * noise,
        "noise": noise,
        "negative": -0.1 - clean,
    }[kind]
    for t, gamma in ((12, 5.0), (1 + seed, 1.5 + seed)):
        found = refine(heatmaps, nodes, mesh, faces, mode="paper", t=t, gamma=gamma)
        expected = [paper.mse_over_mesh(column, nodes, mesh, t=t, gamma=gamma) for column in heatmaps.T]
        assert found.vertex.tolist() == expected
        np.testing.assert_array_equal(found.positions, mesh[expected])


def test_eq_7_holds_all_vertices_of_the_ball_and_none_beyond() -> None:
    rng = np.random.default_rng(0)
    mesh, positions = points(rng, 400), 0.05 * points(rng, 12)
    mean = positions.mean(axis=0)
    ball = paper.candidate_vertices(mesh, mean, positions, gamma=5.0)
    distance = np.linalg.norm(mesh - mean, axis=1)
    radius = 5.0 * np.linalg.norm(positions - mean, axis=1).max()
    assert 0 < len(ball) < 400 and distance[ball].max() <= radius < np.delete(distance, ball).min()


def test_eq_8_without_candidates_takes_the_nearest_vertex() -> None:
    rng = np.random.default_rng(0)
    nodes, mesh = 0.02 * points(rng, 30), points(rng, 4) + 3
    heatmap = rng.random(30)
    found = paper.mse_over_mesh(heatmap, nodes, mesh, gamma=1.01)
    chosen = paper.top(heatmap)
    mean = paper.weighted_mean(nodes[chosen], heatmap[chosen])
    assert found == np.linalg.norm(mesh - mean, axis=1).argmin()

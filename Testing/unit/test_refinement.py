"""Stage 2: positions on a generated surface from heatmaps whose truth is known (Eq. 1)."""

from __future__ import annotations

import numpy as np
import pytest
from bumpy_patch import bumpy_patch, points_on

from sgcn_core.errors import SurfaceError
from sgcn_core.paper import gaussian_heatmap, mse_over_mesh
from sgcn_core.refinement import MODES, RefinementMode, SurfaceIndex, near_centre, refine, top_nodes, weighted_mean
from sgcn_core.refinement.mse_over_mesh import vertex_errors
from sgcn_core.refinement.top_nodes import TopNodes

SIGMA = 0.03
Mesh = tuple[np.ndarray, np.ndarray]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=1)


@pytest.fixture(scope="module")
def patch() -> Mesh:
    return bumpy_patch(70)


@pytest.fixture(scope="module")
def nodes(patch: Mesh) -> np.ndarray:
    return points_on(*patch, 2500, seed=2)


@pytest.fixture(scope="module")
def truth(patch: Mesh) -> np.ndarray:
    return points_on(*patch, 30, seed=3, inner=0.42)


# --- top nodes and weighted mean -----------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [3, 40, 10**6])
@pytest.mark.parametrize("t", [1, 12, 100, 300, 500])
def test_top_nodes_equal_a_stable_sort(levels: int, t: int) -> None:
    heatmaps = np.random.default_rng(0).integers(-levels, levels, size=(300, 7)).astype(np.float32)
    ids, values = top_nodes(heatmaps, t)
    expected = np.argsort(-heatmaps.T, axis=1, kind="stable")[:, :t]
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(values, np.take_along_axis(heatmaps.T, expected, axis=1))


def test_top_nodes_of_flat_heatmaps_are_the_first() -> None:
    ids, values = top_nodes(np.zeros((50, 2)), 4)
    np.testing.assert_array_equal(ids, [[0, 1, 2, 3]] * 2)
    assert not values.any()


@pytest.mark.parametrize(
    ("heatmaps", "t", "message"),
    [
        (np.zeros(5), 1, "shape"),
        (np.zeros((0, 2)), 1, "shape"),
        (np.full((5, 1), np.nan), 1, "NaN"),
        (np.ones((5, 1)), 0, "t,"),
    ],
)
def test_top_nodes_refuse_what_they_cannot_use(heatmaps: np.ndarray, t: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        top_nodes(heatmaps, t)


def test_weighted_mean_of_equal_values_is_the_centroid_and_moves_with_the_nodes() -> None:
    positions = np.random.default_rng(0).normal(size=(3, 12, 3))
    mean = weighted_mean(positions, np.full((3, 12), 0.4))
    np.testing.assert_allclose(mean, positions.mean(axis=1))
    values = np.random.default_rng(1).random((3, 12))
    shift = np.array([5.0, -2.0, 1.0])
    # With the factor 1/i that Eq. 6 prints, this would not hold.
    np.testing.assert_allclose(weighted_mean(positions + shift, values), weighted_mean(positions, values) + shift)


def test_weighted_mean_uses_the_softmax_of_kept_nodes() -> None:
    positions = np.array([[[0.0, 0, 0], [1.0, 0, 0], [9.0, 9, 9]]])
    mean = weighted_mean(positions, [[np.log(3.0), 0.0, 5.0]], [[True, True, False]])
    np.testing.assert_allclose(mean, [[0.25, 0.0, 0.0]])


def test_strays_do_not_outvote_the_group() -> None:
    rng = np.random.default_rng(0)
    group, strays = 0.02 * rng.normal(size=(5, 3)), rng.uniform(1.0, 3.0, size=(7, 3))
    positions = np.concatenate([strays, group])[None]
    values = np.concatenate([np.full(7, 0.11), np.full(5, 0.15)])[None]
    np.testing.assert_array_equal(near_centre(positions, values, 4 * SIGMA), [[False] * 7 + [True] * 5])


# --- mode "paper": Eq. 6-8 as printed; test_paper.py compares it with the equations themselves --------------------


def test_paper_mode_breaks_ties_by_vertex_id() -> None:
    # Four nodes at the corners of a square and a surface that repeats every vertex: all errors come in exact groups.
    nodes = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0]]) * 0.015625
    rng = np.random.default_rng(0)
    grid = 0.0078125 * np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3)
    vertices = np.concatenate([grid, grid])[rng.permutation(2 * len(grid))]
    faces = rng.integers(0, len(vertices), size=(10, 3))
    for height in (0.2, 0.5, 0.9):
        heatmap = np.full((4, 1), height)
        found = refine(heatmap, nodes, vertices, faces, mode="paper", t=4)
        assert found.vertex[0] == mse_over_mesh(heatmap[:, 0], nodes, vertices, t=4)


def test_paper_mode_returns_the_true_vertex(patch: Mesh, nodes: np.ndarray) -> None:
    vertices, faces = patch
    inner = np.flatnonzero((np.abs(vertices[:, :2]) < 0.45).all(axis=1))
    chosen = np.random.default_rng(4).choice(inner, 40, replace=False)
    found = refine(gaussian_heatmap(nodes, vertices[chosen]), nodes, vertices, faces, mode="paper")
    np.testing.assert_array_equal(found.vertex, chosen)
    np.testing.assert_allclose(found.residual, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.amplitude, 1.0)


def test_residual_is_the_root_of_equation_8(patch: Mesh, nodes: np.ndarray, truth: np.ndarray) -> None:
    heatmaps = 0.8 * gaussian_heatmap(nodes, truth[:3])
    found = refine(heatmaps, nodes, *patch, mode="paper")
    for landmark in range(3):
        top = np.argsort(-heatmaps[:, landmark])[:12]
        gauss = gaussian_heatmap(nodes[top], found.positions[landmark : landmark + 1])[:, 0]
        expected = np.sqrt(((heatmaps[top, landmark] - gauss) ** 2).mean())
        assert found.residual[landmark] == pytest.approx(expected)
    np.testing.assert_array_equal(found.peak, heatmaps.max(axis=0))


# --- accuracy of the modes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [10, 25, 70])
def test_surface_mode_finds_points_between_vertices(side: int) -> None:
    vertices, faces = bumpy_patch(side)
    nodes, truth = points_on(vertices, faces, 2500, seed=2), points_on(vertices, faces, 30, seed=5, inner=0.42)
    heatmaps = gaussian_heatmap(nodes, truth)
    surface = refine(heatmaps, nodes, vertices, faces)
    paper = refine(heatmaps, nodes, vertices, faces, mode="paper")
    assert distance(surface.positions, truth).max() < 0.01 * SIGMA
    assert distance(surface.positions, truth).mean() < 0.02 * distance(paper.positions, truth).mean()
    np.testing.assert_allclose(surface.amplitude, 1.0, atol=1e-2)


def test_free_amplitude_survives_low_noisy_heatmaps(patch: Mesh, nodes: np.ndarray, truth: np.ndarray) -> None:
    clean = gaussian_heatmap(nodes, truth)
    heatmaps = 0.6 * clean + 0.03 * np.random.default_rng(6).normal(size=clean.shape)
    error = {mode: distance(refine(heatmaps, nodes, *patch, mode=mode).positions, truth) for mode in MODES}
    assert error["paper"].mean() > 0.5 * SIGMA
    assert error["amplitude"].mean() < 0.2 * SIGMA
    assert error["surface"].mean() < 0.1 * SIGMA
    assert error["surface"].max() < 0.4 * SIGMA
    assert error["surface"].mean() < error["mean"].mean()
    assert refine(heatmaps, nodes, *patch).amplitude == pytest.approx(0.6, abs=0.15)


@pytest.mark.parametrize("height", [0.3, 1.0])
def test_surface_mode_does_not_depend_on_the_height(
    patch: Mesh, nodes: np.ndarray, truth: np.ndarray, height: float
) -> None:
    found = refine(height * gaussian_heatmap(nodes, truth), nodes, *patch)
    assert distance(found.positions, truth).max() < 0.02 * SIGMA
    np.testing.assert_allclose(found.amplitude, height, rtol=0.02)


@pytest.mark.parametrize("value", [0.5, 2.0])
def test_one_stray_node_does_not_move_the_result(
    patch: Mesh, nodes: np.ndarray, truth: np.ndarray, value: float
) -> None:
    heatmaps = gaussian_heatmap(nodes, truth)
    with_stray = heatmaps.copy()
    for landmark, point in enumerate(truth):
        with_stray[distance(nodes, point[None]).argmax(), landmark] = value
    for mode in ("surface", "amplitude"):
        found = refine(with_stray, nodes, *patch, mode=mode)
        clean = refine(heatmaps, nodes, *patch, mode=mode, t=11)
        np.testing.assert_allclose(found.positions, clean.positions, atol=1e-4 * SIGMA)
    assert found.spread.max() < 3 * SIGMA


def test_no_nearby_point_of_the_surface_is_better(patch: Mesh, nodes: np.ndarray, truth: np.ndarray) -> None:
    vertices, faces = patch
    clean = gaussian_heatmap(nodes, truth)
    heatmaps = 0.5 * clean + 0.04 * np.random.default_rng(11).normal(size=clean.shape)
    found = refine(heatmaps, nodes, vertices, faces)
    ids, values = top_nodes(heatmaps)
    keep = near_centre(nodes[ids], values, 4 * SIGMA)
    top = TopNodes(nodes[ids], values, keep, found.mean, SIGMA, free_amplitude=True)
    samples = points_on(vertices, faces, 40_000, seed=12)
    for landmark, position in enumerate(found.positions):
        near = samples[distance(samples, found.mean[landmark][None]) < 4 * SIGMA]
        reached = vertex_errors(top, landmark, position[None])[0]
        assert reached <= vertex_errors(top, landmark, near).min() + 1e-12


# --- invariances and validity --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_results_move_with_the_surface(patch: Mesh, nodes: np.ndarray, truth: np.ndarray, mode: str) -> None:
    vertices, faces = patch
    rotation = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    shift = np.array([0.3, -0.2, 0.1])
    heatmaps = gaussian_heatmap(nodes, truth)
    here = refine(heatmaps, nodes, vertices, faces, mode=mode)
    there = refine(heatmaps, nodes @ rotation.T + shift, vertices @ rotation.T + shift, faces, mode=mode)
    np.testing.assert_allclose(there.positions, here.positions @ rotation.T + shift, atol=1e-7)
    np.testing.assert_allclose(there.residual, here.residual, atol=1e-7)


@pytest.mark.parametrize("mode", MODES)
def test_results_scale_with_the_unit(patch: Mesh, nodes: np.ndarray, truth: np.ndarray, mode: str) -> None:
    vertices, faces = patch
    heatmaps = gaussian_heatmap(nodes, truth)
    here = refine(heatmaps, nodes, vertices, faces, mode=mode)
    there = refine(heatmaps, 100.0 * nodes, 100.0 * vertices, faces, mode=mode, sigma=100.0 * SIGMA)
    np.testing.assert_allclose(there.positions, 100.0 * here.positions, atol=1e-5)
    np.testing.assert_allclose(there.spread, 100.0 * here.spread)


def test_order_of_landmarks_nodes_vertices_and_faces_does_not_matter(
    patch: Mesh, nodes: np.ndarray, truth: np.ndarray
) -> None:
    vertices, faces = patch
    rng = np.random.default_rng(9)
    heatmaps = gaussian_heatmap(nodes, truth)
    columns, rows, order = rng.permutation(len(truth)), rng.permutation(len(nodes)), rng.permutation(len(vertices))
    renumbered = np.argsort(order)[faces][rng.permutation(len(faces))]
    here = refine(heatmaps, nodes, vertices, faces)
    there = refine(heatmaps[rows][:, columns], nodes[rows], vertices[order], renumbered)
    np.testing.assert_allclose(there.positions, here.positions[columns], atol=1e-7)


@pytest.mark.parametrize("kind", ["clean", "noisy", "flat", "zero", "negative", "pure noise"])
@pytest.mark.parametrize("t", [1, 2, 12])
def test_surface_results_lie_on_the_surface(
    patch: Mesh, nodes: np.ndarray, truth: np.ndarray, kind: str, t: int
) -> None:
    vertices, faces = patch
    clean = gaussian_heatmap(nodes, truth)
    noise = np.random.default_rng(10).normal(size=clean.shape)
    heatmaps = {
        "clean": clean,
        "noisy": 0.3 * clean + 0.05 * noise,
        "flat": np.full_like(clean, 0.02),
        "zero": np.zeros_like(clean),
        "negative": -0.01 - 0.001 * np.abs(noise),
        "pure noise": 0.01 * noise,
    }[kind]
    found = refine(heatmaps, nodes, vertices, faces, t=t)
    assert (found.barycentric >= 0.0).all()
    np.testing.assert_allclose(found.barycentric.sum(axis=1), 1.0, atol=1e-12)
    on_triangle = np.einsum("lk,lkc->lc", found.barycentric, vertices[faces[found.triangle]])
    np.testing.assert_allclose(found.positions, on_triangle, atol=1e-12)
    for values in (found.residual, found.amplitude, found.peak, found.spread, found.mean):
        assert np.isfinite(values).all()
    # Where nothing is known, the answer stays within the ball around m.
    assert distance(found.positions, found.mean).max() < 7 * SIGMA
    if kind not in ("clean", "noisy"):
        assert found.peak.max() < 0.1


def test_modes_say_what_they_chose(patch: Mesh, nodes: np.ndarray, truth: np.ndarray) -> None:
    vertices, faces = patch
    found = {mode: refine(gaussian_heatmap(nodes, truth), nodes, vertices, faces, mode=mode) for mode in MODES}
    np.testing.assert_array_equal(found["mean"].positions, found["mean"].mean)
    for mode in ("paper", "amplitude"):
        np.testing.assert_array_equal(found[mode].positions, vertices[found[mode].vertex])
    for mode in ("mean", "surface"):
        assert (found[mode].vertex == -1).all()
    for mode in ("mean", "paper", "amplitude"):
        assert (found[mode].triangle == -1).all()
    same = RefinementMode("own", candidates="triangles", free_amplitude=True, robust=True)
    np.testing.assert_array_equal(
        refine(gaussian_heatmap(nodes, truth), nodes, vertices, faces, mode=same).positions,
        found["surface"].positions,
    )


# --- unusual surfaces ----------------------------------------------------------------------------------------------


def test_two_large_triangles_are_searched_inside() -> None:
    vertices = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    nodes, truth = points_on(vertices, faces, 8000, seed=0), points_on(vertices, faces, 20, seed=1) * 0.9
    heatmaps = gaussian_heatmap(nodes, truth)
    assert distance(refine(heatmaps, nodes, vertices, faces).positions, truth).max() < 0.01 * SIGMA
    # No vertex in any ball: Eq. 8 has no candidates, and the nearest vertex is the answer.
    paper = refine(heatmaps, nodes, vertices, faces, mode="paper", gamma=1.01)
    np.testing.assert_array_equal(
        paper.vertex, [np.linalg.norm(vertices - mean, axis=1).argmin() for mean in paper.mean]
    )


def test_vertices_without_triangles_and_flat_triangles_do_no_harm(
    patch: Mesh, nodes: np.ndarray, truth: np.ndarray
) -> None:
    vertices, faces = patch
    heatmaps = gaussian_heatmap(nodes, truth)
    more_vertices = np.concatenate([truth, vertices])
    more_faces = np.concatenate([[[40, 40, 41], [50, 50, 50]], faces + len(truth)])
    found = refine(heatmaps, nodes, more_vertices, more_faces)
    np.testing.assert_allclose(found.positions, refine(heatmaps, nodes, vertices, faces).positions, atol=1e-7)
    paper = refine(heatmaps, nodes, more_vertices, more_faces, mode="paper")
    np.testing.assert_array_equal(paper.vertex, np.arange(len(truth)))


def test_a_prepared_surface_gives_the_same(patch: Mesh, nodes: np.ndarray, truth: np.ndarray) -> None:
    from scipy.spatial import cKDTree

    vertices, faces = patch
    index = SurfaceIndex(vertices, faces, tree=cKDTree(vertices))
    heatmaps = gaussian_heatmap(nodes, truth)
    for mode in ("surface", "paper"):
        prepared = refine(heatmaps, nodes, vertices, faces, mode=mode, index=index)
        np.testing.assert_array_equal(prepared.positions, refine(heatmaps, nodes, vertices, faces, mode=mode).positions)


def test_no_landmarks_give_an_empty_result(patch: Mesh, nodes: np.ndarray) -> None:
    assert refine(np.zeros((len(nodes), 0)), nodes, *patch).positions.shape == (0, 3)


def test_wrong_input_is_named(patch: Mesh, nodes: np.ndarray) -> None:
    vertices, faces = patch
    heatmaps = np.zeros((len(nodes), 2))
    with pytest.raises(ValueError, match="choose one of mean, paper, amplitude, surface"):
        refine(heatmaps, nodes, vertices, faces, mode="best")
    with pytest.raises(ValueError, match="row per row"):
        refine(heatmaps[1:], nodes, vertices, faces)
    with pytest.raises(ValueError, match="gamma"):
        refine(heatmaps, nodes, vertices, faces, gamma=1.0)
    with pytest.raises(ValueError, match="candidates"):
        RefinementMode("own", candidates="edges", free_amplitude=True, robust=True)
    with pytest.raises(ValueError, match="index"):
        refine(heatmaps, nodes, vertices[1:], faces, index=SurfaceIndex(vertices, faces))
    with pytest.raises(SurfaceError, match="refer to vertices"):
        refine(heatmaps, nodes, vertices, faces + 1)
    with pytest.raises(SurfaceError, match="KD-tree"):
        from scipy.spatial import cKDTree

        SurfaceIndex(vertices, faces, tree=cKDTree(vertices[1:]))

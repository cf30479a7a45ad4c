"""Areas, normals and points of triangles, against closed forms and plain NumPy; random points uniform in area."""

from __future__ import annotations

import numpy as np
import pytest

from sgcn_core.geometry import triangles
from sgcn_core.geometry.area_sampling import sample_by_area

RNG = np.random.default_rng(3)
VERTICES = RNG.normal(size=(40, 3))
FACES = RNG.permutation(np.arange(120).reshape(-1, 3) % 40)


def plain_cross() -> np.ndarray:
    a, b, c = VERTICES[FACES].transpose(1, 0, 2)
    return np.cross(b - a, c - a)


def test_cross_products_areas_and_normals_are_those_of_the_plain_formula_to_the_last_bit() -> None:
    cross = plain_cross()
    doubled = np.linalg.norm(cross, axis=1)
    np.testing.assert_array_equal(triangles.cross_products(VERTICES, FACES), cross)
    np.testing.assert_array_equal(triangles.triangle_areas(VERTICES, FACES), doubled / 2)
    np.testing.assert_array_equal(triangles.triangle_normals(VERTICES, FACES), cross / doubled[:, None])


def test_areas_do_not_depend_on_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = triangles.triangle_areas(VERTICES, FACES)
    monkeypatch.setattr(triangles, "_BLOCK", 7)
    np.testing.assert_array_equal(triangles.triangle_areas(VERTICES, FACES), whole)


def test_a_right_triangle() -> None:
    corner = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    face = np.array([[0, 1, 2]])
    assert triangles.triangle_areas(corner, face).tolist() == [6.0]
    assert triangles.triangle_normals(corner, face).tolist() == [[0.0, 0.0, 1.0]]
    assert triangles.triangle_normals(corner, face[:, ::-1]).tolist() == [[0.0, 0.0, -1.0]]


def test_a_triangle_without_area_has_no_normal_and_a_sliver_none_worth_its_name() -> None:
    # The third point is off the line through the others by rounding alone.
    sliver = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.1, 0.1, np.nextafter(0.1, 1.0)], [2.0, 2.0, 2.0]])
    faces = np.array([[0, 1, 3], [0, 1, 2]])
    np.testing.assert_array_equal(triangles.triangle_normals(sliver, faces[:1]), np.zeros((1, 3)))
    plain = triangles.triangle_areas(sliver, faces)
    assert plain[0] == 0.0 and 0.0 < plain[1] < 1e-15
    np.testing.assert_array_equal(triangles.triangle_areas(sliver, faces, zero_if_flat=True), [0.0, 0.0])


def test_normals_of_vertices_weigh_triangles_by_area() -> None:
    # A large triangle facing z, a small one facing x, one corner in common; the last vertex is unused.
    vertices = np.array([[0, 0, 0], [4, 0, 0], [0, 2, 0], [0, 1, 0], [0, 0, 1], [9, 9, 9]], dtype=np.float64)
    normals = triangles.vertex_normals(vertices, np.array([[0, 1, 2], [0, 3, 4]]))
    np.testing.assert_allclose(normals[0], np.array([1.0, 0.0, 8.0]) / np.sqrt(65.0), atol=1e-15)
    np.testing.assert_array_equal(normals[[1, 3, 5]], [[0, 0, 1], [1, 0, 0], [0, 0, 0]])


def test_single_precision_stays_single() -> None:
    assert triangles.triangle_areas(VERTICES.astype(np.float32), FACES).dtype == np.float32


def test_points_in_triangles_are_the_weighted_means_of_the_corners() -> None:
    weights = RNG.dirichlet(np.ones(3), size=len(FACES))
    expected = np.einsum("nk,nki->ni", weights, VERTICES[FACES])
    np.testing.assert_allclose(triangles.interpolate(VERTICES, FACES, weights), expected, atol=1e-15)


@pytest.mark.parametrize("stratified", [True, False])
def test_random_points_share_triangles_by_area_and_leave_those_without_area_out(stratified: bool) -> None:
    areas = np.array([0.0, 1.0, 0.0, 3.0, 4.0, 0.0])
    rng = np.random.default_rng(0)
    chosen, weights = sample_by_area(np.cumsum(areas), 8_000, rng, stratified=stratified)
    counts = np.bincount(chosen, minlength=6)
    assert (counts[areas == 0] == 0).all()
    np.testing.assert_allclose(counts / 1_000, areas, atol=0.001 if stratified else 0.15)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 3, atol=0.01)  # uniform within a triangle
    assert stratified == bool((np.diff(chosen) >= 0).all())


class LastPlace(np.random.Generator):
    """Always draws the largest number below 1."""

    def random(self, *size: int) -> np.ndarray:
        return np.full(size, np.nextafter(1.0, 0.0))


def test_the_last_place_never_lies_behind_the_last_triangle_with_an_area() -> None:
    cumulative = np.cumsum([0.1] * 10 + [0.0])
    for stratified in (True, False):
        chosen, _ = sample_by_area(cumulative, 10, LastPlace(np.random.PCG64()), stratified=stratified)
        assert chosen.max() == 9

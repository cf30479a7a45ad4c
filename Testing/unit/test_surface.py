"""Surface: validation, geometry, components, units."""

from __future__ import annotations

import numpy as np
import pytest

from sgcn_core.cleaning.components import components, largest_components
from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.triangles import triangle_areas, triangle_normals
from sgcn_core.types.surface import Surface, coincident_vertices

CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])


def tetrahedron(scale: float = 1.0, **fields: object) -> Surface:
    return Surface(CORNERS * scale, TETRAHEDRON, **fields)


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.empty((0, 3)), TETRAHEDRON, "no vertices"),
        (CORNERS[:, :2], TETRAHEDRON, r"shape \(P, 3\)"),
        (CORNERS.ravel(), TETRAHEDRON, r"shape \(P, 3\)"),
        ([["a", "b", "c"]], TETRAHEDRON, "must be numbers"),
        (np.where(CORNERS == 1, np.nan, CORNERS), TETRAHEDRON, "3 of 4 vertices are NaN"),
        (np.where(CORNERS == 1, np.inf, CORNERS), TETRAHEDRON, "first is vertex 1"),
        (CORNERS, np.empty((0, 3), dtype=int), "no triangles"),
        (CORNERS, TETRAHEDRON[:, :2], r"shape \(F, 3\)"),
        (CORNERS, TETRAHEDRON.astype(float), "integers"),
        (CORNERS, TETRAHEDRON + 1, "vertices 1 to 4, but there are 4"),
        (CORNERS, TETRAHEDRON - 1, "vertices -1 to 2"),
    ],
)
def test_unusable_geometry_is_refused_with_the_reason(vertices: object, faces: object, message: str) -> None:
    with pytest.raises(SurfaceError, match=message):
        Surface(vertices, faces, source="scan.ply")


def test_the_message_names_the_source() -> None:
    with pytest.raises(SurfaceError, match=r"^scan\.ply: "):
        Surface(CORNERS, TETRAHEDRON + 1, source="scan.ply")


def test_arrays_are_stored_as_float64_and_int64_in_c_order() -> None:
    surface = Surface(np.asfortranarray(CORNERS, dtype=np.float32), TETRAHEDRON.astype(np.uint8))
    assert surface.vertices.dtype == np.float64 and surface.vertices.flags.c_contiguous
    assert surface.faces.dtype == np.int64 and surface.faces.flags.c_contiguous


@pytest.mark.parametrize(("field", "value"), [("unit", "furlong"), ("frame", "XYZ")])
def test_unknown_tags_are_refused(field: str, value: str) -> None:
    with pytest.raises(SurfaceError, match=value):
        tetrahedron(**{field: value})


def test_spellings_of_units_become_their_short_names() -> None:
    assert tetrahedron(unit="Millimeters").unit == "mm"
    assert tetrahedron(frame="ras").frame == "RAS"


def test_normals_point_outwards_and_areas_are_exact() -> None:
    surface = tetrahedron(2.0)
    expected = np.array([[0, 0, -1], [0, -1, 0], np.ones(3) / np.sqrt(3), [-1, 0, 0]])
    np.testing.assert_allclose(triangle_normals(surface.vertices, surface.faces), expected, atol=1e-15)
    np.testing.assert_allclose(triangle_areas(surface.vertices, surface.faces), [2, 2, 2 * np.sqrt(3), 2])


def test_degenerate_triangles_have_no_normal() -> None:
    vertices = np.vstack([CORNERS, [[0.5, 0, 0]]])
    faces = np.vstack([TETRAHEDRON, [[0, 4, 1], [2, 2, 3]]])
    surface = Surface(vertices, faces)
    np.testing.assert_array_equal(triangle_normals(surface.vertices, surface.faces)[4:], 0)


def test_a_rigid_motion_keeps_areas_and_turns_normals() -> None:
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, (5, 6, 7)
    moved = tetrahedron().transformed(matrix)
    np.testing.assert_allclose(moved.vertices[1], [5, 7, 7])
    areas, normals = (f(CORNERS, TETRAHEDRON) for f in (triangle_areas, triangle_normals))
    np.testing.assert_allclose(triangle_areas(moved.vertices, moved.faces), areas)
    np.testing.assert_allclose(triangle_normals(moved.vertices, moved.faces), normals @ turn.T, atol=1e-15)


def test_a_mirroring_matrix_keeps_normals_outward() -> None:
    mirrored = tetrahedron().transformed(np.diag([-1.0, 1, 1, 1]))
    centre = mirrored.vertices.mean(axis=0)
    outward = mirrored.vertices[mirrored.faces].mean(axis=1) - centre
    assert (np.einsum("ij,ij->i", outward, triangle_normals(mirrored.vertices, mirrored.faces)) > 0).all()


@pytest.mark.parametrize("matrix", [np.eye(3), np.full((4, 4), np.nan), np.ones((4, 4))])
def test_matrices_that_are_not_affine_are_refused(matrix: np.ndarray) -> None:
    with pytest.raises(SurfaceError, match="4x4"):
        tetrahedron().transformed(matrix)


def test_the_frames_differ_by_a_half_turn_about_z() -> None:
    surface = tetrahedron(frame="LPS").in_frame("RAS")
    np.testing.assert_array_equal(surface.vertices, CORNERS * [-1, -1, 1])
    np.testing.assert_array_equal(surface.faces, TETRAHEDRON)
    np.testing.assert_array_equal(surface.in_frame("LPS").vertices, CORNERS)


def three_pieces() -> Surface:
    """Pieces of size 1, 3 and 2, in this order, and a vertex that no triangle uses far away."""
    vertices = np.vstack([CORNERS, CORNERS * 3 + 10, CORNERS * 2 - 10, [[1e6, 0, 0]]])
    return Surface(vertices, np.vstack([TETRAHEDRON, TETRAHEDRON + 4, TETRAHEDRON + 8]))


def test_components_are_numbered_by_area_and_follow_a_permutation() -> None:
    surface = three_pieces()
    np.testing.assert_array_equal(components(surface), np.repeat([2, 0, 1], 4))
    shuffle = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(components(surface.with_(faces=surface.faces[shuffle])), components(surface)[shuffle])


def test_components_hold_together_across_texture_seams() -> None:
    split = Surface(CORNERS[TETRAHEDRON].reshape(-1, 3), np.arange(12).reshape(4, 3))
    np.testing.assert_array_equal(components(split), 0)


@pytest.mark.parametrize(("fraction", "kept"), [(0.0, 12), (0.2, 8), (0.5, 4), (1.0, 4)])
def test_largest_components_compares_areas_with_the_largest(fraction: float, kept: int) -> None:
    assert len(largest_components(three_pieces(), min_area_fraction=fraction).faces) == kept


def test_compacting_drops_unused_vertices_and_keeps_the_shape() -> None:
    largest = largest_components(three_pieces(), min_area_fraction=0.5)
    assert len(largest.vertices) == 13
    compact = largest.compacted()
    np.testing.assert_array_equal(compact.vertices, CORNERS * 3 + 10)
    np.testing.assert_array_equal(compact.vertices[compact.faces], largest.vertices[largest.faces])


def test_the_extent_ignores_unused_vertices() -> None:
    np.testing.assert_array_equal(three_pieces().extent, [23, 23, 23])
    np.testing.assert_array_equal(three_pieces().bounds[0], [-10, -10, -10])


def test_clipping_needs_one_boolean_per_triangle() -> None:
    surface = tetrahedron()
    np.testing.assert_array_equal(surface.clipped(np.array([True, False, True, False])).faces, TETRAHEDRON[::2])
    for mask in (np.ones(3, dtype=bool), np.ones(4)):
        with pytest.raises(SurfaceError, match="boolean mask"):
            surface.clipped(mask)
    with pytest.raises(SurfaceError, match="no triangles"):
        surface.clipped(np.zeros(4, dtype=bool))


def test_coincident_vertices_keep_the_order_of_first_appearance() -> None:
    points = np.array([[2.0, 0, 0], [1, 0, 0], [2, 0, 0], [-0.0, 0, 0], [0, 0, 0], [1, 0, 0]])
    first, group = coincident_vertices(points)
    np.testing.assert_array_equal(first, [0, 1, 3])
    np.testing.assert_array_equal(group, [0, 1, 0, 2, 2, 1])

"""Canonical crop and the graph that the network takes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from sgcn_core.demo import mean_face
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.similarity import Similarity, from_crop
from sgcn_core.graph.crop import faces_near
from sgcn_core.graph.face_graph import FaceGraph, build_face_graph

SCALE = from_crop((0.0, -8.0, 57.0), 120.0)
PROTOTYPE = SCALE.apply([[0, 0, 130], [44, 34, 86], [-44, 34, 86], [25, -35, 102], [-25, -35, 102], [0, -75, 100]])


def graph_of(vertices: np.ndarray, to_head: Similarity, *, seed: int = 0) -> FaceGraph:
    return build_face_graph(
        vertices,
        mean_face().faces,
        SCALE @ to_head,
        PROTOTYPE,
        margin=0.25,
        count=600,
        neighbours=16,
        seed=seed,
    )


@pytest.fixture(scope="module")
def graph() -> FaceGraph:
    return graph_of(mean_face().vertices, Similarity.identity())


def test_nodes_lie_in_the_crop_and_are_exactly_as_many_as_asked(graph: FaceGraph) -> None:
    assert graph.nodes.shape == (600, 3) and graph.neighbours.shape == (600, 16)
    reach = cKDTree(PROTOTYPE).query(graph.nodes)[0]
    assert reach.max() < 0.25 + 0.08  # a triangle at the boundary reaches out by its size
    np.testing.assert_array_equal(graph.neighbours[:, 0], np.arange(600))


def test_coarse_members_are_the_nodes_nearest_to_the_prototype(graph: FaceGraph) -> None:
    expected = np.unique(cKDTree(graph.nodes).query(PROTOTYPE)[1])
    np.testing.assert_array_equal(np.flatnonzero(graph.members), expected)


def test_surface_for_stage_two_reaches_beyond_the_crop(graph: FaceGraph) -> None:
    inside = cKDTree(PROTOTYPE).query(graph.vertices)[0]
    assert inside.max() > 0.3
    assert cKDTree(SCALE.apply(mean_face().vertices)).query(graph.vertices)[0].max() < 1e-12


def test_the_pose_is_taken_out(graph: FaceGraph) -> None:
    turn = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    pose = Similarity(0.5, turn, np.array([10.0, -400, 3]))
    moved = graph_of(pose.apply(mean_face().vertices), pose.inverse())
    np.testing.assert_allclose(moved.nodes, graph.nodes, atol=1e-9)
    np.testing.assert_allclose(moved.normals, graph.normals, atol=1e-6)


def test_nothing_in_the_crop_is_no_face() -> None:
    away = Similarity(1.0, np.eye(3), np.array([1000.0, 0, 0]))
    with pytest.raises(FaceNotFoundError, match="check the unit"):
        graph_of(mean_face().vertices, away)


def test_a_rim_without_a_crop_is_no_face(graph: FaceGraph) -> None:
    """Between the crop and what stage 2 looks at beyond it there is nothing to sample."""
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    prototype = np.array([[0.0, 0.0, 0.55]])
    with pytest.raises(FaceNotFoundError, match="check the unit"):
        build_face_graph(
            0.01 * vertices,
            np.array([[0, 1, 2]]),
            Similarity.identity(),
            prototype,
            margin=0.5,
            count=9,
            neighbours=3,
            seed=0,
        )


def test_large_triangles_count_where_they_touch_the_crop() -> None:
    vertices = np.array([[0.0, 0, 0], [30, 0, 0], [0, 30, 0], [100, 100, 0], [101, 100, 0], [100, 101, 0]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    assert faces_near(vertices, faces, np.zeros((1, 3)), 2.0).tolist() == [True, False]
    assert faces_near(vertices, faces, np.array([[100.5, 100.5, 0]]), 2.0).tolist() == [False, True]

"""From voxels to landmarks: generated volumes, what their field of view cuts, and how they are made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_face_model import tiny_face_model

from research.robustness.shared_volumes import measure_partial
from research.synthesis.closed_head import ball, closed_head, inset, plate, rim_loops, trough, tube
from research.synthesis.field_of_view import FieldOfView
from research.synthesis.scan_meshes import Mesh
from research.synthesis.voxel_head import VoxelHeadMaker, VoxelOptions
from research.synthesis.voxeliser import mesh_coverage
from sgcn_core.demo import demo_surface
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.skin.extract import extract_skin
from sgcn_core.skin.field_of_view import field_of_view_box, find_round_field_of_view
from sgcn_core.skin.threshold import classify_tissue
from sgcn_core.types.field_of_view import CutPlane, depth_below_cuts
from sgcn_core.types.surface import Surface
from sgcn_core.types.volume import Volume
from sgcn_core.uncertainty.assess import Assessment, limited_at_cuts
from sgcn_core.uncertainty.thresholds import Thresholds

# Head frame (+x left, +y up, +z out of the face) to LPS, and the chin a little down.
POSE = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ Rotation.from_euler("x", 6, degrees=True).as_matrix()
STEP = 2.0


@pytest.fixture(scope="module")
def demo() -> Surface:
    """The demo face in LPS."""
    face = demo_surface(subdivisions=1, roughness=0.0)
    return face.with_(vertices=face.vertices @ POSE.T, anatomical=True)


@pytest.fixture(scope="module")
def head(demo) -> Volume:
    """The demo face with a block of flesh behind it as CT with noise, that ends at the neck."""

    mesh = Mesh(demo.vertices, demo.faces)
    for loop in rim_loops(mesh.faces):
        deep = 60.0 if np.ptp(mesh.vertices[loop], axis=0).max() > 150 else 10.0
        apex = mesh.vertices[loop].mean(axis=0) + np.array([0.0, deep, 0.0])
        fan = np.stack([np.roll(loop, -1), loop, np.full(len(loop), len(mesh.vertices))], axis=1)
        mesh = Mesh(np.concatenate([mesh.vertices, [apex]]), np.concatenate([mesh.faces, fan]))
    low, high = mesh.vertices.min(axis=0) - [12, 12, -6], mesh.vertices.max(axis=0) + 12
    size = np.round((high - low) / STEP).astype(int)
    grid = Volume(np.zeros(size[::-1], np.float32), np.full(3, STEP), low, np.eye(3))
    array = np.full(grid.array.shape, -1000.0, np.float32)
    mesh_coverage(mesh, grid).put(array, 40.0)
    array += np.random.default_rng(0).normal(0, 20, array.shape).astype(np.float32)
    return Volume(np.round(array).astype(np.int16), grid.spacing, grid.origin, grid.direction, "CT", "demo.nii")


@pytest.fixture(scope="module")
def truth(detector, demo) -> dict[str, np.ndarray]:
    """What is found on the mesh itself."""
    result = detector.detect(demo)
    return {
        label: place
        for label, place, status in zip(result.labels, result.positions, result.status, strict=True)
        if status != "missing"
    }


def shown(volume: Volume, *, front: float = -1e9, bottom: float = -1e9, padding: int = 0) -> Volume:
    """What of a volume lies behind `front` and above `bottom`, with slices of -1024 in front."""
    first = np.clip(np.ceil(([-1e9, front, bottom] - volume.origin) / volume.spacing), 0, None).astype(int)
    part = volume.array[first[2] :, first[1] :, first[0] :]
    part = np.pad(part, [(0, 0), (padding, 0), (0, 0)], constant_values=-1024)
    origin = volume.origin + volume.spacing * (first - [0, padding, 0])
    return Volume(part, volume.spacing, origin, volume.direction, volume.modality)


def states(result) -> dict[str, str]:
    return dict(zip(result.labels, result.status, strict=True))


def test_landmarks_of_a_volume_are_those_of_the_mesh(detector, head, truth):
    surface = extract_skin(head).surface
    assert surface.anatomical
    result = detector.detect(surface)
    moved = [np.linalg.norm(result.position(label) - place) for label, place in truth.items()]
    assert len(moved) > 60
    assert np.nanmean(moved) < 2.0
    assert np.mean(np.isnan(moved)) < 0.1
    assert (result.unit, result.frame) == ("mm", "LPS")


@pytest.mark.parametrize("padding", [0, 6], ids=["at the image's side", "inside padding"])
def test_a_cut_nose_has_no_tip(detector, head, truth, padding):
    front = truth["prn"][1] + 9.0
    skin = extract_skin(shown(head, front=front, padding=padding))
    assert "front" in {cut.side for cut in skin.surface.cut_planes}
    result = detector.detect(skin.surface)
    status = states(result)
    beyond = [label for label, place in truth.items() if place[1] < front - STEP]
    assert {"prn", "ibug30"} <= set(beyond)
    assert all(status[label] == "missing" for label in beyond)
    found = result.positions[np.array(result.status) == "found"]
    assert len(found) > 30
    assert found[:, 1].min() > front + 2.0
    moved = [np.linalg.norm(result.position(label) - truth[label]) for label in truth if status[label] == "found"]
    assert np.mean(moved) < 2.5


def test_a_cut_chin_is_missing(detector, head, truth):
    bottom = truth["ls"][2] - 5.0
    result = detector.detect(extract_skin(shown(head, bottom=bottom)).surface)
    status = states(result)
    assert status["en_r"] == status["en_l"] == "found"
    assert all(status[label] == "missing" for label, place in truth.items() if place[2] < bottom - STEP)


def test_what_is_left_without_a_face_is_refused(detector, head, truth):
    vault = shown(head, bottom=truth["n"][2] + 25.0)
    with pytest.raises(FaceNotFoundError):
        detector.detect(extract_skin(vault).surface)


def test_round_view_is_found_whatever_its_padding(head):
    k, j, i = np.indices(head.array.shape)
    places = head.physical(np.stack([i, j, k], axis=-1).reshape(-1, 3))
    centre = np.array([0.0, places[:, 1].mean() + 10, 0.0])
    inside = np.hypot(*(places - centre)[:, :2].T) < 80.0
    for padding in (-1024, -2000, -3024):
        array = np.where(inside.reshape(head.array.shape), head.array, padding).astype(np.int16)
        volume = Volume(array, head.spacing, head.origin, head.direction)
        view = find_round_field_of_view(volume)
        assert view is not None
        assert view.axis == 0
        assert view.radius == pytest.approx(80.0, abs=STEP)
        skin = extract_skin(volume)
        distance = np.hypot(*(skin.surface.vertices - centre)[:, :2].T)
        assert distance.max() < 80.0 + STEP
        assert "front" in {cut.side for cut in skin.surface.cut_planes}
        depth = depth_below_cuts(skin.surface.cut_planes, skin.surface.vertices)
        assert depth.min() > -STEP
    assert find_round_field_of_view(head) is None


def test_padding_is_told_from_air_that_was_masked(head):
    padded = np.pad(head.array, [(3, 0), (0, 0), (0, 5)], constant_values=-1024)
    low, high = field_of_view_box(padded)
    assert (low.tolist(), high.tolist()) == ([3, 0, 0], [padded.shape[0], padded.shape[1], padded.shape[2] - 5])
    masked = np.where(head.array < -800, -1000, head.array)
    low, high = field_of_view_box(masked)
    assert (low.tolist(), high.tolist()) == ([0, 0, 0], list(masked.shape))


def test_mr_is_not_taken_for_ct_without_intercept():
    draw = np.random.default_rng(0)
    tissue = 1000 + 180 * draw.standard_normal((30, 60, 60))
    array = np.abs(draw.normal(0, 20, (60, 60, 60)))
    array[15:45] = tissue
    values = Volume(array.astype(np.float32), np.ones(3), np.zeros(3), np.eye(3))
    assert classify_tissue(values).kind == "mr"


def test_cut_planes_move_with_the_surface():
    plane = CutPlane((0.0, 0.0, -50.0), (0.0, 0.0, -1.0))
    surface = Surface([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], unit="mm", cut_planes=(plane,))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [20, 50, 70], degrees=True).as_matrix()
    turn[:3, 3] = [3, 4, 5]
    for moved in (surface.transformed(turn), surface.in_frame("RAS"), surface.transformed(np.diag([1, -1, 1, 1.0]))):
        depth = depth_below_cuts(moved.cut_planes, moved.vertices)
        assert depth == pytest.approx([50.0, 50.0, 50.0])
    assert np.isinf(depth_below_cuts((), surface.vertices)).all()


def test_assessment_depends_on_the_depth_below_a_cut():
    assessment = Assessment(np.full(4, 0.9), ("found", "found", "found", "uncertain"), np.ones(4), np.ones(4))
    plane = CutPlane((0.0, 0.0, 0.0), (0.0, -1.0, 0.0))
    places = np.array([[0, -0.004, 0], [0, 0.004, 0], [0, 0.008, 0], [0, 0.008, 0]])
    limited = limited_at_cuts(assessment, places, (plane,), Thresholds(), factor=1000.0)
    assert limited.status == ("missing", "uncertain", "found", "uncertain")
    assert limited.confidence[2] == 0.9
    assert (limited.confidence[:2] < 0.5).all()


def test_coverage_is_the_volume_of_a_mesh_on_any_grid():
    radii = np.array([20.0, 14.0, 17.0])
    mesh = ball((3.0, -2.0, 5.0), radii)
    corners = mesh.vertices[mesh.faces]
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    for mirrored in (1.0, -1.0):
        turn = Rotation.from_euler("xyz", [20, 10, 35], degrees=True).as_matrix() @ np.diag([mirrored, 1, 1])
        spacing = np.array([1.0, 2.0, 3.0])
        origin = turn @ np.array([-35.0, -35.0, -35.0])
        grid = Volume(np.zeros((25, 40, 75), np.float32), spacing, origin, turn)
        share = mesh_coverage(mesh, grid).share
        assert share.sum() * spacing.prod() == pytest.approx(volume, rel=2e-3)
        assert share.min() == 0
        assert share.max() == pytest.approx(1.0, abs=1e-5)


def test_what_overlaps_or_is_turned_inside_out_does_not_count_twice():
    first, second = plate((0, 0, 0), (10, 10, 10)), plate((5, 0, 0), (15, 10, 10))
    both = Mesh(np.concatenate([first.vertices, second.vertices]), np.concatenate([first.faces, second.faces + 8]))
    grid = Volume(np.zeros((14, 14, 20), np.float32), np.ones(3), np.full(3, -1.5), np.eye(3))
    assert mesh_coverage(both, grid).share.sum() == pytest.approx(1500, rel=1e-3)
    assert mesh_coverage(inset(first, 30.0), grid).share.sum() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    "mesh",
    [
        tube(np.array([[0, 0, 0], [0, 1, 9], [0, 5, 20.0]]), 3.0),
        ball((0, 0, 0), (3, 4, 5)),
        trough(80.0, 5.0, centre=(0, 0, 0), length=100.0, opening=0.8),
        closed_head(
            tiny_face_model().neutral.double().numpy(), tiny_face_model().faces.numpy(), tiny_face_model().skin
        ),
    ],
    ids=["tube", "ball", "trough", "head"],
)
def test_meshes_are_closed_and_face_outwards(mesh):
    assert rim_loops(mesh.faces) == []
    corners = mesh.vertices[mesh.faces]
    assert np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0


@pytest.mark.parametrize(("modality", "directions"), [("CT", "axial"), ("MR", "oblique"), ("CT", "flipped")])
def test_generated_volumes_are_what_their_truth_says(modality, directions):
    maker = VoxelHeadMaker(tiny_face_model(), seed=3)
    options = VoxelOptions(modality=modality, spacing=(3.0, 3.0, 4.0), directions=directions)
    first, second = (maker.head(7, options) for _ in range(2))
    assert np.array_equal(first.volume.array, second.volume.array)
    assert len(first.landmarks) == 30
    skin = extract_skin(first.volume)
    assert skin.kind == modality.lower()
    places = np.array(list(first.landmarks.values()))
    nearest = [np.linalg.norm(skin.surface.vertices - place, axis=1).min() for place in places]
    assert np.median(nearest) < 3.0
    assert min(first.depths().values()) > 0
    assert depth_below_cuts(skin.surface.cut_planes, places).min() > 0


def test_padded_view_holds_its_value_beyond_the_plane():
    view = FieldOfView(crop="nose", padding=-1024.0)
    grid = Volume(np.zeros((10, 12, 14), np.float32), np.full(3, 2.0), np.zeros(3), np.eye(3))
    array = view.padded(grid.array, grid, [CutPlane((0.0, 10.5, 0.0), (0.0, -1.0, 0.0))])
    assert (array[:, :6] == -1024).all()
    assert (array[:, 6:] == 0).all()


@pytest.mark.parametrize("name", ["mr_colin27.nii.gz", "ct_headsq_quarter.nrrd"])
def test_shared_partial_volumes(shared_data, detector, name):
    bar = measure_partial(detector, shared_data / "volumes" / name)
    assert bar.reached, bar.measured

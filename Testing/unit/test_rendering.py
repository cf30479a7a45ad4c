"""Pictures: directions, the NumPy z-buffer, labels, failure without OpenGL."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgcn_core.errors import RenderError
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.viz import render_landmarks, software, subprocess_engine
from sgcn_core.viz.canvas import Canvas, text_mask
from sgcn_core.viz.labels import leaders, spread, tag_places
from sgcn_core.viz.picture import visible_points
from sgcn_core.viz.scene import build_scene
from sgcn_core.viz.system_libraries import RenderWarning, is_loadable, named_in, remedy
from sgcn_core.viz.views import (
    DIRECTIONS,
    FRONT,
    LEFT_SIDE,
    RIGHT_SIDE,
    UNCERTAIN,
    ColouredMesh,
    View,
    views_of,
)

RADIUS = 80.0
SMALL = (480, 300)


def ball(rings: int = 24, around: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward faces of a sphere around the origin."""
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, around, endpoint=False))
    vertices = RADIUS * np.stack(
        [np.sin(polar) * np.cos(turn), np.cos(polar), -np.sin(polar) * np.sin(turn)], axis=-1
    ).reshape(-1, 3)
    index = np.arange(around * (rings + 1)).reshape(around, rings + 1)
    a, b = index[:, :-1].ravel(), index[:, 1:].ravel()
    c, d = np.roll(index, -1, axis=0)[:, 1:].ravel(), np.roll(index, -1, axis=0)[:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    keep = np.linalg.norm(np.cross(*(vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2))), axis=1) > 1e-9
    return vertices, faces[keep]


def landmarks(points: dict[str, tuple[float, ...]], *, status: dict[str, str] | None = None, pose=None):
    return LandmarkResult(
        labels=tuple(points),
        positions=np.array(list(points.values()), dtype=float),
        confidence=np.full(len(points), 0.9),
        status=tuple((status or {}).get(name, "found") for name in points),
        info={} if pose is None else {"pose": np.asarray(pose).tolist()},
    )


@pytest.fixture
def surface() -> Surface:
    return Surface(*ball(), unit="mm", source="folder/ball.ply")


@pytest.fixture
def points() -> dict[str, tuple[float, ...]]:
    """On the ball, all towards the front; the middle one is nearest to the viewer."""
    return {"prn": (0, 0, RADIUS), "ex_r": (-48, 0, 64), "ex_l": (48, 0, 64), "n": (0, 48, 64), "pg": (0, -48, 64)}


def read_png(path: Path) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkPNGReader

    reader = vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    return vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)[::-1]


def count_colour(image: np.ndarray, colour: tuple[float, float, float]) -> int:
    return int((np.abs(image.astype(float) - np.array(colour) * 255).max(axis=2) < 3).sum())


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: d.title)
def test_a_view_never_mirrors(direction):
    np.testing.assert_allclose(direction.rotation @ direction.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(direction.rotation) == pytest.approx(1.0)


def test_the_subjects_left_is_on_the_right_of_the_front_view():
    view = View(FRONT, np.zeros(3), 2.0, 100, 80)
    np.testing.assert_allclose(view.to_pixels(np.array([[10.0, 5.0, 3.0]])), [[50 + 20, 40 - 10]])


def test_the_nose_points_towards_the_front_view_in_both_profiles():
    nose = np.array([[0.0, 0.0, 30.0]])
    assert View(RIGHT_SIDE, np.zeros(3), 1.0, 100, 80).to_pixels(nose)[0, 0] > 50
    assert View(LEFT_SIDE, np.zeros(3), 1.0, 100, 80).to_pixels(nose)[0, 0] < 50


def test_views_share_a_scale_and_show_the_whole_focus():
    focus = np.array([[-70.0, -100, -40], [70, 110, 90]])
    views = views_of(focus, width=400, height=500, margins=(60, 10))
    assert len({view.scale for view in views}) == 1
    corners = np.array(np.meshgrid(*focus.T)).reshape(3, -1).T
    for view in views:
        pixels = view.to_pixels(corners)
        assert (pixels >= (60 - 1e-6, 10 - 1e-6)).all() and (pixels <= (340 + 1e-6, 490 + 1e-6)).all()


def test_normals_of_a_ball_point_outwards():
    vertices, faces = ball()
    normals = vertex_normals(vertices, faces)
    used = np.unique(faces)
    cosines = np.einsum("nk,nk->n", normals[used], vertices[used]) / RADIUS
    assert cosines.min() > 0.98


def coloured(vertices: np.ndarray, faces: np.ndarray) -> ColouredMesh:
    return ColouredMesh(vertices, faces, vertex_normals(vertices, faces), np.full(vertices.shape, 0.5))


def test_the_z_buffer_draws_a_ball_as_a_disc_with_its_depth():
    view = View(FRONT, np.zeros(3), 1.0, 240, 220)
    drawn = software.draw(coloured(*ball()), view)
    rows, columns = np.mgrid[:220, :240] + 0.5
    distance = np.hypot(columns - 120, rows - 110)
    inside, outside = distance < RADIUS - 2, distance > RADIUS + 1
    assert np.isinf(drawn.depth[outside]).all()
    np.testing.assert_allclose(drawn.depth[inside], np.sqrt(RADIUS**2 - distance[inside] ** 2), atol=2.5)


def test_the_z_buffer_shows_the_nearer_triangle_whatever_the_order():
    far = np.array([[-50.0, -50, 0], [50, -50, 0], [0, 50, 0]])
    near = far * (0.5, 0.5, 1) + (0, 0, 20)
    view = View(FRONT, np.zeros(3), 1.0, 120, 120)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    for first, second in ((far, near), (near, far)):
        drawn = software.draw(coloured(np.concatenate([first, second]), faces), view)
        assert drawn.depth[60, 60] == pytest.approx(20)
        assert drawn.depth[100, 60] == pytest.approx(0)


def test_both_engines_draw_the_same_shape(surface):
    if not subprocess_engine.window_classes():
        pytest.skip("no off-screen OpenGL on this machine")
    mesh = coloured(surface.vertices, surface.faces)
    views = views_of(np.array([[-90.0] * 3, [90.0] * 3]), width=200, height=180, margins=(5, 5))
    try:
        drawn, name = subprocess_engine.draw(mesh, views)
    except RenderError as error:
        pytest.skip(f"no off-screen OpenGL on this machine: {error}")
    assert name
    for view, picture in zip(views, drawn, strict=True):
        reference = software.draw(mesh, view)
        both = np.isfinite(picture.depth) & np.isfinite(reference.depth)
        either = np.isfinite(picture.depth) | np.isfinite(reference.depth)
        assert both.sum() / either.sum() > 0.98
        np.testing.assert_allclose(picture.depth[both], reference.depth[both], atol=1.0)
        brightness = picture.image[both].mean(), reference.image[both].mean()
        assert brightness[0] == pytest.approx(brightness[1], rel=0.15)


def test_a_landmark_behind_the_surface_is_not_visible(surface, points):
    scene = build_scene(surface, landmarks({**points, "op": (0, 0, -RADIUS)}))
    front = views_of(scene.focus, width=200, height=200, margins=(5, 5))[1]
    seen = visible_points(scene, front, software.draw(scene.mesh, front))
    assert seen == [0, 1, 2, 3, 4]


def test_a_profile_of_an_open_scan_shows_no_landmark_of_the_other_side(surface, points):
    front_half = surface.clipped(surface.vertices[surface.faces][:, :, 2].mean(axis=1) > 0)
    scene = build_scene(front_half, landmarks(points))
    right, _, left = views_of(scene.focus, width=200, height=200, margins=(5, 5))
    names = [[scene.labels[i] for i in visible_points(scene, v, software.draw(scene.mesh, v))] for v in (right, left)]
    assert "ex_l" not in names[0] and "ex_r" in names[0] and "prn" in names[0]
    assert "ex_r" not in names[1] and "ex_l" in names[1] and "prn" in names[1]


def test_missing_landmarks_are_not_drawn_and_uncertain_ones_are_orange(surface, points, tmp_path):
    plain, marked = tmp_path / "plain.png", tmp_path / "marked.png"
    render_landmarks(surface, landmarks(points), plain, size=SMALL, engine="software", labels=False)
    result = landmarks(points, status={"ex_l": "uncertain", "pg": "missing"})
    render_landmarks(surface, result, marked, size=SMALL, engine="software", labels=False)
    assert read_png(marked).shape == (SMALL[1], SMALL[0], 3)
    assert count_colour(read_png(plain), UNCERTAIN) == 0
    assert count_colour(read_png(marked), UNCERTAIN) > 20
    assert "pg" not in build_scene(surface, result).labels


def test_the_pose_turns_and_scales_any_input_into_the_same_picture(surface, points, tmp_path):
    angle = np.radians(70)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = 0.001 * turn, (1.0, -2.0, 0.5)
    there = {name: tuple(moved[:3, :3] @ point + moved[:3, 3]) for name, point in points.items()}
    render_landmarks(surface, landmarks(points), tmp_path / "a.png", size=SMALL, engine="software")
    result = landmarks(there, pose=np.linalg.inv(moved))
    render_landmarks(surface.transformed(moved), result, tmp_path / "b.png", size=SMALL, engine="software")
    difference = np.abs(read_png(tmp_path / "a.png").astype(int) - read_png(tmp_path / "b.png"))
    assert (difference.max(axis=2) > 8).mean() < 0.002


def test_without_opengl_the_picture_is_drawn_all_the_same(surface, points, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess_engine, "window_classes", lambda: ())
    monkeypatch.setattr(subprocess_engine, "missing_libraries", lambda: ("libEGL.so.1",))
    with pytest.warns(RenderWarning, match=r"libEGL\.so\.1.*apt-get install libegl1"):
        render_landmarks(surface, landmarks(points), tmp_path / "a.png", size=SMALL)
    assert read_png(tmp_path / "a.png").std() > 5
    with pytest.raises(RenderError, match=r"libEGL\.so\.1.*apt-get install libegl1"):
        render_landmarks(surface, landmarks(points), tmp_path / "b.png", size=SMALL, engine="vtk")
    assert not (tmp_path / "b.png").exists()


def test_a_crash_of_the_drawing_process_becomes_an_error(surface, monkeypatch):
    if is_loadable("libOSMesa.so.8"):
        pytest.skip("needs a window class whose library is missing, and libOSMesa is there")
    monkeypatch.setattr(subprocess_engine, "window_classes", lambda: ("vtkOSOpenGLRenderWindow",))
    views = views_of(np.array([[-90.0] * 3, [90.0] * 3]), width=50, height=50, margins=(5, 5))
    with pytest.raises(RenderError, match="vtkOSOpenGLRenderWindow"):
        subprocess_engine.draw(coloured(surface.vertices, surface.faces), views)


def test_a_picture_without_any_landmark_shows_the_surface(surface, points, tmp_path):
    nothing = landmarks(points, status=dict.fromkeys(points, "missing"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render_landmarks(surface, nothing, tmp_path / "a.png", size=SMALL, engine="software")
    assert read_png(tmp_path / "a.png").std() > 5


@pytest.mark.parametrize(
    ("name", "settings_", "message"),
    [
        ("a.jpg", {}, "PNG"),
        ("a.png", {"size": (100, 50)}, "240"),
        ("a.png", {"engine": "paper"}, "engine"),
        ("nowhere/a.png", {}, "nowhere"),
    ],
)
def test_what_cannot_be_drawn_is_said(surface, points, tmp_path, name, settings_, message):
    with pytest.raises(RenderError, match=message):
        render_landmarks(
            surface, landmarks(points), tmp_path / name, **{"size": SMALL, "engine": "software", **settings_}
        )
    assert list(tmp_path.iterdir()) == []


def test_a_pose_that_is_no_matrix_is_refused(surface, points, tmp_path):
    with pytest.raises(RenderError, match="4 x 4"):
        render_landmarks(surface, landmarks(points, pose=np.eye(3)), tmp_path / "a.png", engine="software")


def test_the_loaders_message_becomes_a_package_to_install():
    message = "ImportError: libX11.so.6: cannot open shared object file: No such file or directory"
    assert named_in(message) == ("libX11.so.6",)
    assert "apt-get install libx11-6" in remedy(named_in(message))
    assert remedy(()) == ""


@settings(deadline=None)
@given(st.lists(st.floats(0, 500), max_size=40), st.floats(1, 12))
def test_spread_keeps_order_range_and_gap(wanted, gap):
    low, high = 10.0, 490.0
    placed = spread(np.sort(np.array(wanted)), low=low, high=high, gap=gap)
    assert len(placed) == len(wanted)
    if wanted:
        assert placed.min() >= low - 1e-6 and placed.max() <= high + 1e-6
        assert (np.diff(placed) >= min(gap, 480 / max(len(wanted) - 1, 1)) - 1e-6).all()


def test_spread_leaves_alone_what_does_not_collide():
    wanted = np.array([20.0, 60.0, 61.0, 200.0])
    np.testing.assert_allclose(spread(wanted, low=0, high=300, gap=10), [20.0, 55.5, 65.5, 200.0])


def test_leaders_name_every_point_once_on_its_own_side():
    generator = np.random.default_rng(0)
    points = generator.uniform(50, 350, (21, 2))
    placed = leaders(points, left=40, right=360, low=20, high=380, gap=12)
    assert sorted(leader.index for leader in placed) == list(range(21))
    left = [points[leader.index, 0] for leader in placed if leader.align == "right"]
    right = [points[leader.index, 0] for leader in placed if leader.align == "left"]
    assert max(left) <= min(right)


def test_tags_never_cover_each_other():
    points = np.random.default_rng(1).uniform(0, 120, (60, 2))
    places = tag_places(points, np.tile([14.0, 9.0], (60, 1)), distance=3.0)
    corners = np.array([place for place in places if place is not None])
    apart = np.abs(corners[:, None] - corners[None])
    touching = (apart[..., 0] < 14 - 1e-9) & (apart[..., 1] < 9 - 1e-9)
    assert len(corners) > 10
    assert touching.sum() == len(corners)


@pytest.mark.parametrize(("align", "first", "last"), [("left", 50, None), ("right", None, 50)])
def test_text_ends_where_it_is_told(align, first, last):
    canvas = Canvas(120, 40, (1.0, 1.0, 1.0))
    width = canvas.text("pronasale", 50, 20, size=12, colour=(0, 0, 0), align=align)
    inked = np.flatnonzero((canvas.pixels < 128).any(axis=(0, 2)))
    assert width == text_mask("pronasale", 12).shape[1] > 30
    if first is not None:
        assert first <= inked.min() <= first + 2
    if last is not None:
        assert last - 3 <= inked.max() <= last


def test_drawing_over_the_edge_is_cut_off():
    canvas = Canvas(20, 20, (1.0, 1.0, 1.0))
    canvas.text("pronasale", 15, 2, size=12, colour=(0, 0, 0))
    canvas.line((-50, 10), (70, 10), colour=(1, 0, 0), width=2)
    canvas.dot(200, 200, radius=5, colour=(0, 0, 1))
    np.testing.assert_allclose(canvas.pixels[10], np.tile([255.0, 0, 0], (20, 1)), atol=1)

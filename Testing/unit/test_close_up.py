"""Pictures of generated faces close up, and of a population's landmarks: on plates and on a made-up head."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the training extra carries samples in torch-geometric's Data")

from tiny_face_model import LANDMARKS, tiny_face_model

from research.synthesis.__main__ import parsed
from research.synthesis.close_up import REGIONS, WIDE, close_up, close_ups, scan_maker
from research.synthesis.contact_sheet import discs
from research.synthesis.face_model import FaceModel
from research.synthesis.landmark_picture import landmark_picture
from research.synthesis.options import GeneratorOptions
from sgcn_core.types.landmarks import LandmarkSet
from sgcn_core.viz.views import FRONT, GROUP_COLOURS, View

NOWHERE = np.zeros((0, 3))


def plate(step: float) -> tuple[np.ndarray, np.ndarray]:
    """A plate of 60 x 40 mm with a smooth step of so many millimetres across."""
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(-30.0, 31.0), np.arange(-20.0, 21.0)))
    ids = np.arange(61 * 41).reshape(41, 61)
    a, b, c, d = ids[:-1, :-1].ravel(), ids[:-1, 1:].ravel(), ids[1:, :-1].ravel(), ids[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return np.stack([x, y, step / (1.0 + np.exp(-2.0 * x))], 1), faces


def look(millimetres: float) -> View:
    return View(FRONT, np.zeros(3), 160 / millimetres, 160, 120)


def named() -> FaceModel:
    """The made-up head whose points bear the names of real landmarks."""
    wanted = sorted({label for windows in REGIONS.values() for window in windows for label in window.around})
    others = [label for label in LandmarkSet.load("all").labels if label not in wanted]
    return dataclasses.replace(tiny_face_model(), labels=(*wanted, *others)[:LANDMARKS])


def test_a_close_up_shows_a_step_of_one_millimetre_on_many_pixels() -> None:
    def changed(millimetres: float) -> int:
        flat, stepped = (close_up(*plate(step), NOWHERE, look(millimetres)).astype(int) for step in (0.0, 1.0))
        return int((np.abs(stepped - flat).max(2) > 5).sum())

    assert changed(WIDE) > 300 and changed(WIDE) > 4 * changed(250.0) > 0


def test_a_landmark_on_the_surface_is_a_red_dot_and_one_below_it_a_ring() -> None:
    picture = close_up(*plate(0.0), np.array([[-10.0, 0.0, 0.2], [10.0, 0.0, -3.0]]), look(64.0)).astype(int)
    red, ring = picture[60, 80 - 25], picture[60, 80 + 25]
    assert red[0] > 150 and red[2] < 100
    assert ring.min() > 200
    around = picture[54:67, 98:113].reshape(-1, 3)
    assert (around[:, 2] - around[:, 0] > 60).any()


def test_close_ups_have_the_plain_face_beside_each_scan() -> None:
    maker = scan_maker(named(), GeneratorOptions.only("mesh_noise"))
    plain = maker.with_options(GeneratorOptions.clean())
    sheet = close_ups(maker, "eyes", plain=plain, count=1, columns=1, width=64).pixels
    assert sheet.shape == (46, 4 * 64, 3)
    assert np.abs(sheet[:, :128] - sheet[:, 128:]).max() > 10
    assert np.array_equal(sheet[:, :128], close_ups(plain, "eyes", count=1, columns=1, width=64).pixels)


def test_a_population_without_the_landmarks_of_a_region_is_refused() -> None:
    maker = scan_maker(tiny_face_model(), GeneratorOptions.clean())
    with pytest.raises(ValueError, match="lacks ch_l, ch_r"):
        close_ups(maker, "mouth", count=1)


def test_discs_lie_across_the_normals() -> None:
    normals = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, -0.8]])
    points = np.array([[1.0, 2.0, 3.0], [-4.0, 0.0, 2.0]])
    mesh = discs(points, normals, np.ones((2, 3)), 2.0)
    rim = mesh.vertices.reshape(2, -1, 3) - points[:, None]
    np.testing.assert_allclose(np.linalg.norm(rim, axis=2), 2.0)
    np.testing.assert_allclose(np.einsum("pki,pi->pk", rim, normals), 0.0, atol=1e-12)
    assert len(mesh.faces) == 2 * 4 and mesh.faces.max() == 11


def test_landmarks_of_a_population_are_drawn_from_four_sides() -> None:
    picture = landmark_picture(named(), region="eyes", side=200, engine="software").pixels
    assert picture.shape == (2 * 230, 400, 3)
    eyes = np.asarray(GROUP_COLOURS[list(dict.fromkeys(LandmarkSet.load("all").groups)).index("eyes")]) * 255
    near = np.abs(picture - eyes).max(2) < 20
    assert all(near[row : row + 230, column : column + 200].any() for row in (0, 230) for column in (0, 200))
    with pytest.raises(ValueError, match="no landmark of all, hands"):
        landmark_picture(named(), region="hands", engine="software")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--population", "gnm"], "needs --gnm"),
        ([], "needs --model"),
        (["--model", "m.npz", "--landmarks", "--only", "beard"], "leave --only out"),
        (["--model", "m.npz", "--region", "mouth", "--only", "open_mouth"], "leave --region out"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed([*given, "--out", "sheet.png"])
    assert message in capsys.readouterr().err


def test_options_by_default() -> None:
    options = parsed(["--model", "m.npz", "--out", "sheet.png", "--landmarks"])
    assert (options.population, options.landmarks, options.region) == ("ict", "all", None)
    assert options.model == Path("m.npz")

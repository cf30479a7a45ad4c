"""Landmark sets and results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sgcn_core.types.landmarks import (
    EXPECTED_USE,
    LANDMARK_SETS,
    SIDES,
    LandmarkResult,
    LandmarkSet,
    mirror_label,
    plain,
)


def result(**changes: object) -> LandmarkResult:
    fields: dict[str, object] = {
        "labels": ("prn", "en_r", "t_l"),
        "positions": [[1.0, 2, 3], [4, 5, 6], [7, 8, 9]],
        "confidence": [0.9, 0.4, 0.0],
        "status": ("found", "uncertain", "missing"),
    }
    return LandmarkResult(**{**fields, **changes})


def test_the_sets_have_the_labels_of_the_model_in_its_order() -> None:
    ibug, clinical = LandmarkSet.load("ibug68"), LandmarkSet.load("clinical")
    assert ibug.labels == tuple(f"ibug{i}" for i in range(68))
    assert clinical.labels[:6] == ("g", "n", "se", "mnd", "prn", "c") and len(clinical) == 62
    assert LandmarkSet.load("all").labels == ibug.labels + clinical.labels


def test_clinical_labels_follow_the_training_data(shared_data: Path) -> None:
    file = shared_data.parent / "design" / "ict_clinical_vertices.json"
    if not file.is_file():
        pytest.skip(f"{file.name} not found")
    assert LandmarkSet.load("clinical").labels == tuple(json.loads(file.read_text()))


def test_every_landmark_is_described_once() -> None:
    known = LandmarkSet.load("all")
    assert len(set(known.labels)) == len(known)
    assert all(len(text) > 15 and text.endswith(".") for text in known.definitions)
    assert set(known.sides) == set(SIDES)
    assert {landmark.reproducibility for landmark in known.landmarks} == set(EXPECTED_USE)
    assert set(known.groups) == {"contour", "brows", "eyes", "nose", "mouth", "ear", "chin", "forehead", "cheek"}
    for name in ("ibug68", "clinical"):
        assert len(set(LandmarkSet.load(name).names)) == len(LandmarkSet.load(name))


def test_mirroring_is_an_involution_that_swaps_sides_and_keeps_the_rest() -> None:
    known = LandmarkSet.load("all")
    opposite = {"left": "right", "right": "left", "midline": "midline"}
    for landmark in known.landmarks:
        other = known[mirror_label(landmark.label)]
        assert mirror_label(other.label) == landmark.label
        assert other.side == opposite[landmark.side]
        assert (other.group, other.reproducibility) == (landmark.group, landmark.reproducibility)
        assert other.name == landmark.name.replace("left", "*").replace("right", "left").replace("*", "right")
        assert (other.label == landmark.label) == (landmark.side == "midline")


@pytest.mark.parametrize(
    ("label", "mirror"),
    [
        ("en_r", "en_l"),
        ("prn", "prn"),
        ("ibug0", "ibug16"),
        ("ibug17", "ibug26"),
        ("ibug36", "ibug45"),
        ("ibug60", "ibug64"),
    ],
)
def test_known_mirror_pairs(label: str, mirror: str) -> None:
    assert mirror_label(label) == mirror


def test_sides_and_mirrors_agree_with_the_face_model(shared_data: Path) -> None:
    """On the symmetric mean face (+x is the subject's left) mirror landmarks lie at mirrored positions."""
    model = np.load(shared_data / "ict" / "ict_facekit.npz", allow_pickle=True)
    points = model["neutral"][model["landmarks68"]]
    known = LandmarkSet.load("ibug68")
    for place, landmark in enumerate(known.landmarks):
        x = points[place, 0]
        assert landmark.side == ("midline" if abs(x) < 0.01 else "left" if x > 0 else "right")
        np.testing.assert_allclose(points[known.index(landmark.mirror)], points[place] * [-1, 1, 1], atol=0.02)


def test_unknown_names_are_answered_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=", ".join(LANDMARK_SETS)):
        LandmarkSet.load("ibug69")
    with pytest.raises(ValueError, match=r"similar: .*en_r"):
        mirror_label("en_rr")
    with pytest.raises(ValueError, match="'nose'"):
        result().position("nose")
    assert "en_r" in LandmarkSet.load("clinical") and "ibug0" not in LandmarkSet.load("clinical")


def test_missing_landmarks_have_no_position() -> None:
    np.testing.assert_array_equal(np.isnan(result().positions), [[False] * 3, [False] * 3, [True] * 3])
    assert result().as_dict()["landmarks"][2]["position"] is None
    np.testing.assert_array_equal(result().position("en_r"), [4, 5, 6])


def test_errors_are_millimetres_in_any_unit_and_unknown_unless_given() -> None:
    assert np.isnan(result().errors_mm).all() and result().expected_error.shape == (3,)
    assessed = result(unit="cm", expected_error=[1.0, 2.0, 3.0], error_bound=[2.5, 4.0, 9.0])
    np.testing.assert_array_equal(assessed.errors_mm, [[1.0, 2.5], [2.0, 4.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(assessed.select(["en_r"]).error_bound, [4.0])
    entry = assessed.as_dict()["landmarks"]
    assert (entry[0]["expected_error_mm"], entry[1]["error_bound_mm"], entry[2]["error_bound_mm"]) == (1.0, 4.0, None)


def test_the_callers_arrays_are_not_changed() -> None:
    positions = np.ones((3, 3))
    result(positions=positions)
    np.testing.assert_array_equal(positions, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": np.zeros((2, 3))}, r"positions \(2, 3\)"),
        ({"confidence": [1, 1]}, r"confidence \(2,\)"),
        ({"status": ("found",)}, "1 statuses"),
        ({"labels": ("prn", "prn", "n")}, "duplicate labels: prn"),
        ({"status": ("found", "lost", "found")}, "'lost'"),
        ({"confidence": [0.1, 1.1, 0]}, "'en_r' has confidence 1.1"),
        ({"confidence": [np.nan, 0, 0]}, "'prn' has confidence nan"),
        ({"positions": np.full((3, 3), np.inf)}, "'prn' has no finite position"),
        ({"expected_error": [1.0, 2.0]}, r"expected_error \(3,\)"),
        ({"error_bound": [1.0, -2.0, 0.0]}, "'en_r' has error_bound -2"),
        ({"expected_error": [np.inf, 1.0, 0.0]}, "'prn' has expected_error inf"),
        ({"unit": "furlong"}, "furlong"),
        ({"frame": "XYZ"}, "XYZ"),
    ],
)
def test_inconsistent_results_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        result(**changes)


def test_selecting_takes_labels_in_the_order_asked_for() -> None:
    chosen = result().select(["t_l", "prn"])
    assert chosen.labels == ("t_l", "prn") and chosen.status == ("missing", "found")
    np.testing.assert_array_equal(chosen.confidence, [0, 0.9])
    np.testing.assert_array_equal(chosen.position("prn"), [1, 2, 3])


def test_changing_the_frame_converts_positions() -> None:
    changed = result(unit="cm").in_frame("RAS")
    np.testing.assert_allclose(changed.position("prn"), [-1, -2, 3])
    assert (changed.frame, changed.unit, changed.status) == ("RAS", "cm", result().status)
    np.testing.assert_allclose(changed.in_frame("LPS").positions, result().positions)


def test_as_dict_is_json_whatever_the_provenance_holds() -> None:
    info = {
        "pose": np.eye(2),
        "seed": np.int64(3),
        "t": np.float32(0.5),
        "bad": float("nan"),
        "p": Path("a"),
        "ok": True,
    }
    values = json.loads(json.dumps(result(info=info).as_dict(), allow_nan=False))
    assert values["info"] == {"pose": [[1, 0], [0, 1]], "seed": 3, "t": 0.5, "bad": None, "p": "a", "ok": True}
    assert plain((1, {2: {3}})) == [1, {"2": [3]}]


def test_landmarks_need_neither_torch_nor_vtk_nor_scipy() -> None:
    code = (
        "import sys, sgcn_core.types.landmarks, sgcn_core.io.markups, sgcn_core.io.meshes;"
        "print([m for m in ('torch', 'vtk', 'vtkmodules', 'scipy', 'trimesh') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

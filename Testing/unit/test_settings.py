"""The one list of options: impossible values are refused with a message that says what is possible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sgcn_core.errors import LandmarkError, SettingsError
from sgcn_core.settings import DetectionSettings


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("landmark_set", "farkas", "ibug68, clinical, all"),
        ("preset", "papers", "default, paper"),
        ("refine", "best", "guided"),
        ("seed", -1, "0 or more"),
        ("seed", True, "integer"),
        ("unit", "furlong", "um, mm, cm or m"),
        ("device", "tpu", "cpu, cuda, mps, auto"),
        ("weights", "nowhere.safetensors", "does not exist"),
    ],
)
def test_impossible_values_are_refused(option: str, value: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        DetectionSettings(**{option: value})


def test_initial_landmarks_are_checked_and_a_file_may_stand_for_them(tmp_path: Path) -> None:
    points = {"ex_r": (-45, 0, 0), "ex_l": (45, 0, 0)}
    with pytest.raises(LandmarkError, match="missing: prn"):
        DetectionSettings(initial_landmarks=points)
    with pytest.raises(LandmarkError, match="'prn' must be three finite"):
        DetectionSettings(initial_landmarks={**points, "prn": (0.0, float("nan"), 1.0)})
    assert DetectionSettings(initial_landmarks=tmp_path / "points.mrk.json").initial_landmarks is not None


def test_the_usual_spellings_pass() -> None:
    settings = DetectionSettings(unit="Millimeters", device="cuda:1", refine="paper", preset="paper")
    assert settings.device == "cuda:1"


def test_settings_load_neither_torch_nor_vtk_nor_scipy() -> None:
    code = "import sys, sgcn_core.settings; print({'torch', 'scipy', 'vtkmodules'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"

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
        ("unit", "furlong", "um, mm, cm, m, in, or mm_per_unit"),
        ("mm_per_unit", 0.0, "positive"),
        ("mm_per_unit", float("inf"), "positive"),
        ("mm_per_unit", "7", "positive"),
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


def test_the_unit_is_stated_by_name_or_in_millimetres() -> None:
    assert DetectionSettings().stated_unit is None
    assert DetectionSettings(unit="inch").stated_unit == "inch"
    assert DetectionSettings(mm_per_unit=25.4).stated_unit == "in"
    assert DetectionSettings(mm_per_unit=7.3).stated_unit == "7.3mm"
    with pytest.raises(SettingsError, match="once"):
        DetectionSettings(unit="mm", mm_per_unit=1.0)


def test_settings_load_neither_torch_nor_vtk_nor_scipy() -> None:
    code = "import sys, sgcn_core.settings; print({'torch', 'scipy', 'vtkmodules'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"

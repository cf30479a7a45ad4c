"""The module's file as Slicer loads it, without Qt: parameters, what is imported, reload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import slicer_stubs
from slicer_scene import Application, slicer

slicer_stubs.install()

from FacialLandmarks3DLib.detection.parameters import (  # noqa: E402
    DeviceChoice,
    LandmarkSetChoice,
)

import FacialLandmarks3D as module  # noqa: E402


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    one = Application(tmp_path / "cache")
    monkeypatch.setattr(slicer, "mrmlScene", one.scene, raising=False)
    return one


def test_parameters_have_types_and_stay_in_the_scene(application: Application) -> None:
    logic = module.FacialLandmarks3DLogic()
    parameters = logic.getParameterNode()
    assert (parameters.landmarkSet, parameters.device) == (LandmarkSetChoice.CLINICAL, DeviceChoice.CPU)
    assert parameters.inputNode is None and parameters.landmarks is None and parameters.weights == ""
    parameters.landmarkSet = LandmarkSetChoice.ALL
    parameters.inputNode = application.add("LabelMapVolume", "Labels")
    parameters.seed = 12
    again = logic.getParameterNode()
    assert again.landmarkSet is LandmarkSetChoice.ALL and again.inputNode.GetName() == "Labels" and again.seed == 12
    with pytest.raises(ValueError):
        parameters.seed = -1


def test_slicer_loads_nothing_foreign_with_the_module() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import slicer_stubs; slicer_stubs.install(); "
        "before = set(sys.modules); import FacialLandmarks3D; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).resolve().parent)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    assert not {"torch", "scipy", "SimpleITK", "sgcn_core", "qt", "ctk"} & set(eval(told))


def test_a_reload_loads_every_part_anew() -> None:
    old = sys.modules["FacialLandmarks3DLib.detection.job"]
    before = {name for name in sys.modules if name.startswith("FacialLandmarks3DLib")}
    kept = {name: sys.modules[name] for name in before}
    try:
        module.reload_library()
        assert sys.modules["FacialLandmarks3DLib.detection.job"] is not old
        assert {name for name in sys.modules if name.startswith("FacialLandmarks3DLib")} >= before
    finally:
        sys.modules.update(kept)

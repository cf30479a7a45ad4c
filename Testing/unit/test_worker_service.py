"""The worker's service without a process: what it keeps, what it says of errors, the files that it writes."""

from __future__ import annotations

import numpy as np
import pytest
from FacialLandmarks3DLib.scene.files import write_surface_file

from sgcn_core import LandmarkResult
from sgcn_core.batch import Loaded, Models, PlanError
from sgcn_core.errors import DeviceError, FaceNotFoundError
from sgcn_core.io.markups import read_landmarks
from sgcn_core.settings import DetectionSettings
from sgcn_core.worker.failures import describe
from sgcn_core.worker.requests import Detect, Heatmap
from sgcn_core.worker.service import DETECTIONS_KEPT, Service


class FakeDetector:
    """Finds one landmark; fails as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.checkpoint = type("Checkpoint", (), {"sha256": "0" * 64, "labels": ("prn",)})()

    def detect(self, surface, settings, *, observe, **_) -> LandmarkResult:
        if self.error is not None:
            raise self.error
        observe(type("StageOne", (), {"on_points": lambda self, points, label: np.zeros(len(points))})())
        info = {"notes": ["one piece left out"]}
        return LandmarkResult(("prn",), np.zeros((1, 3)), np.ones(1), ("found",), info=info)


class FakeModels(Models):
    """A detector per device."""

    def __init__(self, **detectors: FakeDetector) -> None:
        super().__init__()
        self.detectors = detectors

    def has(self, weights, device) -> bool:
        return True

    def get(self, weights, device) -> Loaded:
        return Loaded(self.detectors[device], device)


@pytest.fixture
def triangle(tmp_path) -> str:
    return str(write_surface_file(tmp_path / "t.npz", np.eye(3), [[0, 1, 2]]))


def nothing(stage: str, fraction: float) -> None: ...


def test_a_graphics_card_without_memory_gives_way_to_the_processor_and_that_is_said(triangle):
    models = FakeModels(cuda=FakeDetector(RuntimeError("CUDA out of memory. Tried ...")), cpu=FakeDetector())
    told = Service(models).answer(1, Detect(triangle, settings=DetectionSettings(device="cuda")), nothing)
    assert told["model"]["device"] == "cpu" and "cuda" in told["notes"][0]
    assert told["notes"][1:] == ["one piece left out"]
    models = FakeModels(cuda=FakeDetector(RuntimeError("something else")), cpu=FakeDetector())
    with pytest.raises(RuntimeError, match="something else"):
        Service(models).answer(1, Detect(triangle, settings=DetectionSettings(device="cuda")), nothing)


def test_only_the_latest_detections_are_kept_for_heatmaps(triangle):
    service = Service(FakeModels(cpu=FakeDetector()))
    for number in range(DETECTIONS_KEPT + 3):
        service.answer(number, Detect(triangle), nothing)
    assert list(service._seen) == list(range(3, DETECTIONS_KEPT + 3))


def test_what_was_not_foreseen_is_called_so_and_leaves_its_traceback(capsys):
    told = describe(ZeroDivisionError("division by zero"))
    assert told["type"] == "ZeroDivisionError" and "unexpected" in told["message"] and "report" in told["hint"]
    assert capsys.readouterr().out == ""
    told = describe(DeviceError("no such device"))
    assert told["message"] == "no such device" and "cpu" in told["hint"]
    assert "face" in describe(FaceNotFoundError("none"))["hint"]


# --- files to keep ----------------------------------------------------------------------------------------------


def test_a_heatmap_is_written_only_to_a_heatmap_file(triangle, tmp_path):
    service = Service(FakeModels(cpu=FakeDetector()))
    service.answer(1, Detect(triangle), nothing)
    new, other, disguised = (tmp_path / name for name in ("heat.npy", "scan.ply", "scan.npy"))
    for _ in range(2):  # its own file may be replaced
        assert service.answer(2, Heatmap(1, "prn", str(new)), nothing)["values"] == 3
    for path in (other, disguised):
        path.write_text("a scan")
        with pytest.raises((ValueError, FileExistsError), match=path.name):
            service.answer(3, Heatmap(1, "prn", str(path)), nothing)
        assert path.read_text() == "a scan"


def test_outputs_of_the_worker_are_no_inputs(triangle, tmp_path):
    service = Service(FakeModels(cpu=FakeDetector()))
    for fields in ({"surface": triangle}, {"output": str(tmp_path / "a.json"), "surface": str(tmp_path / "A.json")}):
        with pytest.raises(PlanError):
            service.answer(1, Detect(triangle, **fields), nothing)
    weights = tmp_path / "w.csv"
    weights.write_text("weights")
    settings = DetectionSettings(weights=weights)
    with pytest.raises(PlanError, match="is an input"):
        service.answer(1, Detect(triangle, output=str(weights), settings=settings), nothing)
    archive = tmp_path / "measured.npz"
    np.savez(archive, values=np.ones(3))
    with pytest.raises(FileExistsError, match="not a surface file"):
        service.answer(1, Detect(triangle, surface=str(archive)), nothing)


@pytest.mark.parametrize("overwrite", [True, False])
def test_corrections_saved_while_the_worker_detects_survive(triangle, tmp_path, overwrite):
    output = tmp_path / "a.csv"
    detector = FakeDetector()
    service = Service(FakeModels(cpu=detector))
    request = Detect(triangle, output=str(output), overwrite=overwrite)
    service.answer(1, request, nothing)
    assert read_landmarks(output).labels == ("prn",)
    if not overwrite:
        with pytest.raises(FileExistsError, match="corrections"):
            service.answer(2, request, nothing)
        output.unlink()

    def correct_meanwhile(stage: str, fraction: float) -> None:
        if stage == "writing":
            output.write_text("corrected")

    with pytest.raises(FileExistsError, match="in the meantime"):
        service.answer(3, request, correct_meanwhile)
    assert output.read_text() == "corrected"

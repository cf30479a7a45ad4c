"""The worker itself: real processes that detect on a generated face, and its parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from face_volume import face_volume
from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from FacialLandmarks3DLib.worker.protocol import Progress, WorkerError
from FacialLandmarks3DLib.worker.python import worker_command, worker_environment
from processes import alive
from test_child_process import set_traps

from sgcn_core import LandmarkDetector, LandmarkResult, Surface, __version__
from sgcn_core.batch import ExitCode, Loaded, Models, PlanError
from sgcn_core.child_process import python_command, python_environment
from sgcn_core.demo import demo_surface
from sgcn_core.errors import DeviceError, FaceNotFoundError, SettingsError
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.units import flip_frame
from sgcn_core.worker.failures import describe
from sgcn_core.worker.requests import BadRequest, Detect, Heatmap, Hello, identify, request_in
from sgcn_core.worker.service import DETECTIONS_KEPT, Service
from sgcn_core.worker.surface_file import read_surface_file

LONG = 120.0


@pytest.fixture(scope="module")
def face() -> Surface:
    """The demo face in Slicer's world."""
    demo = demo_surface()
    return demo.with_(vertices=flip_frame(demo.vertices), frame="RAS")


@pytest.fixture(scope="module")
def file(face: Surface, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("Größe 顔")
    return str(write_surface_file(folder / "visage é.npz", face.vertices, face.faces))


@pytest.fixture(scope="module")
def client() -> Iterator[WorkerClient]:
    one = WorkerClient.for_python(sys.executable)
    yield one
    one.close()


def ask(client: WorkerClient, kind: str, events: list | None = None, **fields):
    client.request(kind, **fields)
    return client.wait(None if events is None else events.append, timeout=LONG)


def refused(client: WorkerClient, kind: str, **fields) -> WorkerError:
    with pytest.raises(WorkerError) as caught:
        ask(client, kind, **fields)
    return caught.value


# --- a real worker ----------------------------------------------------------------------------------------------


def test_the_worker_tells_versions_without_loading_anything(client):
    told = ask(client, "hello")
    assert told["version"] == __version__ and told["protocol"] == 1
    assert told["packages"]["torch"] and told["executable"] == sys.executable


def test_landmarks_are_those_of_the_detector_in_the_frame_of_the_input(client, face, file, tmp_path):
    events: list = []
    output = tmp_path / "Ergebnis é.mrk.json"
    result = ask(client, "detect", events, input=file, output=str(output), seed=3)
    expected = LandmarkDetector.from_pretrained().detect(face, seed=3)
    assert (result["frame"], result["unit"]) == ("RAS", "mm")
    assert [row["label"] for row in result["landmarks"]] == list(expected.labels)
    assert result["landmarks"] == expected.as_dict()["landmarks"]
    assert result["info"]["weights_sha256"] == expected.info["weights_sha256"] and result["info"]["seed"] == 3
    assert result["info"]["version"] == __version__
    assert read_landmarks(output).labels == expected.labels
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages[0] == "loading the model" and stages[-1] == "writing" and "network" in stages
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions) and fractions[-1] < 1.0


def test_the_second_request_uses_the_model_again_and_heatmaps_follow(client, face, file, tmp_path):
    events: list = []
    identifier = client.request("detect", input=file, landmark_set="clinical")
    result = client.wait(events.append, timeout=LONG)
    assert result["model"]["reused"] is True and result["seconds"]["load"] == 0.0
    assert "loading the model" not in [event.stage for event in events if isinstance(event, Progress)]
    path = tmp_path / "chaleur é.npy"
    told = ask(client, "heatmap", detection=identifier, label="prn", output=str(path))
    heat = np.load(path, allow_pickle=False)
    assert heat.dtype == np.float32 and heat.shape == (len(face.vertices),) == (told["values"],)
    assert 0.5 < heat.max() <= 1.5 and heat.min() == 0.0
    tip = np.array(next(row["position"] for row in result["landmarks"] if row["label"] == "prn"))
    distance = np.linalg.norm(face.vertices - tip, axis=1)
    assert distance[heat.argmax()] < 4.0 and heat[distance > 40.0].max() < 0.35
    error = refused(client, "heatmap", detection=identifier, label="nose", output=str(tmp_path / "n.npy"))
    assert error.kind == "ValueError" and "'nose'" in error.message
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name]


def test_errors_name_their_kind_and_the_worker_stays(client, face, file, tmp_path):
    before = ask(client, "hello")
    flat = write_surface_file(tmp_path / "flat.npz", face.vertices * [1, 1, 0], face.faces)
    (tmp_path / "text.npz").write_text("no archive")
    for fields, kind in (
        ({"input": str(tmp_path / "none.npz")}, "FileNotFoundError"),
        ({"input": str(tmp_path / "text.npz")}, "FileFormatError"),
        ({"input": str(flat)}, "FaceNotFoundError"),
        ({"input": file, "device": "cuda:7"}, "DeviceError"),
        ({"input": file, "device": "tpu"}, "SettingsError"),
        ({"input": file, "weights": str(tmp_path / "no.safetensors")}, "SettingsError"),
        ({"input": file, "weights": file}, "ModelError"),
        ({"input": file, "landmark_set": "dental"}, "SettingsError"),
        ({"input": file, "initial_landmarks": {"prn": [0, 0, 0]}}, "LandmarkError"),
        ({"input": file, "initial_landmarks": {"prn": 1, "ex_r": 2, "ex_l": 3}}, "LandmarkError"),
        ({"input": file, "unit": 5}, "BadRequest"),
        ({"input": file, "output": str(tmp_path / "no" / "folder.json")}, "FileNotFoundError"),
        ({"input": file, "sead": 1}, "BadRequest"),
    ):
        error = refused(client, "detect", **fields)
        assert error.kind == kind and error.message and error.hint and not error.worker_lost
    assert refused(client, "heatmap", detection=999, label="prn", output="x.npy").kind == "UnknownDetectionError"
    assert ask(client, "hello") == before


def test_a_mesh_file_will_do_as_well(client, face, tmp_path):
    path = tmp_path / "scan ü.ply"
    write_surface(face, path)
    result = ask(client, "detect", input=str(path), landmark_set="ibug68")
    assert result["frame"] == "RAS" and len(result["landmarks"]) == 68


def test_of_a_volume_the_skin_is_taken_and_can_be_had(client, tmp_path):
    """A mesh file may be asked for its surface as well: there it can be compared."""
    demo = demo_surface()
    path, skin = tmp_path / "scan.ply", tmp_path / "skin.npz"
    write_surface(demo.with_(unit="mm"), path)
    result = ask(client, "detect", input=str(path), landmark_set="ibug68", surface=str(skin))
    assert (result["frame"], result["surface"]) == ("LPS", str(skin))
    written = read_surface_file(skin)
    np.testing.assert_allclose(written.vertices, flip_frame(demo.vertices), atol=1e-3)
    np.testing.assert_array_equal(written.faces, demo.faces)

    voxels, origin = face_volume(demo, spacing=2.0)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([2.0] * 3)
    image.SetOrigin(origin.tolist())
    sitk.WriteImage(image, str(tmp_path / "Kopf é.nrrd"))
    events: list = []
    result = ask(
        client, "detect", events, input=str(tmp_path / "Kopf é.nrrd"), landmark_set="clinical", surface=str(skin)
    )
    assert "skin" in [event.stage for event in events if isinstance(event, Progress)]
    tip = next(row["position"] for row in result["landmarks"] if row["label"] == "prn")
    assert np.linalg.norm(read_surface_file(skin).in_frame("LPS").vertices - tip, axis=1).min() < 2.0
    assert np.linalg.norm(demo.vertices - tip, axis=1).min() < 3.0
    assert refused(client, "detect", input=str(path), surface=str(tmp_path / "skin.ply")).kind == "ValueError"


def test_a_worker_killed_at_work_is_an_error_and_the_next_request_starts_another(client, file):
    client.request("detect", input=file, device="cpu")
    with pytest.raises(WorkerError, match=r"ended by the system|ended unexpectedly"):
        client.wait(lambda event: isinstance(event, Progress) and os.kill(pid_of(client), 9), timeout=LONG)
    assert ask(client, "hello")["version"] == __version__


def pid_of(client: WorkerClient) -> int:
    process = client._process
    assert isinstance(process, ChildProcess)
    return process.pid


# --- the protocol as bytes --------------------------------------------------------------------------------------


def talk(content: bytes, code: str | None = None) -> tuple[list[dict], str, int]:
    """Answers, log and exit code of a worker that is given these bytes and then the end of its input."""
    command = worker_command(sys.executable) if code is None else [sys.executable, "-c", code]
    ended = subprocess.run(command, input=content, capture_output=True, env=worker_environment(), timeout=LONG)
    assert ended.stdout.isascii()
    lines = [line for line in ended.stdout.split(b"\n") if line]
    return [json.loads(line) for line in lines], ended.stderr.decode(), ended.returncode


def test_whatever_is_no_request_gets_an_error_and_the_rest_is_answered():
    requests = [
        b"\xef\xbb\xbf" + b'{"id": 1, "request": "hello"}\r',
        b"rubbish \xff\xfe",
        b"[" * 5000,
        b"[]",
        b'{"request": "hello"}',
        b'{"id": true, "request": "hello"}',
        b'{"id": 2}',
        b'{"id": 3, "request": ["hello"]}',
        b'{"id": 4, "request": "detect"}',
        b'{"id": 5, "request": "detect", "input": 7}',
        b'{"id": 6, "request": "detect", "input": "x.npz", "seed": true}',
        b" " * 70_000 + b'{"id": 7, "request": "' + b"x" * (1 << 21) + b'"}',
        b"",
        b'{"id": "last", "request": "hello"}',
    ]
    answers, log, code = talk(b"\n".join(requests))
    assert code == 0 and log == ""
    kinds = [(answer["answer"], answer.get("id")) for answer in answers]
    errors = [("error", None)] * 5 + [("error", number) for number in (2, 3, 4, 5, 6)] + [("error", None)]
    assert kinds == [("ready", None), ("result", 1), *errors, ("result", "last")]
    assert all(answer["error"]["type"] == "BadRequest" for answer in answers if answer["answer"] == "error")


def test_shutdown_ends_the_worker_and_leaves_the_rest_unread():
    answers, _, code = talk(b'{"id": 1, "request": "shutdown"}\n{"id": 2, "request": "hello"}\n')
    assert code == 0 and [answer.get("id") for answer in answers] == [None, 1]


NOISY = """
import os, sys
from sgcn_core.worker import server, service

class Noisy(service.Service):
    def answer(self, identifier, request, progress):
        print("printed")
        os.write(1, b"written\\n")
        os.system("echo echoed")
        print(repr(sys.stdin.read()))
        return {"heard": True}

server.Service = Noisy
server.serve()
"""


def test_what_others_print_goes_to_the_log_and_what_they_read_is_nothing():
    answers, log, _ = talk(b'{"id": 1, "request": "hello"}\n', NOISY)
    assert [answer["answer"] for answer in answers] == ["ready", "result"]
    assert sorted(log.split()) == ["''", "echoed", "printed", "written"]


ORPHAN = """
import subprocess, sys
code = '''
import time
from sgcn_core.worker import server, service

class Stuck(service.Service):
    def answer(self, identifier, request, progress):
        progress("stuck", 0.5)
        time.sleep(600)

server.Service = Stuck
server.serve()
'''
worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
worker.stdin.write(b'{"id": 1, "request": "hello"}\\n')
worker.stdin.flush()
while b"stuck" not in worker.stdout.readline(): pass
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_worker_at_work_ends_when_its_caller_is_gone():
    caller = subprocess.Popen([sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert caller.stdin is not None and caller.stdout is not None
    worker = int(caller.stdout.readline())
    caller.kill()
    caller.communicate()
    end = time.monotonic() + LONG
    while alive(worker):
        assert time.monotonic() < end, "the worker is still there"
        time.sleep(0.05)


# --- its parts --------------------------------------------------------------------------------------------------


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


def test_requests_have_defaults():
    assert request_in(*identify(b'{"id": 1, "request": "hello"}')) == Hello()
    request = request_in(*identify(b'{"id": "a", "request": "detect", "input": "x.npz", "weights": null, "seed": 3}'))
    assert request == Detect("x.npz", settings=DetectionSettings(seed=3))
    with pytest.raises(BadRequest, match="unknown field 'speed'"):
        request_in(*identify(b'{"id": 1, "request": "hello", "speed": 2}'))
    with pytest.raises(BadRequest, match="unknown field 'settings'"):
        request_in(*identify(b'{"id": 1, "request": "detect", "input": "x.npz", "settings": {}}'))
    with pytest.raises(SettingsError, match="refinement mode 'best'"):
        request_in(*identify(b'{"id": 1, "request": "detect", "input": "x.npz", "refine": "best"}'))


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


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_that_is_asked_to_end_by_a_signal_does_so_quietly():
    command, environment = python_command("sgcn_core", "worker"), python_environment()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    worker = subprocess.Popen(command, env=environment, **streams)
    assert worker.stdout is not None and b"ready" in worker.stdout.readline()
    worker.terminate()
    _, log = worker.communicate(timeout=LONG)
    assert (worker.returncode, log) == (ExitCode.INTERRUPTED, b"")


def test_the_worker_of_the_extension_imports_nothing_from_the_current_folder(tmp_path, monkeypatch):
    sprung = set_traps(tmp_path)
    monkeypatch.chdir(tmp_path)
    client = WorkerClient.for_python(sys.executable, str(Path(__file__).resolve().parents[2]))
    try:
        assert ask(client, "hello")["version"] == __version__
    finally:
        client.close()
    assert list(sprung.iterdir()) == []

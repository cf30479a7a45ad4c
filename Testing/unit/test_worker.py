"""Real workers, each in a process of its own, that detect on a generated face."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from face_volume import face_volume
from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from FacialLandmarks3DLib.worker.protocol import Progress, WorkerError
from test_child_process import set_traps

from sgcn_core import Surface, __version__
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.types.units import flip_frame
from sgcn_core.worker.surface_file import read_surface_file

LONG = 120.0


@pytest.fixture(scope="module")
def world(face: Surface) -> Surface:
    """The demo face in Slicer's world."""
    return face.with_(vertices=flip_frame(face.vertices), frame="RAS")


@pytest.fixture(scope="module")
def file(world: Surface, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("Größe 顔")
    return str(write_surface_file(folder / "visage é.npz", world.vertices, world.faces))


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


def test_the_worker_tells_versions_without_loading_anything(client):
    told = ask(client, "hello")
    assert told["version"] == __version__ and told["protocol"] == 1
    assert told["packages"]["torch"] and told["executable"] == sys.executable


def test_landmarks_are_those_of_the_detector_in_the_frame_of_the_input(client, detector, world, file, tmp_path):
    events: list = []
    output = tmp_path / "Ergebnis é.mrk.json"
    result = ask(client, "detect", events, input=file, output=str(output), seed=3)
    expected = detector.detect(world, seed=3)
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


def test_the_second_request_uses_the_model_again_and_heatmaps_follow(client, world, file, tmp_path):
    events: list = []
    identifier = client.request("detect", input=file, landmark_set="clinical")
    result = client.wait(events.append, timeout=LONG)
    assert result["model"]["reused"] is True and result["seconds"]["load"] == 0.0
    assert "loading the model" not in [event.stage for event in events if isinstance(event, Progress)]
    path = tmp_path / "chaleur é.npy"
    told = ask(client, "heatmap", detection=identifier, label="prn", output=str(path))
    heat = np.load(path, allow_pickle=False)
    assert heat.dtype == np.float32 and heat.shape == (len(world.vertices),) == (told["values"],)
    assert 0.5 < heat.max() <= 1.5 and heat.min() == 0.0
    tip = np.array(next(row["position"] for row in result["landmarks"] if row["label"] == "prn"))
    distance = np.linalg.norm(world.vertices - tip, axis=1)
    assert distance[heat.argmax()] < 4.0 and heat[distance > 40.0].max() < 0.35
    error = refused(client, "heatmap", detection=identifier, label="nose", output=str(tmp_path / "n.npy"))
    assert error.kind == "ValueError" and "'nose'" in error.message
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name]


def test_errors_name_their_kind_and_the_worker_stays(client, world, file, tmp_path):
    before = ask(client, "hello")
    flat = write_surface_file(tmp_path / "flat.npz", world.vertices * [1, 1, 0], world.faces)
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


def test_a_mesh_file_will_do_as_well_and_its_surface_can_be_had(client, world, tmp_path):
    path, surface = write_surface(world, tmp_path / "scan ü.ply"), tmp_path / "surface.npz"
    result = ask(client, "detect", input=str(path), landmark_set="ibug68", surface=str(surface))
    assert (result["frame"], result["surface"]) == ("RAS", str(surface)) and len(result["landmarks"]) == 68
    written = read_surface_file(surface)
    np.testing.assert_allclose(written.vertices, world.vertices, atol=1e-3)
    np.testing.assert_array_equal(written.faces, world.faces)
    assert refused(client, "detect", input=str(path), surface=str(tmp_path / "surface.ply")).kind == "ValueError"


def test_of_a_volume_the_skin_is_taken_and_can_be_had(client, face, tmp_path):
    voxels, origin = face_volume(face, spacing=2.0)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([2.0] * 3)
    image.SetOrigin(origin.tolist())
    path, skin = str(tmp_path / "Kopf é.nrrd"), tmp_path / "skin.npz"
    sitk.WriteImage(image, path)
    events: list = []
    result = ask(client, "detect", events, input=path, landmark_set="clinical", surface=str(skin))
    assert (result["frame"], result["surface"]) == ("LPS", str(skin))
    assert "skin" in [event.stage for event in events if isinstance(event, Progress)]
    tip = next(row["position"] for row in result["landmarks"] if row["label"] == "prn")
    assert np.linalg.norm(read_surface_file(skin).in_frame("LPS").vertices - tip, axis=1).min() < 2.0
    assert np.linalg.norm(face.vertices - tip, axis=1).min() < 3.0


def test_a_worker_killed_at_work_is_an_error_and_the_next_request_starts_another(client, file):
    client.request("detect", input=file, device="cpu")
    with pytest.raises(WorkerError, match=r"ended by the system|ended unexpectedly"):
        client.wait(lambda event: isinstance(event, Progress) and os.kill(pid_of(client), 9), timeout=LONG)
    assert ask(client, "hello")["version"] == __version__


def pid_of(client: WorkerClient) -> int:
    process = client._process
    assert isinstance(process, ChildProcess)
    return process.pid


def test_the_worker_of_the_extension_imports_nothing_from_the_current_folder(tmp_path, monkeypatch):
    sprung = set_traps(tmp_path)
    monkeypatch.chdir(tmp_path)
    client = WorkerClient.for_python(sys.executable, str(Path(__file__).resolve().parents[2]))
    try:
        assert ask(client, "hello")["version"] == __version__
    finally:
        client.close()
    assert list(sprung.iterdir()) == []

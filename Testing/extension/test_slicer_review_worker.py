"""The heatmap of a landmark from the real worker onto the model: slicer-core on one side, PyTorch on the other."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import review_cases as cases
from FacialLandmarks3DLib.detection.landmarker import Landmarker
from FacialLandmarks3DLib.review.heatmap import Heatmap, HeatmapOverlay, HeatmapRequest
from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.scene.provenance import provenance_of
from FacialLandmarks3DLib.scene.world_surface import read_world_surface
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.protocol import Failed, Result, WorkerError
from slicer_scene import Application
from vtk.util.numpy_support import vtk_to_numpy

from sgcn_core.demo import demo_surface
from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.types.units import flip_frame

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

# PyTorch may live in another Python than slicer-core.
PYTHON = os.environ.get("SGCN_WORKER_PYTHON", sys.executable)
needs_torch = pytest.mark.skipif(
    sys.executable == PYTHON and importlib.util.find_spec("torch") is None,
    reason="no PyTorch beside slicer-core; SGCN_WORKER_PYTHON may name a Python that has it",
)


def wait_for(request: HeatmapRequest, seconds: float = 60.0) -> Heatmap:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = request.poll()
        if answer is not None:
            return answer
        time.sleep(0.01)
    raise AssertionError("no answer")


@pytest.fixture(scope="module")
def client() -> Iterator[WorkerClient]:
    made = WorkerClient.for_python(PYTHON, str(Path(__file__).resolve().parents[2]))
    yield made
    made.close()


@needs_torch
def test_a_heatmap_from_the_worker_lies_where_the_landmark_is(tmp_path: Path, client: WorkerClient) -> None:
    application = Application(tmp_path / "cache")
    demo = demo_surface()
    model, node = application.add("Model", "Visage é"), application.add("MarkupsFiducial", "Landmarks")
    model.SetAndObservePolyData(to_polydata(flip_frame(demo.vertices), demo.faces))
    cases.transformed(application, model)
    model.GetParentTransformNode().SetAndObserveTransformNodeID(None)  # no scaling: a face has the size of a face
    surface = read_world_surface(model)
    file = write_surface_file(tmp_path / "face.npz", surface.points, surface.triangles)
    detection = client.request("detect", input=file, landmark_set="clinical")
    result = client.wait(timeout=120.0)
    write_landmarks(node, result, model, provenance_of(result, landmark_set="clinical", input_name="Visage é"))

    request, overlay = HeatmapRequest(lambda: client), HeatmapOverlay()
    for label in ("prn", "ch_l"):
        request.start(detection, label)
        answer = wait_for(request)
        assert not request.busy and answer.label == label
        assert overlay.show(model, label, answer.values) > 0.5
        shown = vtk_to_numpy(model.GetDisplayNode().GetActiveScalarArray())
        brightest = surface.points[int(np.argmax(shown))]
        assert np.linalg.norm(brightest - cases.world_position(node, label)) < 5.0

    request.start(detection, "ibug0")  # the network knows it, the set that was asked for does not matter
    assert wait_for(request).values.shape == (len(surface.points),)
    request.start(12345, "prn")
    with pytest.raises(ReviewError, match="no longer"):
        wait_for(request)
    request.start(detection, "no such label")
    with pytest.raises(ReviewError, match="no such label"):
        wait_for(request)


class Client:
    """What `HeatmapRequest` needs of a client."""

    def __init__(self) -> None:
        self.busy, self.running = False, True
        self.events: list[Any] = []
        self.asked: dict[str, Any] = {}

    def request(self, kind: str, **fields: Any) -> int:
        self.busy, self.asked = True, {"kind": kind, **fields}
        return 7

    def poll(self) -> list[Any]:
        taken, self.events = self.events, []
        self.busy = self.busy and not taken
        return taken


def broken(kind: str, identifier: int | None = 7) -> Failed:
    return Failed(identifier, WorkerError(kind, "It broke."))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([broken("UnknownDetectionError")], "no longer"),
        ([broken("Crashed", None)], "broke"),
        ([broken("MemoryError")], "broke"),
        ([Result(7, {})], "could not be read"),
        ([Result(6, {})], "no longer"),  # of another request; ours was taken by somebody else
    ],
)
def test_a_heatmap_that_cannot_be_had_says_why(events: list[Any], message: str) -> None:
    client = Client()
    request = HeatmapRequest(lambda: client)
    request.start(3, "prn")
    assert request.poll() is None
    client.events = events
    with pytest.raises(ReviewError, match=message):
        request.poll()
    assert not request.busy and not client.asked["output"].parent.exists()


def no_worker(client: Client) -> None:
    client.running = False


def busy(client: Client) -> None:
    client.busy = True


@pytest.mark.parametrize(
    ("spoil", "detection", "message"),
    [(no_worker, 3, "no longer"), (busy, 3, "busy"), (lambda client: None, None, "no longer")],
)
def test_what_is_of_no_use_is_not_asked(spoil: Callable[[Client], None], detection: int | None, message: str) -> None:
    client = Client()
    spoil(client)
    with pytest.raises(ReviewError, match=message):
        HeatmapRequest(lambda: client).start(detection, "prn")
    assert client.asked == {}


class Keeper:
    """As :class:`FacialLandmarks3DLib.worker_keeper.WorkerKeeper`."""

    running, busy = True, False

    def close(self) -> None:
        """Nothing to end."""


def test_a_detection_is_known_by_its_node_not_by_an_id_that_is_used_again(tmp_path: Path) -> None:
    application = Application(tmp_path / "cache")
    node = application.add("MarkupsFiducial", "Landmarks")
    landmarker = Landmarker(Keeper(), application.scene)
    landmarker._remember(types.SimpleNamespace(node=node, identifier=5))
    assert landmarker.detection_of(node) == 5
    name = node.GetID()
    application.scene.Clear(True)
    another = application.add("MarkupsFiducial", "Landmarks")
    assert another.GetID() == name and landmarker.detection_of(another) is None
    landmarker._remember(types.SimpleNamespace(node=another, identifier=6))
    landmarker.restart_worker()
    assert landmarker.detection_of(another) is None

"""The 3D view that draws the pictures of the guide: landmarks appear in their colours, and nothing shines through."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("slicer", reason="slicer-core is not installed")
if importlib.util.find_spec("PIL") is None:
    pytest.skip("Pillow is not installed", allow_module_level=True)

# In a process of its own: slicer-core crashes while it takes displayable managers down.
CHILD = """
import json, os, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:4]
import numpy as np
import vtk
from slicer_scene import Application
from slicer_view import ThreeDView
from small_png import save_small
from FacialLandmarks3DLib.review.labels import ViewLabels
from FacialLandmarks3DLib.review.rows import rows_of
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.provenance import Provenance

folder = Path(sys.argv[4])
application = Application(folder / "cache")
ball = vtk.vtkSphereSource()
ball.SetRadius(80)
ball.SetThetaResolution(60)
ball.SetPhiResolution(60)
ball.Update()
model = application.add("Model", "Ball")
model.SetAndObservePolyData(ball.GetOutput())
model.CreateDefaultDisplayNodes()
model.GetDisplayNode().SetColor(0.8, 0.8, 0.8)
places = {"found": (-30, 75, 0), "uncertain": (30, 75, 0)}
behind = {"found": (-30, -75, 0), "uncertain": (30, -75, 0)}
view = ThreeDView(application, (300, 300))
for number, (statuses, sides, labelled) in enumerate(json.loads(sys.argv[5])):
    rows = [
        {"label": f"{status}_{side}", "position": where[status], "status": status, "confidence": 1.0}
        for side, where in (("front", places), ("back", behind)) for status in statuses.split(",") if side == sides
    ]
    node = application.add("MarkupsFiducial", "L")
    write_landmarks(
        node, {"frame": "RAS", "unit": "mm", "landmarks": rows}, model, Provenance()
    )
    if labelled != "all":
        labels = ViewLabels(node)
        labels.update(rows_of(node) if labelled == "some" else [], None, show_all=False)
    view.look((0, 0, 0), 400)
    image = view.image()
    red, green, blue = np.asarray(image).astype(int).transpose(2, 0, 1)
    print((green > red + 50).sum(), (red > blue + 100).sum())
    assert save_small(image, folder / f"{number}.png").stat().st_size > 1000
    node.GetDisplayNode().SetVisibility(False)
    application.scene.RemoveNode(node)
sys.stdout.flush()
os._exit(0)
"""


# Statuses, where the landmarks lie, and whose labels are shown.
DRAWN = (
    ("found,uncertain", "front", "all"),
    ("found", "front", "all"),
    ("found,uncertain", "back", "all"),
    ("found,uncertain", "front", "none"),
    ("found,uncertain", "front", "some"),
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], tuple[int, int]]:
    """How many pixels of each picture are green and orange."""
    paths = [str(ROOT / name) for name in ("research/figures", "Testing/extension", "FacialLandmarks3D")]
    folder = tmp_path_factory.mktemp("views")
    command = [sys.executable, "-c", CHILD, *paths, str(folder), json.dumps(DRAWN)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0 and "OpenGL" in ended.stderr:
        pytest.skip("no OpenGL here, neither with a display nor with EGL")
    assert ended.returncode == 0, ended.stderr
    counts = [line.split() for line in ended.stdout.splitlines()[-len(DRAWN) :]]
    return {drawing: (int(green), int(orange)) for drawing, (green, orange) in zip(DRAWN, counts, strict=True)}


@pytest.mark.parametrize(
    ("drawing", "seen"), [*zip(DRAWN, ((True, True), (True, False), (False, False)), strict=False)]
)
def test_landmarks_are_drawn_in_their_colours(
    drawn: dict[tuple[str, str, str], tuple[int, int]], drawing: tuple[str, str, str], seen: tuple[bool, bool]
) -> None:
    found, uncertain = drawn[drawing]
    assert ((found > 30), (uncertain > 30)) == seen


def test_only_the_uncertain_landmark_has_its_label_in_the_view(
    drawn: dict[tuple[str, str, str], tuple[int, int]],
) -> None:
    found, uncertain = drawn[DRAWN[3]]
    found_too, labelled = drawn[DRAWN[4]]
    assert labelled > uncertain + 30 and abs(found_too - found) < 10

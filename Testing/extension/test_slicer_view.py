"""The 3D view that draws the pictures of the guide: landmarks appear in their colours, and nothing shines through."""

from __future__ import annotations

import importlib.util
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
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:4]
import numpy as np
import vtk
from slicer_scene import Application
from slicer_view import ThreeDView, save
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
statuses = sys.argv[5].split(",")
behind = {"found": (-30, -75, 0), "uncertain": (30, -75, 0)}
rows = [
    {"label": f"{status}_{side}", "position": where[status], "status": status, "confidence": 1.0}
    for side, where in (("front", places), ("back", behind)) for status in statuses if side in sys.argv[6]
]
view = ThreeDView(application, (300, 300))
node = application.add("MarkupsFiducial", "L")
write_landmarks(
    node, {"frame": "RAS", "unit": "mm", "landmarks": rows}, model, Provenance()
)
if sys.argv[7] != "all":
    labels = ViewLabels(node)
    labels.update(rows_of(node) if sys.argv[7] == "some" else [], None, show_all=False)
view.look((0, 0, 0), 400)
image = view.image()
red, green, blue = np.asarray(image).astype(int).transpose(2, 0, 1)
print((green > red + 50).sum(), (red > blue + 100).sum())
print(save(image, folder / "view.png").stat().st_size)
sys.stdout.flush()
os._exit(0)
"""


def coloured(folder: Path, statuses: str, sides: str, labels: str = "all") -> tuple[int, int]:
    """How many pixels are green and orange where landmarks of these statuses lie in front or at the back."""
    paths = [str(ROOT / name) for name in ("research/figures", "Testing/extension", "FacialLandmarks3D")]
    command = [sys.executable, "-c", CHILD, *paths, str(folder), statuses, sides, labels]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0 and "OpenGL" in ended.stderr:
        pytest.skip("no OpenGL here, neither with a display nor with EGL")
    assert ended.returncode == 0, ended.stderr
    green, orange = ended.stdout.splitlines()[0].split()
    return int(green), int(orange)


@pytest.mark.parametrize(
    ("statuses", "sides", "green", "orange"),
    [
        ("found,uncertain", "front", True, True),
        ("found", "front", True, False),
        ("found,uncertain", "back", False, False),
    ],
)
def test_landmarks_are_drawn_in_their_colours(
    tmp_path: Path, statuses: str, sides: str, green: bool, orange: bool
) -> None:
    found, uncertain = coloured(tmp_path, statuses, sides)
    assert ((found > 30), (uncertain > 30)) == (green, orange)


def test_only_the_uncertain_landmark_has_its_label_in_the_view(tmp_path: Path) -> None:
    found, uncertain = coloured(tmp_path, "found,uncertain", "front", "none")
    found_too, labelled = coloured(tmp_path, "found,uncertain", "front", "some")
    assert labelled > uncertain + 30 and abs(found_too - found) < 10

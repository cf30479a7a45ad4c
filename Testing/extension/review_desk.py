"""A review panel on a desk: widgets without Qt (:mod:`fake_qt`), real nodes, a worker that answers at once."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fake_qt as widgets
import numpy as np
import pytest
import review_cases as cases
from FacialLandmarks3DLib.worker.protocol import Result
from slicer_scene import Application, slicer

from sgcn_core.settings import DetectionSettings

MODULE = Path(__file__).resolve().parents[2] / "FacialLandmarks3D"
WITH_QT = {"panel.py", "table.py", "sections.py"}
LABEL, SIDE, STATUS, ERROR, MOVED = range(5)


class Worker:
    """Answers heatmaps at once, with one bright point for each landmark."""

    def __init__(self) -> None:
        self.busy, self.running, self.asked = False, True, []
        self.points, self._answer = 0, None

    def request(self, kind: str, *, detection: int, label: str, output: Path) -> int:
        self.asked.append((kind, detection, label))
        values = np.zeros(self.points, dtype=np.float32)
        values[len(self.asked)] = 0.7
        np.save(output, values)
        self.busy, self._answer = True, Result(len(self.asked), {"output": str(output)})
        return len(self.asked)

    def poll(self) -> list[Any]:
        answer, self._answer = self._answer, None
        self.busy = False
        return [] if answer is None else [answer]


class Services:
    """As :class:`FacialLandmarks3DLib.services.Services`."""

    def __init__(self, scene: Any, client: Worker) -> None:
        self.scene, self.resources = scene, MODULE / "Resources"
        self.client, self.again = client, []
        self.used_weights: list[str] = []
        self.detections: dict[str, int] = {}
        self.landmarker = types.SimpleNamespace(detection_of=lambda node: self.detections.get(node.GetID()))

    def worker(self) -> Worker:
        return self.client

    def options(self) -> DetectionSettings:
        return DetectionSettings(device="auto")

    def use_weights(self, path: str) -> None:
        self.used_weights.append(path)

    def place_again(self, initial_landmarks: Any) -> None:
        self.again.append(initial_landmarks)


class Desk:
    """A panel, its services and a finished case."""

    def __init__(self, application: Application, panel_class: Any) -> None:
        self.model, self.node = cases.finished_case(application)
        self.camera = application.add("Camera", "Camera")
        client = Worker()
        client.points = self.model.GetPolyData().GetNumberOfPoints()
        self.services = Services(application.scene, client)
        self.services.detections[self.node.GetID()] = 3
        self.container = widgets.widgets_of(MODULE / "Resources" / "UI" / "FacialLandmarks3D.ui").reviewContainer
        self.panel = panel_class(self.container, self.services)
        self.ui = self.panel.ui
        self.table = self.ui.reviewTable

    def choose(self, label: str) -> None:
        self.table.setCurrentCell(self.table.texts(LABEL).index(label), 0)

    def column(self, column: int) -> dict[str, str]:
        return dict(zip(self.table.texts(LABEL), self.table.texts(column), strict=True))


def forget_parts() -> None:
    """They hold on to the qt that they were made with."""
    for name in WITH_QT:
        sys.modules.pop(f"FacialLandmarks3DLib.review.{name.removesuffix('.py')}", None)


@contextmanager
def open_desk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk whose panel uses no Qt; files are saved in the folder."""
    monkeypatch.setitem(sys.modules, "qt", widgets.qt_module(str(folder)))
    forget_parts()
    monkeypatch.setattr(slicer.util, "loadUI", widgets.load_ui, raising=False)
    monkeypatch.setattr(slicer.util, "childWidgetVariables", widgets.child_widget_variables, raising=False)
    widgets.QTimer.made.clear()
    application = Application(folder / "cache")
    from FacialLandmarks3DLib.review.panel import ReviewPanel

    yield Desk(application, ReviewPanel)
    forget_parts()
    del application  # it owns the scene

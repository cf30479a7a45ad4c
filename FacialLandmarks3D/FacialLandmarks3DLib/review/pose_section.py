"""The section "Face not found?": three points by hand, then the detection again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..services import Services
from ..translation import _
from .manual_pose import POSE_POINTS, ManualPose
from .points import ReviewError

_LOOK_MS = 300


class PoseSection:
    """Buttons of the three points.

    While the section is open, a timer looks at the points: they may be changed, or removed with their node, from
    anywhere.

    Parameters
    ----------
    ui : object with the widgets of the section
    services : Services
    """

    def __init__(self, ui: Any, services: Services) -> None:
        self._ui, self._services = ui, services
        self.pose = ManualPose(services.scene)
        self._connections: list[tuple[Any, str, Callable[..., None]]] = [
            (ui.posePlaceButton, "clicked()", self._on_place),
            (ui.poseRunButton, "clicked()", self._on_run),
            (ui.poseClearButton, "clicked()", self._on_clear),
            (ui.poseCollapsibleButton, "contentsCollapsed(bool)", self._on_collapsed),
        ]
        for widget, signal, slot in self._connections:
            widget.connect(signal, slot)
        self._timer = qt.QTimer()
        self._timer.setInterval(_LOOK_MS)
        self._timer.connect("timeout()", self.refresh)
        self.refresh()

    def open(self) -> None:
        """Unfold the section, after a detection that has found no face."""
        self._ui.poseCollapsibleButton.collapsed = False

    def close(self) -> None:
        """Listen no more; the points stay in the scene."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self.refresh)
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)

    def refresh(self) -> None:
        """Show what is placed and what comes next."""
        ui, pose = self._ui, self.pose
        ui.poseStateLabel.text = self._state()
        ui.posePlaceButton.enabled = pose.node is None or pose.next_point() is not None
        ui.poseClearButton.enabled = pose.node is not None
        ui.poseRunButton.enabled = pose.valid

    def _state(self) -> str:
        label = self.pose.next_point()
        if self.pose.node is None:
            return _("Place three points on the face; the landmarks are then searched for around them.")
        if label is not None:
            return _("Click on: {point} ({label}).").format(point=POSE_POINTS[label], label=label)
        if self.pose.is_line():
            return _("The three points lie on a line; drag them to the eye corners and to the tip of the nose.")
        return _("Three points are placed; run the detection again.")

    def _on_place(self) -> None:
        try:
            self.pose.start()
        except ReviewError as error:
            self._ui.poseStateLabel.text = str(error)
            return
        self._timer.start()
        self.refresh()

    def _on_run(self) -> None:
        points = self.pose.initial_landmarks()
        if points is not None and self.pose.valid:
            self._services.place_again(points)

    def _on_clear(self) -> None:
        self.pose.clear()
        self.refresh()

    def _on_collapsed(self, collapsed: bool) -> None:
        if collapsed:
            self._timer.stop()
        else:
            self._timer.start()
            self.refresh()

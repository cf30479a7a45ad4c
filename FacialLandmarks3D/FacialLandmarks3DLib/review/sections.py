"""The parts of the review panel beside its table: the heatmap, learning, and the three points of a manual pose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

from ..detection.panel import Dialogs
from ..detection.services import Services
from ..messages import _, stage_text
from ..scene.landmark_surface import has_changed, needed_surface, surface_of
from ..scene.nodes import ReviewError
from ..scene.overlay import HEATMAP, recover_look
from .heatmap import Heatmap, HeatmapOverlay, HeatmapRequest
from .learning import SUFFIX, LearningJob, corrected_in, outcome
from .manual_pose import POSE_POINTS, ManualPose

_POLL_MS = 30
_LOOK_MS = 300


class HeatmapSection:
    """Asks the worker whenever the current landmark changes; the latest wish counts.

    Parameters
    ----------
    check_box : QCheckBox
    services : Services
    current_label : gives the label of the current landmark, None where there is none
    say : shows a sentence to the user
    """

    def __init__(
        self, check_box: Any, services: Services, current_label: Callable[[], str | None], say: Callable[[str], None]
    ) -> None:
        self._check_box, self._services = check_box, services
        self._current_label, self._say = current_label, say
        self._node: Any = None
        self._overlay, self._request = HeatmapOverlay(), HeatmapRequest(services.worker)
        self._shown: str | None = None
        self._asked: str | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MS)
        self._timer.connect("timeout()", self._poll)
        check_box.connect("toggled(bool)", self._on_toggled)

    def set_node(self, node: Any | None) -> None:
        """Another markups node, or the same one with new landmarks: nothing is shown of the former ones."""
        self._node = node
        self._off()
        model = None if node is None else surface_of(node)
        if model is not None:
            recover_look(model, HEATMAP)

    def update(self) -> None:
        """The current landmark has changed."""
        label = self._current_label()
        if not self._check_box.checked or self._node is None or label is None or label in (self._shown, self._asked):
            return
        self._asked = label
        if not self._request.busy:
            self._ask(label)

    def close(self) -> None:
        """Leave the model as it was."""
        self._check_box.disconnect("toggled(bool)", self._on_toggled)
        self._off()
        self._timer.disconnect("timeout()", self._poll)

    def _on_toggled(self, on: bool) -> None:
        if not on:
            self._off()
        elif self._current_label() is None:
            self._fail(_("Choose a landmark in the table first."))
        else:
            self.update()

    def _off(self) -> None:
        self._timer.stop()
        self._request.forget()
        self._overlay.hide()
        self._shown = self._asked = None
        if self._check_box.checked:
            blocked = self._check_box.blockSignals(True)
            self._check_box.checked = False
            self._check_box.blockSignals(blocked)

    def _ask(self, label: str) -> None:
        try:
            model = needed_surface(self._node)
            if has_changed(self._node, model):
                raise ReviewError(
                    _("The model {name!r} has changed since the detection. Place the landmarks again.").format(
                        name=model.GetName()
                    )
                )
            self._request.start(self._services.landmarker.detection_of(self._node), label)
        except (ReviewError, RuntimeError) as error:
            self._fail(str(error))
        else:
            self._timer.start()

    def _poll(self) -> None:
        try:
            answer = self._request.poll()
            if answer is None:
                return
            self._timer.stop()
            self._show(answer)
        except ReviewError as error:
            self._fail(str(error))

    def _show(self, answer: Heatmap) -> None:
        if self._asked is not None and self._asked != answer.label:
            self._ask(self._asked)  # the user has gone on meanwhile
            return
        peak = self._overlay.show(needed_surface(self._node), answer.label, answer.values)
        self._shown, self._asked = answer.label, None
        self._say(_("Heatmap of {label}, highest value {peak:.2f}.").format(label=answer.label, peak=peak))

    def _fail(self, reason: str) -> None:
        self._off()
        self._say(reason)


class LearnSection:
    """Learns the user's definitions from all corrected landmarks of the scene, in the worker.

    Parameters
    ----------
    button : QPushButton
    services : Services
    say : shows a sentence to the user
    messages : Dialogs
    """

    def __init__(
        self, button: Any, services: Services, say: Callable[[str], None], *, messages: Dialogs | None = None
    ) -> None:
        self._button, self._services, self._say = button, services, say
        self._messages, self._text = messages or Dialogs(), button.text
        self._job: LearningJob | None = None
        self._output = Path()
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MS)
        self._timer.connect("timeout()", self._poll)
        button.connect("clicked()", self._on_click)

    def close(self) -> None:
        """End what is running."""
        self._button.disconnect("clicked()", self._on_click)
        if self._job is not None:
            self._job.cancel()
            self._end()
        self._timer.disconnect("timeout()", self._poll)

    def _on_click(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._poll()
            return
        try:
            corrected = corrected_in(self._services.scene)
            options, client = self._services.options(), self._services.worker()
            if client.busy:
                raise ReviewError(_("The worker is busy; learn when it has finished."))
        except (ValueError, RuntimeError) as error:
            self._say(str(error))
            return
        chosen = qt.QFileDialog.getSaveFileName(
            None, _("Weights file with your definitions"), "mine" + SUFFIX, f"(*{SUFFIX})"
        )
        if not chosen:
            return
        self._output = Path(chosen if str(chosen).lower().endswith(SUFFIX) else f"{chosen}{SUFFIX}")
        weights = None if options.weights is None else str(options.weights)
        self._job = LearningJob(
            client, corrected, self._output, weights=weights, device=options.device, seed=options.seed
        )
        self._button.text = _("Cancel")
        self._timer.start()

    def _poll(self) -> None:
        job = self._job
        if job is None:
            return
        if not job.poll():
            self._say(_("Learning: {stage}").format(stage=stage_text(job.stage)))
            return
        self._end()
        if job.error is not None or job.result is None:
            self._say(_("Nothing was learnt. {reason}").format(reason=job.error))
            return
        text = outcome(job.result)
        self._say(text)
        question = _("Use these weights ({file}) for the next detections?").format(file=self._output.name)
        if self._messages.confirm(f"{text}\n\n{question}"):
            self._services.use_weights(str(self._output))

    def _end(self) -> None:
        self._timer.stop()
        self._job = None
        self._button.text = self._text


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
            return _("Place three points on the face; the landmarks are then detected from this pose.")
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

"""The button, the progress, the messages and the questions of a detection."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import slicer

from ..messages import _, counts_sentence, stage_text
from ..scene.detected import counts_of, detected_landmarks, moved_by_hand
from ..scene.provenance import read_provenance
from .job import LandmarkingCancelled, LandmarkJob
from .landmarker import drive
from .parameters import options_of, why_not
from .services import InitialLandmarks, Services


class Dialogs:
    """Dialogs of Slicer; they answer themselves where Slicer tests itself."""

    def error(self, text: str, details: str = "") -> None:
        """Show what went wrong; details can be unfolded and copied."""
        more = {"detailedText": details} if details and details != text else {}
        slicer.util.errorDisplay(text, windowTitle=_("Facial Landmarks 3D"), **more)

    def confirm(self, text: str) -> bool:
        """Whether the user agrees."""
        return bool(slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Facial Landmarks 3D")))


def what_is_lost(node: Any) -> str:
    """A question to the user; empty where nothing of a person's work would be lost."""
    if node is None or node.GetNumberOfControlPoints() == 0:
        return ""
    if read_provenance(node) is None:
        count = node.GetNumberOfControlPoints()
        return _("{name!r} holds points that were not placed by this module ({count}). Overwrite them?").format(
            name=node.GetName(), count=count
        )
    if moved := moved_by_hand(node):
        return _("{name!r} has manual corrections ({count} landmarks). Overwrite them?").format(
            name=node.GetName(), count=len(moved)
        )
    return ""


class State(enum.Enum):
    """What the panel is doing."""

    IDLE = "idle"
    INSTALLING = "installing"
    RUNNING = "running"
    CANCELLING = "cancelling"


class DetectionPanel:
    """Starts, shows, cancels and ends one detection at a time.

    Parameters
    ----------
    ui : the widgets of ``FacialLandmarks3D.ui`` by name
    services : Services
    parameters : callable
        The present parameter node, None while the scene is being closed.
    on_landmarks : callable
        Called with the markups node of a detection that has succeeded.
    on_failure : callable
        Called with the error of one that has failed, before it is shown.
    messages : Dialogs
    drive : callable, see :func:`FacialLandmarks3DLib.driving.drive`
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        parameters: Callable[[], Any],
        on_landmarks: Callable[[Any], None],
        *,
        on_failure: Callable[[Exception], None] = lambda error: None,
        messages: Dialogs | None = None,
        drive: Callable[[LandmarkJob, Callable[[], None]], Any] = drive,
    ) -> None:
        self._ui, self._services, self._parameters, self._on_landmarks = ui, services, parameters, on_landmarks
        self._on_failure, self._messages, self._drive = on_failure, messages or Dialogs(), drive
        self._job: LandmarkJob | None = None
        self._timer: Any = None
        self._reason: str | None = None
        self.state = State.IDLE
        ui.placeButton.connect("clicked(bool)", self._on_click)
        self._show_idle("")

    def update(self) -> None:
        """Let the button say whether it can be used, and if not, why."""
        if self.state is not State.IDLE:
            return
        reason = why_not(self._parameters(), busy=self._services.landmarker.busy)
        if reason == self._reason:
            return
        self._reason = reason
        self._ui.placeButton.enabled = not reason
        self._ui.placeButton.toolTip = reason or _("Find the landmarks of the face on the selected model or volume.")
        self._ui.reasonLabel.text = reason
        self._ui.reasonLabel.visible = bool(reason)

    def start(self, initial_landmarks: InitialLandmarks | None = None) -> None:
        """Place landmarks with the present parameters; what goes wrong is shown."""
        parameters = self._parameters()
        if self.state is not State.IDLE:
            return
        if reason := why_not(parameters, busy=self._services.landmarker.busy):
            self._messages.error(reason)
            return
        loss = what_is_lost(parameters.landmarks)
        if loss and not self._messages.confirm(loss):
            return
        if self._install():
            self._begin(parameters, initial_landmarks)

    def cancel(self) -> None:
        """End a running detection; the scene stays as it is."""
        if self.state is State.RUNNING and self._job is not None:
            self._enter(State.CANCELLING)
            self._job.cancel()
            self._tick()

    def cleanup(self) -> None:
        """Before the panel goes."""
        self.cancel()
        self._ui.placeButton.disconnect("clicked(bool)", self._on_click)

    def _on_click(self, checked: bool = False) -> None:
        if self.state is State.RUNNING:
            self.cancel()
        else:
            self.start()

    def _install(self) -> bool:
        """Whether everything that detection needs is there; asked for on the first use only."""
        if self._services.installation.ready()[0]:
            return True
        self._enter(State.INSTALLING)
        try:
            self._services.installation.ensure()
        except (RuntimeError, OSError) as error:
            self._show_idle(_("Not installed: {reason}").format(reason=error))
            if not getattr(error, "declined", False):  # who has just said no knows
                self._messages.error(str(error), getattr(error, "details", ""))
            return False
        self._show_idle("")
        return True

    def _begin(self, parameters: Any, initial_landmarks: InitialLandmarks | None) -> None:
        try:
            options = options_of(parameters, initial_landmarks)
            self._job = self._services.landmarker.start(parameters.inputNode, options, parameters.landmarks)
        except (ValueError, RuntimeError, OSError) as error:
            self._show_idle(str(error))
            self._messages.error(str(error))
            return
        self._enter(State.RUNNING)
        self._show_progress(self._job)
        self._timer = self._drive(self._job, self._tick)

    def _tick(self) -> None:
        job = self._job
        if job is None:
            return
        if not job.done:
            self._show_progress(job)
            return
        self._job, self._timer = None, None
        if job.error is not None:
            self._show_failure(job.error)
            return
        counts = counts_of(detected_landmarks(job.node).values())
        self._show_idle(" ".join([f"{counts_sentence(counts)}.", *job.warnings]))
        self._on_landmarks(job.node)

    def _show_failure(self, error: Exception) -> None:
        if isinstance(error, LandmarkingCancelled):
            self._show_idle(_("Cancelled."))
            return
        self._show_idle(_("No landmarks were placed. {reason}").format(reason=getattr(error, "reason", error)))
        self._on_failure(error)
        self._messages.error(str(error), getattr(error, "details", ""))

    def _enter(self, state: State) -> None:
        self.state = state
        self._ui.placeButton.text = _("Cancel") if state in (State.RUNNING, State.CANCELLING) else _("Place landmarks")
        self._ui.placeButton.enabled = state in (State.IDLE, State.RUNNING)
        if state is State.RUNNING:
            self._ui.placeButton.toolTip = _("Cancel; the scene is left unchanged.")
            self._ui.reasonLabel.visible = False
        running = state in (State.RUNNING, State.CANCELLING)
        self._ui.progressBar.visible = running
        for section in (self._ui.inputsCollapsibleButton, self._ui.outputsCollapsibleButton):
            section.enabled = not running
        self._ui.advancedCollapsibleButton.enabled = not running
        if state is State.INSTALLING:
            self._ui.stageLabel.text = _("Installing")

    def _show_idle(self, text: str) -> None:
        self._enter(State.IDLE)
        self._ui.stageLabel.text = text
        self._reason = None
        self.update()

    def _show_progress(self, job: LandmarkJob) -> None:
        self._ui.progressBar.value = round(100 * job.fraction)
        self._ui.stageLabel.text = stage_text(job.stage)

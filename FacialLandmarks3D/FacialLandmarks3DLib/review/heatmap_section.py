"""The check box "Heatmap": the heatmap of the current landmark on the model, while it is on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..services import Services
from ..translation import _
from .heatmap_overlay import HeatmapOverlay, recover_look
from .heatmap_request import Heatmap, HeatmapRequest
from .points import ReviewError
from .surface import has_changed, needed_surface, surface_of

_POLL_MS = 30


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
            recover_look(model)

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

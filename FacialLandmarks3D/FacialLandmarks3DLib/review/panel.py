"""The review panel: the table of landmarks and its buttons. Everything that needs no Qt is in :mod:`session`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..detection.services import Services
from ..messages import _, counts_sentence
from .rows import Row, placed_by
from .sections import HeatmapSection, PoseSection
from .session import Review
from .table import LandmarkTable

_FILE = "UI/FacialLandmarks3DReview.ui"
# A drag tells of every pixel; the table follows at this pace.
_REFRESH_MS = 40
_ALL, _TO_CHECK = 0, 1


class ReviewPanel:
    """Reviews one markups node.

    Parameters
    ----------
    container : QWidget of the module's panel that takes the review in
    services : Services
    """

    def __init__(self, container: Any, services: Services) -> None:
        self._widget = slicer.util.loadUI(str(services.resources / _FILE))
        if container.layout() is None:
            qt.QVBoxLayout(container)
        container.layout().addWidget(self._widget)
        self.ui = slicer.util.childWidgetVariables(self._widget)
        self._review: Review | None = None
        self._waiting = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.connect("timeout()", self._refresh)
        self.table = LandmarkTable(self.ui.reviewTable, self._on_chosen)
        self.heatmap = HeatmapSection(self.ui.heatmapCheckBox, services, self._current_label, self._say)
        self.pose = PoseSection(self.ui, services)
        self._connections = self._connect()
        self._say("")
        self._rebuild()

    @property
    def review(self) -> Review | None:
        """What is reviewed, for scripts and tests; None without a node."""
        return self._review

    def setLandmarkNode(self, node: Any | None) -> None:
        """Review the landmarks of this markups node, None for none."""
        if self._review is not None and self._review.node is node:
            return
        if self._review is not None:
            self._review.close()
        self._review = None
        if node is not None:
            self._review = Review(node, changed=self._on_changed, selected=self._on_grabbed)
        self.heatmap.set_node(node)
        self._say("")
        self._rebuild()

    def openManualPose(self) -> None:
        """Unfold the three points, after a detection that has found no face."""
        self.pose.open()

    def cleanup(self) -> None:
        """Leave no observer, no timer and no colours behind."""
        self.setLandmarkNode(None)
        self._timer.stop()
        self._timer.disconnect("timeout()", self._refresh)
        self.heatmap.close()
        self.pose.close()
        self.table.close()
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)
        self._connections = []

    def _connect(self) -> list[tuple[Any, str, Callable[..., None]]]:
        ui = self.ui
        connections: list[tuple[Any, str, Callable[..., None]]] = [
            (ui.snapButton, "clicked()", self._on_snap),
            (ui.resetButton, "clicked()", self._on_reset),
            (ui.placeByHandButton, "clicked()", self._on_place),
            (ui.acceptButton, "clicked()", self._on_accept),
            (ui.acceptAllButton, "clicked()", self._on_accept_all),
            (ui.lockButton, "clicked()", self._on_lock),
            (ui.lockAllButton, "clicked()", self._on_lock_all),
            (ui.undoButton, "clicked()", self._on_undo),
            (ui.redoButton, "clicked()", self._on_redo),
            (ui.filterComboBox, "currentIndexChanged(int)", self._on_filter),
        ]
        for widget, signal, slot in connections:
            widget.connect(signal, slot)
        return connections

    # --- what the user does -------------------------------------------------------------------------------------

    def _on_chosen(self, label: str) -> None:
        if self._review is not None and not self._review.jump(label):
            self._say(_("{label} is missing; place it by hand if it is on this surface.").format(label=label))
        self._update_buttons()
        self.heatmap.update()

    def _on_snap(self) -> None:
        self._on_current(lambda review, label: review.snap(label))

    def _on_reset(self) -> None:
        self._on_current(lambda review, label: review.reset(label))

    def _on_place(self) -> None:
        self._on_current(lambda review, label: review.place(label))
        row = self.table.current
        if row is not None:
            self._say(_("Click on the model where {label} is: {definition}").format(**row.__dict__))

    def _on_accept(self) -> None:
        self._on_current(lambda review, label: review.accept(label))

    def _on_accept_all(self) -> None:
        self._do(lambda review: review.accept_all())

    def _on_lock(self) -> None:
        row = self.table.current
        if row is not None:
            self._do(lambda review: review.lock([row.label], not row.locked))

    def _on_lock_all(self) -> None:
        self._do(lambda review: review.lock(None, not all(row.locked for row in review.rows())))

    def _on_undo(self) -> None:
        self._do(lambda review: review.undo())

    def _on_redo(self) -> None:
        self._do(lambda review: review.redo())

    def _on_filter(self, _index: int) -> None:
        self._rebuild()

    def _on_current(self, action: Callable[[Review, str], object]) -> None:
        row = self.table.current
        if row is not None:
            self._do(lambda review: action(review, row.label))

    def _do(self, action: Callable[[Review], object]) -> None:
        """Carry out an action of the review; what stands against it is said instead of raised."""
        if self._review is None:
            return
        self._say("")
        try:
            action(self._review)
        except ValueError as error:
            self._say(str(error))
        self._refresh()

    # --- what happens to the node -------------------------------------------------------------------------------

    def _on_changed(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._timer.start()

    def _on_grabbed(self, label: str) -> None:
        self.table.select(label)
        self._update_buttons()
        self.heatmap.update()

    # --- what the panel shows -----------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """Another node, other landmarks or another filter: which rows are shown is decided anew."""
        if self._review is not None:
            self._review.sort()
            only = self.ui.filterComboBox.currentIndex == _TO_CHECK
            rows = [row for row in self._review.rows() if row.to_check or not only]
            self.table.show(rows, placed_by(self._review.node))
        else:
            self.table.show([], "")
        self._refresh()

    def _refresh(self) -> None:
        """Bring cells, counts and buttons up to date; the order and choice of rows stay."""
        self._waiting = False
        review = self._review
        if review is not None and review.is_another_detection():
            self.heatmap.set_node(review.node)
            self._rebuild()
            return
        if review is not None:
            review.synchronise()
            known = {row.label: row for row in review.rows()}
            self.table.show([known[label] for label in self.table.labels if label in known], placed_by(review.node))
            self.ui.countsLabel.text = counts_sentence(review.counts())
        else:
            self.ui.countsLabel.text = _("No landmarks yet.")
        self._update_buttons()

    def _update_buttons(self) -> None:
        ui, review, row = self.ui, self._review, self.table.current
        there = row is not None and row.status != "missing"
        free = row is not None and not row.locked
        ui.snapButton.enabled = there and free
        ui.resetButton.enabled = free and row is not None and row.by_hand
        ui.placeByHandButton.enabled = free and not there
        ui.acceptButton.enabled = row is not None and row.status == "uncertain"
        ui.lockButton.enabled = row is not None
        ui.lockButton.text = _("Unlock") if row is not None and row.locked else _("Lock")
        self._update_buttons_of_all(review.rows() if review is not None else [])
        ui.undoButton.enabled = review is not None and review.can_undo
        ui.redoButton.enabled = review is not None and review.can_redo

    def _update_buttons_of_all(self, rows: list[Row]) -> None:
        ui = self.ui
        locked = bool(rows) and all(row.locked for row in rows)
        ui.acceptAllButton.enabled = any(row.status == "uncertain" for row in rows)
        ui.lockAllButton.enabled = bool(rows)
        ui.lockAllButton.text = _("Unlock all") if locked else _("Lock all")
        ui.heatmapCheckBox.enabled = bool(rows)

    def _current_label(self) -> str | None:
        row = self.table.current
        return None if row is None else row.label

    def _say(self, sentence: str) -> None:
        self.ui.reviewMessageLabel.text = sentence
        self.ui.reviewMessageLabel.visible = bool(sentence)

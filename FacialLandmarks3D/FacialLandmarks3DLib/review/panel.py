"""The review panel: the table of landmarks and its buttons. Everything that needs no Qt is in :mod:`session`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import qt

from ..detection.services import Services, load_section
from ..messages import _, counts_sentence, details, review_menu
from ..scene.detected import counts_of
from .labels import ViewLabels
from .rows import Row, placed_by
from .sections import HeatmapSection, LearnSection, PoseSection
from .session import Review
from .table import LandmarkTable

# A drag tells of every pixel; the table follows at this pace.
_REFRESH_MS = 40
_IDLE_MS, _SECONDS_AT_ONCE = 10, 0.02
_TO_CHECK = 1


class ReviewPanel:
    """Reviews one markups node.

    Parameters
    ----------
    container : QWidget of the module's panel that takes the review in
    services : Services
    """

    def __init__(self, container: Any, services: Services) -> None:
        self._widget, self.ui = load_section("FacialLandmarks3DReview.ui", container)
        self._review: Review | None = None
        self._labels: ViewLabels | None = None
        self._rows: list[Row] = []
        self._waiting = False
        # The landmark that a hint is about; the hint goes when the landmark is placed.
        self._hint_about: str | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.connect("timeout()", self._refresh)
        self._preparation: Iterator[None] = iter(())
        self._idle = qt.QTimer()
        self._idle.setInterval(_IDLE_MS)
        self._idle.connect("timeout()", self._prepare)
        self.table = LandmarkTable(self.ui.reviewTable, self._on_chosen)
        self.heatmap = HeatmapSection(self.ui.heatmapCheckBox, services, self._current_label, self._say)
        self.learn = LearnSection(self.ui.learnButton, services, self._say)
        self.pose = PoseSection(self.ui, services)
        self.actions = self._make_menu()
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
        if self._labels is not None:
            self._labels.close()
        self._review = self._labels = None
        if node is not None:
            self._review = Review(node, changed=self._on_changed, selected=self._on_grabbed)
            self._labels = ViewLabels(node)
            self._preparation = self._review.prepare()
            self._idle.start()
        self.heatmap.set_node(node)
        self._say("")
        self._rebuild()

    def openManualPose(self) -> None:
        """Unfold the three points, after a detection that has found no face."""
        self.pose.open()

    def cleanup(self) -> None:
        """Leave no observer, no timer, no label and no colours behind."""
        self.setLandmarkNode(None)
        for timer, slot in ((self._timer, self._refresh), (self._idle, self._prepare)):
            timer.stop()
            timer.disconnect("timeout()", slot)
        self.heatmap.close()
        self.learn.close()
        self.pose.close()
        self.table.close()
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)
        self._connections = []

    def _make_menu(self) -> dict[str, Any]:
        """The entries of the button More, by name."""
        menu = qt.QMenu(self.ui.moreButton)
        menu.toolTipsVisible = True
        actions = {}
        for name, text, help_text in review_menu():
            actions[name] = menu.addAction(text)
            actions[name].toolTip = help_text
        actions["allLabelsAction"].checkable = True
        self.ui.moreButton.setMenu(menu)
        return actions

    def _connect(self) -> list[tuple[Any, str, Callable[..., None]]]:
        ui, actions = self.ui, self.actions
        connections: list[tuple[Any, str, Callable[..., None]]] = [
            (ui.snapButton, "clicked()", self._on_snap),
            (ui.resetButton, "clicked()", self._on_reset),
            (ui.acceptButton, "clicked()", self._on_accept),
            (ui.undoButton, "clicked()", self._on_undo),
            (ui.filterComboBox, "currentIndexChanged(int)", self._on_filter),
            (actions["placeByHandAction"], "triggered()", self._on_place),
            (actions["acceptAllAction"], "triggered()", self._on_accept_all),
            (actions["lockAction"], "triggered()", self._on_lock),
            (actions["lockAllAction"], "triggered()", self._on_lock_all),
            (actions["redoAction"], "triggered()", self._on_redo),
            (actions["allLabelsAction"], "triggered()", self._show_chosen),
        ]
        for widget, signal, slot in connections:
            widget.connect(signal, slot)
        return connections

    # --- what the user does -------------------------------------------------------------------------------------

    def _on_chosen(self, label: str) -> None:
        self._say("")
        if self._review is not None:
            self._review.jump(label)
        self._show_chosen()
        self.heatmap.update()

    def _on_snap(self) -> None:
        self._on_current(lambda review, label: review.snap(label))

    def _on_reset(self) -> None:
        self._on_current(lambda review, label: review.reset(label))

    def _on_place(self) -> None:
        self._on_current(lambda review, label: review.place(label))
        row = self.table.current
        if row is not None and not self.ui.reviewMessageLabel.text:
            self._say(_("Click on the model where {label} is: {definition}").format(**row.__dict__))
            self._hint_about = row.label

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
        self._show_chosen()
        self.heatmap.update()

    def _prepare(self) -> None:
        """A few hundredths of a second of what the first click on a row would have to wait for."""
        began = time.monotonic()
        try:
            while time.monotonic() - began < _SECONDS_AT_ONCE:
                next(self._preparation)
        except (StopIteration, ValueError):  # a model that cannot be used is told when it is needed
            self._idle.stop()

    # --- what the panel shows -----------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """Another node, other landmarks or another filter: which rows are shown is decided anew."""
        self._waiting = False
        review = self._review
        if review is None:
            self._rows = []
            self.table.show([], "")
        else:
            review.is_another_detection()  # from now on it is this one
            review.sort()
            self._rows = review.synchronise()
            only = self.ui.filterComboBox.currentIndex == _TO_CHECK
            self.table.show([row for row in self._rows if row.to_check or not only], placed_by(review.node))
        self._show_counts()

    def _refresh(self) -> None:
        """Bring cells, counts and buttons up to date; the order and choice of rows stay."""
        self._waiting = False
        review = self._review
        if review is None:
            return
        if review.is_another_detection():
            self.heatmap.set_node(review.node)
            self._rebuild()
            return
        self._rows = review.synchronise()
        known = {row.label: row for row in self._rows}
        self.table.show([known[label] for label in self.table.labels if label in known], placed_by(review.node))
        hint = known.get(self._hint_about or "")
        if hint is not None and hint.status != "missing":
            self._say("")
        self._show_counts()

    def _show_counts(self) -> None:
        self.ui.countsLabel.text = counts_sentence(counts_of(self._rows))
        self._show_chosen()

    def _show_chosen(self) -> None:
        """What belongs to the chosen landmark: its details, its label in the views, what can be done with it."""
        row = self.table.current
        self.ui.landmarkLabel.text = "" if row is None else details(row)
        self.ui.landmarkLabel.visible = row is not None
        if self._labels is not None:
            show_all = bool(self.actions["allLabelsAction"].checked)
            self._labels.update(self._rows, None if row is None else row.label, show_all=show_all)
        self._update_buttons(row)

    def _update_buttons(self, row: Row | None) -> None:
        ui, actions, review, rows = self.ui, self.actions, self._review, self._rows
        there = row is not None and row.status != "missing"
        free = row is not None and not row.locked
        ui.snapButton.enabled = there and free
        ui.resetButton.enabled = free and row is not None and row.by_hand
        ui.acceptButton.enabled = row is not None and row.status == "uncertain"
        ui.undoButton.enabled = review is not None and review.can_undo
        ui.moreButton.enabled = ui.heatmapCheckBox.enabled = bool(rows)
        actions["placeByHandAction"].enabled = free and not there
        actions["acceptAllAction"].enabled = any(each.status == "uncertain" for each in rows)
        actions["lockAction"].enabled = row is not None
        actions["lockAction"].text = _("Unlock") if row is not None and row.locked else _("Lock")
        actions["lockAllAction"].text = _("Unlock all") if rows and all(each.locked for each in rows) else _("Lock all")
        actions["redoAction"].enabled = review is not None and review.can_redo

    def _current_label(self) -> str | None:
        row = self.table.current
        return None if row is None else row.label

    def _say(self, sentence: str) -> None:
        self._hint_about = None
        self.ui.reviewMessageLabel.text = sentence
        self.ui.reviewMessageLabel.visible = bool(sentence)

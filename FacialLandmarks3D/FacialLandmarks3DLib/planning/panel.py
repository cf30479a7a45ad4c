"""The planning panel: what its buttons do is in :mod:`session`, which needs no Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import qt

from ..detection.services import Services, load_section
from ..messages import _, stable_regions
from ..review.session import Watch
from .session import Planning, analyses, prepare_steps
from .tables import cells_of, show_chart, show_table
from .widgets import AnalysisList, FindingTable

# A drag tells of every pixel; measurements follow once the mouse rests.
_REFRESH_MS = 250
_STEP_MS, _SECONDS_AT_ONCE = 10, 0.04
_ANOTHER_OBSERVER = 1
_SEXES, _HORIZONTALS = ("", "female", "male"), ("", "frankfort", "camper", "axes")


class PlanningPanel:
    """Measures and compares the landmarks of one markups node.

    Parameters
    ----------
    container : QWidget of the module's panel that takes the section in
    services : Services
    """

    def __init__(self, container: Any, services: Services) -> None:
        self._widget, self.ui = load_section("FacialLandmarks3DPlanning.ui", container)
        self._widget.setMRMLScene(services.scene)
        self._services = services
        self._planning: Planning | None = None
        self._watch: Watch | None = None
        self._work: Iterator[float] | None = None
        self._updates: Iterator[float] = iter(())
        self._refresh_timer = self._timer(_REFRESH_MS, self.refresh, single=True)
        self._update_timer = self._timer(_STEP_MS, self._update)
        self._work_timer = self._timer(_STEP_MS, self._go_on)
        self.analyses = AnalysisList(self.ui.analysisList, analyses())
        self.findings = FindingTable(self.ui.measurementTable)
        for text, _regions in stable_regions():
            self.ui.stableRegionComboBox.addItem(text)
        self._connections = self._connect()
        self._say("")
        self._show()

    @property
    def planning(self) -> Planning | None:
        """What is planned with, for scripts and tests; None without landmarks."""
        return self._planning

    def setLandmarkNode(self, node: Any | None, surface: Any | None = None) -> None:
        """Plan with the landmarks of this markups node, None for none.

        Parameters
        ----------
        node : vtkMRMLMarkupsNode or None
        surface : vtkMRMLModelNode, optional
            The scan to use where it is not known what the landmarks were placed on.
        """
        if self._planning is not None and self._planning.landmarks is node:
            self._planning.fallback_surface = surface
            return
        self._stop()
        self._refresh_timer.stop()
        self._update_timer.stop()
        if self._watch is not None:
            self._watch.stop()
        self._planning = self._watch = None
        if node is not None:
            self._planning = Planning(node, surface)
            self._watch = Watch(node, self._on_changed, lambda label: None, lambda: None)
            self.analyses.check(self._planning.chosen_analyses())
            self._updates = prepare_steps()
            self._update_timer.start()
        self._say("")
        self._show()

    def refresh(self) -> None:
        """Bring what is shown up to date with the landmarks, step by step, or say what is stale."""
        if self._planning is not None:
            self._updates = self._planning.update_steps()
            self._update_timer.start()

    def _update(self) -> None:
        try:
            next(self._updates)
        except StopIteration:
            self._update_timer.stop()
            self._show()
        except (ValueError, OSError) as error:
            self._update_timer.stop()
            self._say(str(error))
            self._show()

    def cleanup(self) -> None:
        """Leave no observer and no timer behind; what was computed stays in the scene."""
        self.setLandmarkNode(None)
        timers = (
            (self._refresh_timer, self.refresh),
            (self._update_timer, self._update),
            (self._work_timer, self._go_on),
        )
        for timer, slot in timers:
            timer.stop()
            timer.disconnect("timeout()", slot)
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)
        self._connections = []

    # --- what the user does -------------------------------------------------------------------------------------

    def _on_measure(self) -> None:
        if self._planning is not None:
            self._try(self._measure)

    def _measure(self) -> None:
        assert self._planning is not None
        norms = self.ui.normsPathLineEdit.currentPath if self.ui.zScoresCheckBox.checked else ""
        sex = _SEXES[self.ui.normsSexComboBox.currentIndex]
        horizontal = _HORIZONTALS[self.ui.horizontalComboBox.currentIndex]
        lines = self.ui.linesCheckBox.checked
        self._planning.measure(self.analyses.checked, lines=lines, norms=norms, sex=sex, horizontal=horizontal)

    def _on_lines(self, _choice: Any) -> None:
        if self._planning is not None and self._planning.table is not None:
            self._try(self._measure)

    def _on_sex(self, _index: int) -> None:
        if self.ui.zScoresCheckBox.checked:
            self._on_z_scores(True)

    def _on_z_scores(self, on: bool) -> None:
        if on and not self.ui.normsPathLineEdit.currentPath:
            self._uncheck(self.ui.zScoresCheckBox)
            self._say(_("Select a file of norms first."))
        elif self._planning is not None and self._planning.table is not None:
            self._try(self._measure)

    def _on_plane(self) -> None:
        if self._planning is not None:
            self._try(self._planning.fit_plane)

    def _on_symmetry_map(self) -> None:
        if self._planning is not None:
            self._begin(self._planning.symmetry_map_steps)

    def _on_compare(self) -> None:
        if self._planning is None:
            return
        other, comparing = self.ui.otherLandmarksSelector.currentNode(), self._planning.comparing
        if self.ui.comparisonKindComboBox.currentIndex == _ANOTHER_OBSERVER:
            self._begin(lambda: comparing.observers(other))
        else:
            surface = self.ui.otherSurfaceSelector.currentNode()
            self._begin(lambda: comparing.dates(other, surface, self._region()))

    def _on_change_map(self) -> None:
        planning, ui = self._planning, self.ui
        if planning is not None:
            other, surface = ui.otherLandmarksSelector.currentNode(), ui.otherSurfaceSelector.currentNode()
            self._begin(lambda: planning.comparing.change_map(other, surface, self._region()))

    def _on_table_view(self) -> None:
        if self._planning is not None and self._planning.shown_table is not None:
            show_table(self._planning.shown_table)

    def _on_plot(self) -> None:
        if self._planning is not None:
            self._try(lambda: show_chart(self._planning.plot()))  # type: ignore[union-attr]

    def _on_hide_map(self) -> None:
        if self._planning is not None:
            self._stop()
            self._planning.map.hide()
            self._show()

    def _on_clear(self) -> None:
        if self._planning is not None:
            self._stop()
            self._planning.clear()
            self._say("")
            self._show()

    def _on_chosen(self, row: int, _column: int, _row_before: int, _column_before: int) -> None:
        self._show_chosen(row)

    def _on_comparison(self, _choice: Any) -> None:
        self._update_buttons()

    # --- maps, which take longer --------------------------------------------------------------------------------

    def _begin(self, start: Callable[[], Iterator[float]]) -> None:
        self._stop()
        self._say("")
        self._work = start()
        self.ui.planningProgressBar.value = 0
        self.ui.planningProgressBar.visible = True
        self._work_timer.start()
        self._update_buttons()

    def _go_on(self) -> None:
        """A few hundredths of a second of the work."""
        began, work = time.monotonic(), self._work
        try:
            while work is not None and time.monotonic() - began < _SECONDS_AT_ONCE:
                self.ui.planningProgressBar.value = round(100 * next(work))
        except StopIteration as end:
            self._stop()
            self._say(end.value or "")
            self._show()
        except (ValueError, OSError) as error:
            self._stop()
            self._say(str(error))
            self._show()

    def _stop(self) -> None:
        self._work_timer.stop()
        self._work = None
        self.ui.planningProgressBar.visible = False

    # --- what the panel shows -----------------------------------------------------------------------------------

    def _on_changed(self) -> None:
        self._refresh_timer.start()  # anew with every change: it runs out when the mouse rests

    def _try(self, action: Callable[[], Any]) -> None:
        """Carry out an action; what stands against it is said instead of raised."""
        self._say("")
        try:
            said = action()
        except (ValueError, OSError) as error:
            self._say(str(error))
        else:
            if isinstance(said, str):
                self._say(said)
        self._show()

    def _show(self) -> None:
        planning, ui = self._planning, self.ui
        if planning is None:
            ui.planningStateLabel.text = _("No landmarks yet.")
            self.findings.show([])
        else:
            ui.planningStateLabel.text = planning.state()
            table = planning.shown_table
            self.findings.show([] if table is None else cells_of(table))
        self._show_chosen(ui.measurementTable.currentRow())
        self._update_buttons()

    def _show_chosen(self, row: int) -> None:
        self.ui.measurementLabel.text = self.findings.about(row)
        self.ui.measurementLabel.visible = bool(self.findings.about(row))

    def _update_buttons(self) -> None:
        ui, planning = self.ui, self._planning
        busy = self._work is not None
        other = ui.otherLandmarksSelector.currentNode()
        another_date = ui.comparisonKindComboBox.currentIndex != _ANOTHER_OBSERVER
        comparable = planning is not None and other is not None and other is not planning.landmarks
        with_surface = planning is not None and planning.surface is not None
        ui.measureButton.enabled = ui.planeButton.enabled = planning is not None
        ui.symmetryMapButton.enabled = with_surface and not busy
        ui.compareButton.enabled = comparable
        ui.changeMapButton.enabled = comparable and another_date and with_surface and not busy
        ui.stableRegionComboBox.enabled = another_date
        with_table = planning is not None and planning.shown_table is not None
        ui.tableViewButton.enabled = ui.plotButton.enabled = with_table
        ui.hideMapButton.enabled = busy or (planning is not None and planning.map.model is not None)
        ui.clearButton.enabled = planning is not None and bool(planning.nodes.roles())

    def _region(self) -> tuple[str, ...]:
        return stable_regions()[self.ui.stableRegionComboBox.currentIndex][1]

    def _uncheck(self, box: Any) -> None:
        blocked = box.blockSignals(True)
        box.checked = False
        box.blockSignals(blocked)

    def _connect(self) -> list[tuple[Any, str, Callable[..., None]]]:
        ui = self.ui
        connections: list[tuple[Any, str, Callable[..., None]]] = [
            (ui.measureButton, "clicked()", self._on_measure),
            (ui.linesCheckBox, "toggled(bool)", self._on_lines),
            (ui.horizontalComboBox, "currentIndexChanged(int)", self._on_lines),
            (ui.measurementTable, "currentCellChanged(int,int,int,int)", self._on_chosen),
            (ui.tableViewButton, "clicked()", self._on_table_view),
            (ui.plotButton, "clicked()", self._on_plot),
            (ui.planeButton, "clicked()", self._on_plane),
            (ui.symmetryMapButton, "clicked()", self._on_symmetry_map),
            (ui.otherLandmarksSelector, "currentNodeChanged(vtkMRMLNode*)", self._on_comparison),
            (ui.comparisonKindComboBox, "currentIndexChanged(int)", self._on_comparison),
            (ui.compareButton, "clicked()", self._on_compare),
            (ui.changeMapButton, "clicked()", self._on_change_map),
            (ui.zScoresCheckBox, "toggled(bool)", self._on_z_scores),
            (ui.normsSexComboBox, "currentIndexChanged(int)", self._on_sex),
            (ui.hideMapButton, "clicked()", self._on_hide_map),
            (ui.clearButton, "clicked()", self._on_clear),
        ]
        for widget, signal, slot in connections:
            widget.connect(signal, slot)
        return connections

    def _say(self, sentence: str) -> None:
        self.ui.planningMessageLabel.text = sentence
        self.ui.planningMessageLabel.visible = bool(sentence)

    @staticmethod
    def _timer(milliseconds: int, slot: Callable[[], None], *, single: bool = False) -> Any:
        timer = qt.QTimer()
        timer.setInterval(milliseconds)
        timer.setSingleShot(single)
        timer.connect("timeout()", slot)
        return timer

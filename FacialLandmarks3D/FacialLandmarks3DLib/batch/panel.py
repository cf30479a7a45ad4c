"""The part of the panel that works through a folder and lets the user look at each case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer

from ..detection.services import Services, load_section
from ..messages import _, batch_sentence, case_status, to_check
from .cases import OK, Case, find_cases, recall
from .reviewed import CaseError
from .run import BatchRun
from .session import CaseSession

_NAME, _STATUS, _TO_CHECK, _SECONDS, _REMARK = range(5)
_POLL_MILLISECONDS = 50
_FOLDER_OF_RESULTS = "landmarks"


class CaseTable:
    """Shows one row for each case; sorted by a click on the header.

    Parameters
    ----------
    widget : QTableWidget with the five columns of ``FacialLandmarks3DBatch.ui``
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._cases: list[Case] = []

    def show(self, cases: list[Case]) -> None:
        """Show other cases."""
        self._cases = cases
        self._widget.setSortingEnabled(False)
        self._widget.setRowCount(len(cases))
        for row, case in enumerate(cases):
            for column in range(5):
                self._widget.setItem(row, column, qt.QTableWidgetItem())
            self._widget.item(row, _NAME).setData(qt.Qt.UserRole, row)
            self._fill(row, case)
        self._widget.resizeColumnsToContents()

    def update(self, changed: list[Case]) -> None:
        """Show what has become of some of the cases; their rows are in the order in which they were shown."""
        for row, case in enumerate(self._cases):
            if any(case is each for each in changed):
                self._fill(row, case)

    def let_sort(self) -> None:
        """From now on a click on the header sorts; until other cases are shown, rows must not be updated."""
        self._widget.setSortingEnabled(True)

    def case_at(self, row: int) -> Case | None:
        """The case of a row, wherever sorting has put it."""
        item = self._widget.item(row, _NAME)
        return None if item is None else self._cases[int(item.data(qt.Qt.UserRole))]

    def selected(self) -> Case | None:
        """The case of the row that is selected."""
        row = self._widget.currentRow()
        return None if row < 0 else self.case_at(row)

    def _fill(self, row: int, case: Case) -> None:
        item = self._widget.item
        item(row, _NAME).setText(case.name)
        item(row, _NAME).setToolTip(str(case.source))
        item(row, _STATUS).setText(case_status(case))
        item(row, _REMARK).setText(case.reason)
        item(row, _REMARK).setToolTip(case.reason)
        # As numbers, so that they are sorted as such.
        item(row, _TO_CHECK).setData(qt.Qt.DisplayRole, to_check(case))
        item(row, _SECONDS).setData(qt.Qt.DisplayRole, None if case.seconds is None else round(case.seconds, 1))


class BatchPanel:
    """Folders, Run and Cancel, the list of cases, and the case that is being reviewed.

    Parameters
    ----------
    container : QWidget
        Gets the widgets.
    services : Services
    """

    def __init__(self, container: Any, services: Services) -> None:
        self._services = services
        self._cases: list[Case] = []
        self._run: BatchRun | None = None
        self._session = CaseSession(services.scene)
        _widget, self.ui = load_section("FacialLandmarks3DBatch.ui", container)
        self._table = CaseTable(self.ui.batchTable)
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MILLISECONDS)
        self._connect()
        self._show_idle("")

    def list_cases(self) -> None:
        """Show the cases of the input folder, and which of them have landmarks already."""
        if self._find_cases():
            self._table.let_sort()
            self.ui.batchStatusLabel.text = batch_sentence(self._cases)

    def start(self) -> None:
        """Place the landmarks of all cases that have none; what is missing is installed first, after a question."""
        if self._run is not None or not self._install() or not self._find_cases():
            return
        try:
            run = BatchRun(
                self._services.worker,
                self._cases,
                self._output(),
                self._services.options(),
                overwrite=self.ui.batchOverwriteCheckBox.checked,
            )
            run.start()
        except (ValueError, RuntimeError, OSError) as error:
            self._complain(str(error))
            return
        self._run = run
        self.ui.batchRunButton.text = _("Cancel")
        self.ui.batchRunButton.toolTip = _("Stop the batch; finished cases are kept.")
        self.ui.batchProgressBar.visible = True
        self.ui.batchListButton.enabled = False
        self._timer.start()

    def cancel(self) -> None:
        """Stop the batch."""
        if self._run is not None:
            self._run.cancel()
            self._poll()

    def review(self, case: Case | None) -> None:
        """Load a case with its landmarks; the one before is saved if the user wants, and goes."""
        if case is None:
            return
        if not case.can_be_reviewed:
            self.ui.batchStatusLabel.text = _("There are no landmarks of {name!r}. {reason}").format(
                name=case.name, reason=case.reason
            )
            return
        if not self._leave_case():
            return
        if self._session.node is not None:
            self._services.show_landmarks(None)  # the node is about to go
        try:
            with slicer.util.WaitCursor():
                node = self._session.open(case)
        except (CaseError, ValueError) as error:
            self._complain(str(error))
            return
        slicer.util.resetThreeDViews()
        slicer.util.resetSliceViews()
        self._services.show_landmarks(node)
        self._show_open_case()

    def save(self) -> bool:
        """Write the corrections of the case that is open; whether that was done."""
        try:
            self._session.save()
        except CaseError as error:
            self._complain(str(error))
            return False
        case = self._session.case
        assert case is not None
        self.ui.batchStatusLabel.text = _("Saved: {path}").format(path=case.landmarks)
        return True

    def cleanup(self) -> None:
        """Stop what goes on; the widgets end with their container."""
        self._timer.stop()
        if self._run is not None:
            self._run.cancel()
            self._run = None

    def _connect(self) -> None:
        ui = self.ui
        ui.batchListButton.connect("clicked()", self.list_cases)
        ui.batchRunButton.connect("clicked()", self._on_run)
        ui.batchReviewButton.connect("clicked()", lambda: self.review(self._table.selected()))
        ui.batchSaveButton.connect("clicked()", self.save)
        ui.batchTable.connect("cellDoubleClicked(int,int)", lambda row, column: self.review(self._table.case_at(row)))
        ui.batchInputPathLineEdit.connect("currentPathChanged(QString)", self._on_input)
        self._timer.connect("timeout()", self._poll)

    def _on_run(self) -> None:
        if self._run is None:
            self.start()
        else:
            self.cancel()

    def _on_input(self, path: str) -> None:
        """The results go into a folder within the input's, unless the user says otherwise."""
        if path and Path(path).is_dir():
            self.ui.batchOutputPathLineEdit.currentPath = (Path(path) / _FOLDER_OF_RESULTS).as_posix()

    def _output(self) -> Path:
        return Path(self.ui.batchOutputPathLineEdit.currentPath)

    def _find_cases(self) -> bool:
        """Whether there are cases; the list shows them."""
        ui = self.ui
        if not ui.batchInputPathLineEdit.currentPath or not ui.batchOutputPathLineEdit.currentPath:
            self._complain(_("Select the folder that holds the scans, and one for the landmarks."))
            return False
        try:
            with slicer.util.WaitCursor():
                self._cases = find_cases(Path(ui.batchInputPathLineEdit.currentPath), self._output())
        except (ValueError, OSError) as error:
            self._complain(str(error))
            return False
        for case in self._cases:
            if case.landmarks.is_file():
                case.status = OK
            recall(case, self._output())
        ui.batchInputPathLineEdit.addCurrentPathToHistory()
        ui.batchOutputPathLineEdit.addCurrentPathToHistory()
        self._table.show(self._cases)
        return True

    def _install(self) -> bool:
        if self._services.installation.ready()[0]:
            return True
        try:
            self._services.installation.ensure()
        except RuntimeError as error:
            self._complain(str(error))
            return False
        return True

    def _poll(self) -> None:
        run = self._run
        if run is None:
            return
        self._table.update(run.poll())
        self.ui.batchProgressBar.value = round(1000 * run.fraction)
        if not run.done:
            self.ui.batchStatusLabel.text = self._running_sentence(run)
            return
        self._timer.stop()
        self._run = None
        self._table.update(run.poll())
        self._table.let_sort()
        self._show_idle(" ".join(filter(None, [batch_sentence(self._cases), run.error])))

    def _running_sentence(self, run: BatchRun) -> str:
        name = run.current.name if run.current else ""
        return f"{batch_sentence(self._cases)} {name}: {run.stage}" if name else batch_sentence(self._cases)

    def _show_idle(self, text: str) -> None:
        ui = self.ui
        ui.batchRunButton.text = _("Run batch")
        ui.batchRunButton.toolTip = _("Place landmarks on all cases that have none yet, with the settings above.")
        ui.batchProgressBar.visible = False
        ui.batchListButton.enabled = True
        ui.batchStatusLabel.text = text

    def _show_open_case(self) -> None:
        case = self._session.case
        if case is not None:
            self.ui.batchStatusLabel.text = _("{name} is open: correct it in the section Review, then save it.").format(
                name=case.name
            )

    def _leave_case(self) -> bool:
        """Whether the case that is open may go; its corrections are saved where the user wants that."""
        if not self._session.changed or self._session.case is None:
            return True
        question = _("Save the corrections of {name!r}?").format(name=self._session.case.name)
        if slicer.util.confirmYesNoDisplay(question, _("Facial Landmarks 3D")):
            return self.save()
        return True

    def _complain(self, text: str) -> None:
        self.ui.batchStatusLabel.text = text
        slicer.util.errorDisplay(text, _("Facial Landmarks 3D"))

"""The list of cases, in a QTableWidget."""

from __future__ import annotations

from typing import Any

import qt

from .cases import Case
from .words import status_word, to_check

_NAME, _STATUS, _TO_CHECK, _SECONDS, _REMARK = range(5)


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
        item(row, _STATUS).setText(status_word(case))
        item(row, _REMARK).setText(case.reason)
        item(row, _REMARK).setToolTip(case.reason)
        # As numbers, so that they are sorted as such.
        item(row, _TO_CHECK).setData(qt.Qt.DisplayRole, to_check(case))
        item(row, _SECONDS).setData(qt.Qt.DisplayRole, None if case.seconds is None else round(case.seconds, 1))

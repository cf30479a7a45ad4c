"""The list of analyses and the table of findings in the planning panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

from ..messages import planning_headers

_NAME = 0


class AnalysisList:
    """Analyses that can be checked, in a QListWidget.

    Parameters
    ----------
    widget : QListWidget
    analyses : name, title and description of each
    """

    def __init__(self, widget: Any, analyses: Sequence[tuple[str, str, str]]) -> None:
        self._widget = widget
        for row, (key, title, about) in enumerate(analyses):
            widget.addItem(title)  # the item is the list's own: Python must not delete it
            item = widget.item(row)
            item.setToolTip(about)
            item.setData(qt.Qt.UserRole, key)
            item.setCheckState(qt.Qt.Unchecked)

    @property
    def checked(self) -> list[str]:
        """Names of the analyses that are checked."""
        return [self._key(item) for item in self._items() if item.checkState() == qt.Qt.Checked]

    def check(self, names: Sequence[str]) -> None:
        """Check these and no others."""
        for item in self._items():
            item.setCheckState(qt.Qt.Checked if self._key(item) in names else qt.Qt.Unchecked)

    def _items(self) -> list[Any]:
        return [self._widget.item(row) for row in range(self._widget.count)]

    def _key(self, item: Any) -> str:
        return str(item.data(qt.Qt.UserRole))


class FindingTable:
    """The columns of a table node that fit into a panel; the whole table is in Slicer's table view.

    Parameters
    ----------
    widget : QTableWidget
    """

    def __init__(self, widget: Any) -> None:
        self._widget = widget
        self._rows: list[dict[str, str]] = []
        widget.horizontalHeader().highlightSections = False

    def show(self, rows: list[dict[str, str]]) -> None:
        """Show these rows; only cells whose text has changed are touched."""
        widget = self._widget
        columns = [(name, words) for name, words in planning_headers() if rows and name in rows[0]]
        self._rows = rows
        blocked = widget.blockSignals(True)
        widget.setUpdatesEnabled(False)
        if widget.columnCount != len(columns) or widget.rowCount != len(rows):
            widget.setColumnCount(len(columns))
            widget.setRowCount(len(rows))
        widget.setHorizontalHeaderLabels([words for _name, words in columns])
        for place, row in enumerate(rows):
            for column, (name, _words) in enumerate(columns):
                self._fill(place, column, row[name], row.get("definition", ""))
        header = widget.horizontalHeader()
        if columns:
            header.setSectionResizeMode(qt.QHeaderView.Interactive)
            header.setSectionResizeMode(_NAME, qt.QHeaderView.Stretch)
        for column in range(1, len(columns)):
            widget.resizeColumnToContents(column)
        widget.setUpdatesEnabled(True)
        widget.blockSignals(blocked)

    def about(self, place: int) -> str:
        """What a row says beyond its cells; empty where there is no such row."""
        if not 0 <= place < len(self._rows):
            return ""
        row = self._rows[place]
        return " ".join(text for text in (row.get("norm", ""), row.get("definition", "")) if text)

    def _fill(self, place: int, column: int, text: str, help_text: str) -> None:
        item = self._widget.item(place, column)
        if item is None:
            item = qt.QTableWidgetItem()
            self._widget.setItem(place, column, item)
        if item.text() != text:
            item.setText(text)
        if item.toolTip() != help_text:
            item.setToolTip(help_text)

"""The table of landmarks in a QTableWidget; it touches only cells whose text has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt

from ..messages import STATUS_COLORS, millimetres, moved_word, side_word, status_word, table_headers, tooltip
from .rows import Row

_LABEL, _STATUS, _RIGHT_ALIGNED = 0, 2, (3, 4)
# Of a column, pixels: the longest abbreviation fits.
_LEAST_WIDTH = 56


class LandmarkTable:
    """Rows and the current landmark of a QTableWidget.

    Parameters
    ----------
    widget : QTableWidget
    chosen : called with the label of a landmark that the user clicks or reaches with the arrow keys
    """

    def __init__(self, widget: Any, chosen: Callable[[str], None]) -> None:
        self._widget, self._chosen = widget, chosen
        self._shown: list[tuple[Row, str]] = []
        headers = table_headers()
        widget.setColumnCount(len(headers))
        widget.setHorizontalHeaderLabels([text for text, _help in headers])
        for column, (_text, help_text) in enumerate(headers):
            widget.horizontalHeaderItem(column).setToolTip(help_text)
        header = widget.horizontalHeader()
        header.highlightSections = False  # bold headers of the current row would grow and take the names' place
        header.minimumSectionSize = _LEAST_WIDTH
        # Measured once after a fill: ResizeToContents measures all rows with every cell that is written.
        header.setSectionResizeMode(qt.QHeaderView.Interactive)
        header.setSectionResizeMode(_LABEL, qt.QHeaderView.Stretch)
        # QTableWidget's signals, as qSlicerSimpleMarkupsWidget.cxx uses them; a click on the current row is no change.
        widget.connect("currentCellChanged(int,int,int,int)", self._on_current)
        widget.connect("cellClicked(int,int)", self._on_clicked)

    def close(self) -> None:
        """Listen no more."""
        self._widget.disconnect("currentCellChanged(int,int,int,int)", self._on_current)
        self._widget.disconnect("cellClicked(int,int)", self._on_clicked)

    @property
    def labels(self) -> list[str]:
        """Labels from top to bottom."""
        return [row.label for row, _words in self._shown]

    @property
    def current(self) -> Row | None:
        """The row that the user has chosen, None where there is none."""
        place = self._widget.currentRow()
        return self._shown[place][0] if 0 <= place < len(self._shown) else None

    def show(self, rows: Sequence[Row], placed_by: str) -> None:
        """Show these rows; the current landmark stays current where it is among them."""
        shown = [(row, placed_by) for row in rows]
        if shown == self._shown:
            return
        blocked = self._widget.blockSignals(True)
        self._widget.setUpdatesEnabled(False)
        try:
            self._fill(shown)
        finally:
            self._widget.setUpdatesEnabled(True)
            self._widget.blockSignals(blocked)

    def select(self, label: str) -> None:
        """Make a landmark current without telling that the user chose it; nothing happens where it is not shown."""
        if label not in self.labels:
            return
        blocked = self._widget.blockSignals(True)
        self._widget.setCurrentCell(self.labels.index(label), _LABEL)
        self._widget.blockSignals(blocked)
        self._widget.scrollToItem(self._widget.item(self.labels.index(label), _LABEL))

    def _fill(self, shown: list[tuple[Row, str]]) -> None:
        current, before = self.current, self._shown
        if [row.label for row, _words in shown] != self.labels:
            before = []
            self._widget.setRowCount(0)
            self._widget.setRowCount(len(shown))
        self._shown = shown
        for place, new in enumerate(shown):
            if not before or before[place] != new:
                self._fill_row(place, *new)
        if not before:
            for column in range(_LABEL + 1, self._widget.columnCount):
                self._widget.resizeColumnToContents(column)
        if not before and current is not None and current.label in self.labels:
            self._widget.setCurrentCell(self.labels.index(current.label), _LABEL)

    def _fill_row(self, place: int, row: Row, placed_by: str) -> None:
        words = (
            row.label,
            side_word(row.side),
            status_word(row.status),
            millimetres(row.expected_error_mm),
            moved_word(row),
        )
        help_text = tooltip(row, placed_by)
        for column, word in enumerate(words):
            item = self._item(place, column)
            item.setText(word)
            item.setToolTip(help_text)
        red, green, blue = STATUS_COLORS[row.status]
        # A colour as decoration is drawn as a filled square; the text keeps the colour of the theme.
        self._item(place, _STATUS).setData(qt.Qt.DecorationRole, qt.QColor(red, green, blue))

    def _item(self, place: int, column: int) -> Any:
        item = self._widget.item(place, column)
        if item is None:
            item = qt.QTableWidgetItem()
            if column in _RIGHT_ALIGNED:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            self._widget.setItem(place, column, item)
        return item

    def _on_current(self, place: int, _column: int, before: int, _column_before: int) -> None:
        if place != before:
            self._tell(place)

    def _on_clicked(self, place: int, _column: int) -> None:
        self._tell(place)

    def _tell(self, place: int) -> None:
        if 0 <= place < len(self._shown):
            self._chosen(self._shown[place][0].label)

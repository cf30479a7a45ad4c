"""Lists and tables with their items."""

from __future__ import annotations

from typing import Any

from fake_qt.objects import QWidget


class _Item:
    """No QObject: texts and data have methods."""

    def __init__(self, text: str = "") -> None:
        self.shown, self.help, self.values = text, "", {}

    def text(self) -> str:
        return self.shown

    def toolTip(self) -> str:
        return self.help

    def setToolTip(self, text: str) -> None:
        self.help = text

    def setData(self, role: int, value: Any) -> None:
        self.values[role] = value

    def data(self, role: int) -> Any:
        return self.values.get(role)


class QTableWidgetItem(_Item):
    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.alignment, self.written = None, 0

    def setText(self, text: str) -> None:
        assert isinstance(text, str)
        self.shown = text
        self.written += 1

    def setTextAlignment(self, alignment: int) -> None:
        self.alignment = alignment


class QListWidgetItem(_Item):
    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.state = 0

    def setCheckState(self, state: int) -> None:
        self.state = state

    def checkState(self) -> int:
        return self.state


class QListWidget(QWidget):
    def __init__(self, name: str = "", **values: Any) -> None:
        super().__init__(name, **{"count": 0, **values})
        self.__dict__["items"] = []

    def addItem(self, text: str) -> None:
        self.items.append(QListWidgetItem(text))
        self.count = len(self.items)

    def clear(self) -> None:
        self.items.clear()
        self.count = 0

    def item(self, row: int) -> QListWidgetItem:
        return self.items[row]


class QHeaderView(QWidget):
    ResizeToContents, Stretch, Interactive = 3, 1, 0

    def setSectionResizeMode(self, *given: int) -> None:
        assert len(given) in (1, 2)
        self.__dict__.setdefault("modes", []).append(given[-1])


class QTableWidget(QWidget):
    def __init__(self, name: str = "", **values: Any) -> None:
        super().__init__(name, **{"rowCount": 0, "columnCount": 0, "sortingEnabled": False, **values})
        self.__dict__.update(
            items={}, current=(-1, -1), headers=[], scrolled=None, rebuilt=0, header=QHeaderView(minimumSectionSize=20)
        )

    def setSortingEnabled(self, enable: bool) -> None:
        self.sortingEnabled = enable

    def setColumnCount(self, count: int) -> None:
        self.columnCount = count

    def setHorizontalHeaderLabels(self, labels: list[str]) -> None:
        self.__dict__["headers"] = list(labels)

    def horizontalHeaderItem(self, column: int) -> QTableWidgetItem:
        return self.__dict__.setdefault("_headers", {}).setdefault(column, QTableWidgetItem(self.headers[column]))

    def resizeColumnToContents(self, column: int) -> None:
        assert column < self.columnCount

    def horizontalHeader(self) -> QHeaderView:
        return self.header

    def setRowCount(self, count: int) -> None:
        self.__dict__.update(items={at: each for at, each in self.items.items() if at[0] < count})
        self.__dict__["rebuilt"] += 1
        self.rowCount = count
        if self.current[0] >= count:
            self.__dict__["current"] = (-1, -1)

    def setItem(self, row: int, column: int, item: QTableWidgetItem) -> None:
        assert row < self.rowCount
        self.items[row, column] = item

    def item(self, row: int, column: int) -> QTableWidgetItem | None:
        return self.items.get((row, column))

    def currentRow(self) -> int:
        return self.current[0]

    def setCurrentCell(self, row: int, column: int) -> None:
        before = self.current
        self.__dict__["current"] = (row, column)
        if before != (row, column):
            self.emit("currentCellChanged(int,int,int,int)", row, column, *before)

    def scrollToItem(self, item: QTableWidgetItem) -> None:
        assert item is not None
        self.__dict__["scrolled"] = item

    def resizeColumnsToContents(self) -> None: ...

    def texts(self, column: int) -> list[str]:
        return [self.items[row, column].text() for row in range(self.rowCount)]

    def swap(self, first: int, second: int) -> None:
        """As sorting does; only where that is enabled."""
        assert self.sortingEnabled
        for column in range(5):
            one, two = (first, column), (second, column)
            self.items[one], self.items[two] = self.items[two], self.items[one]

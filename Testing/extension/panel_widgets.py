"""Widgets without Qt for the parts Batch and Installation of the panel, beside those of :mod:`review_widgets`.

Names and signals are those of Qt's class reference and of CTK's ``ctkPathLineEdit.h``; any other is an AttributeError.
"""

from __future__ import annotations

import types
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, ClassVar

from review_widgets import QCheckBox, QLabel, QPushButton, QTimer, QWidget, Widget, child_widget_variables

__all__ = ["QTimer", "QWidget", "child_widget_variables", "load_ui", "qt_module"]


class ctkPathLineEdit(Widget):
    properties = (*Widget.properties, "currentPath")
    signals = ("currentPathChanged(QString)", "validInputChanged(bool)")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.__dict__.update(currentPath="", history=[])

    def __setattr__(self, name: str, value: Any) -> None:
        changed = name == "currentPath" and value != self.currentPath
        super().__setattr__(name, value)
        if changed:
            self.emit("currentPathChanged(QString)", value)

    def addCurrentPathToHistory(self) -> None:
        self.history.append(self.currentPath)


class QProgressBar(Widget):
    properties = (*Widget.properties, "value", "maximum", "minimum", "format")


class QTableWidgetItem:
    def __init__(self) -> None:
        self.texts, self.values = {"text": "", "toolTip": ""}, {}

    def setText(self, text: str) -> None:
        self.texts["text"] = text

    def setToolTip(self, text: str) -> None:
        self.texts["toolTip"] = text

    def setData(self, role: int, value: Any) -> None:
        self.values[role] = value

    def data(self, role: int) -> Any:
        return self.values.get(role)


class QTableWidget(Widget):
    signals = ("cellDoubleClicked(int,int)", "cellClicked(int,int)")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.__dict__.update(items={}, count=0, current=-1, sorting=False)

    def setSortingEnabled(self, enable: bool) -> None:
        self.__dict__["sorting"] = enable

    def setRowCount(self, count: int) -> None:
        self.__dict__.update(count=count, items={place: each for place, each in self.items.items() if place[0] < count})

    def setItem(self, row: int, column: int, item: QTableWidgetItem) -> None:
        assert row < self.count
        self.items[row, column] = item

    def item(self, row: int, column: int) -> QTableWidgetItem | None:
        return self.items.get((row, column))

    def currentRow(self) -> int:
        return self.current

    def resizeColumnsToContents(self) -> None:
        pass

    def swap(self, first: int, second: int) -> None:
        """As sorting does; only where that is enabled."""
        assert self.sorting
        for column in range(5):
            places = (first, column), (second, column)
            self.items[places[0]], self.items[places[1]] = self.items[places[1]], self.items[places[0]]

    def column(self, column: int) -> list[str]:
        return [self.items[row, column].texts["text"] for row in range(self.count)]


class QPlainTextEdit(QWidget):
    NoWrap = 0

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["content"] = ""

    def setReadOnly(self, only: bool) -> None: ...

    def setLineWrapMode(self, mode: int) -> None: ...

    def setFont(self, font: Any) -> None: ...

    def setPlainText(self, text: str) -> None:
        self.__dict__["content"] = text

    def toPlainText(self) -> str:
        return self.content


class QDialog(QWidget):
    made: ClassVar[list[QDialog]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.__dict__.update(shown=False, deleted=False)
        QDialog.made.append(self)

    def setWindowTitle(self, title: str) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    def isVisible(self) -> bool:
        return self.shown

    def show(self) -> None:
        self.__dict__["shown"] = True

    def raise_(self) -> None: ...

    def close(self) -> bool:
        self.__dict__["shown"] = False
        return True

    def deleteLater(self) -> None:
        self.__dict__["deleted"] = True


class Layout:
    made: ClassVar[list[Any]] = []

    def __init__(self, parent: Any = None) -> None: ...

    def addWidget(self, widget: Any) -> None:
        Layout.made.append(widget)

    def addLayout(self, layout: Any) -> None: ...


class QFont:
    TypeWriter = 1

    def __init__(self, name: str) -> None: ...

    def setStyleHint(self, hint: int) -> None: ...


def _with_text(kind: Any) -> Any:
    """In code, a label or button is made with its text."""

    def make(text: str) -> Any:
        made = kind()
        made.text = text
        return made

    return make


def qt_module(folder: str = "") -> types.ModuleType:
    """A module ``qt``; the user chooses `folder` where asked for one."""
    module = types.ModuleType("qt")
    for kind in (QTimer, QTableWidgetItem, QPlainTextEdit, QDialog, QFont):
        setattr(module, kind.__name__, kind)
    module.QLabel, module.QPushButton = _with_text(QLabel), _with_text(QPushButton)
    module.QVBoxLayout = module.QHBoxLayout = Layout
    module.Qt = types.SimpleNamespace(UserRole=256, DisplayRole=0)
    module.QFileDialog = types.SimpleNamespace(getExistingDirectory=lambda parent=None, caption="", folder_="": folder)
    return module


def load_ui(path: str) -> Widget:
    """The widgets of a .ui file; the root has the others in ``children``."""
    kinds = (QWidget, QLabel, QPushButton, QCheckBox, QTableWidget, QProgressBar, ctkPathLineEdit)
    named = {kind.__name__: kind for kind in kinds}
    made = [named[each.get("class")](each.get("name")) for each in ET.parse(Path(path)).getroot().iter("widget")]
    made[0].__dict__["children"] = made
    return made[0]

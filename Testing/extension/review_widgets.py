"""Widgets without Qt, made from a .ui file: as much of Qt and CTK as the review panel uses, and not a name more.

Names and signals are those of qtablewidget.h, qabstractbutton.h, qcombobox.h, qlabel.h, qtimer.h and of CTK's
ctkCollapsibleButton.h; PythonQt makes Qt properties attributes. A name that is not listed here raises AttributeError,
as PythonQt does.
"""

from __future__ import annotations

import types
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar


class Widget:
    """A QObject with properties and signals."""

    properties: tuple[str, ...] = ("enabled", "visible", "toolTip")
    signals: tuple[str, ...] = ()

    def __init__(self, name: str = "") -> None:
        self.__dict__.update(name=name, slots={}, blocked=False, enabled=True, visible=True, toolTip="")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.properties:
            raise AttributeError(f"{type(self).__name__} has no property {name}")
        self.__dict__[name] = value

    def connect(self, signal: str, slot: Callable[..., None]) -> None:
        assert signal in self.signals, f"{type(self).__name__} has no signal {signal}"
        self.slots.setdefault(signal, []).append(slot)

    def disconnect(self, signal: str, slot: Callable[..., None]) -> None:
        self.slots[signal].remove(slot)

    def emit(self, signal: str, *given: Any) -> None:
        assert signal in self.signals
        for slot in [] if self.blocked else list(self.slots.get(signal, [])):
            slot(*given)

    def blockSignals(self, block: bool) -> bool:
        before = self.blocked
        self.__dict__["blocked"] = block
        return before

    @property
    def connected(self) -> int:
        return sum(len(slots) for slots in self.slots.values())


class QWidget(Widget):
    def layout(self) -> Any:
        return self.__dict__.setdefault("_layout", Layout())


class Layout:
    def __init__(self) -> None:
        self.widgets: list[Any] = []

    def addWidget(self, widget: Any) -> None:
        self.widgets.append(widget)


class QLabel(Widget):
    properties = (*Widget.properties, "text")


class QPushButton(Widget):
    properties = (*Widget.properties, "text")
    signals = ("clicked()", "clicked(bool)", "toggled(bool)")

    def click(self) -> None:
        assert self.enabled, f"{self.name} cannot be clicked"
        self.emit("clicked()")


class QCheckBox(QPushButton):
    properties = (*QPushButton.properties, "checked")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.__dict__["checked"] = False

    def __setattr__(self, name: str, value: Any) -> None:
        changed = name == "checked" and value != self.checked
        super().__setattr__(name, value)
        if changed:
            self.emit("toggled(bool)", value)


class QComboBox(Widget):
    properties = (*Widget.properties, "currentIndex")
    signals = ("currentIndexChanged(int)",)

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.__dict__["currentIndex"] = 0

    def choose(self, index: int) -> None:
        self.currentIndex = index
        self.emit("currentIndexChanged(int)", index)


class ctkCollapsibleButton(QWidget):
    properties = (*QWidget.properties, "collapsed")
    signals = ("contentsCollapsed(bool)",)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "collapsed":
            self.emit("contentsCollapsed(bool)", value)


class QTableWidgetItem:
    def __init__(self) -> None:
        self.text, self.toolTip, self.data, self.alignment = "", "", {}, None
        self.written = 0

    def setText(self, text: str) -> None:
        self.text = text
        self.written += 1

    def setToolTip(self, text: str) -> None:
        self.toolTip = text

    def setTextAlignment(self, alignment: int) -> None:
        self.alignment = alignment

    def setData(self, role: int, value: Any) -> None:
        self.data[role] = value


class Header:
    def setSectionResizeMode(self, *_given: Any) -> None:
        pass


class QTableWidget(Widget):
    signals = ("currentCellChanged(int,int,int,int)", "cellClicked(int,int)")

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.__dict__.update(items={}, current=(-1, -1), rowCount=0, headers=[], scrolled=None, rebuilt=0)

    def setColumnCount(self, count: int) -> None:
        pass

    def setHorizontalHeaderLabels(self, labels: list[str]) -> None:
        self.__dict__["headers"] = labels

    def horizontalHeader(self) -> Header:
        return Header()

    def setRowCount(self, count: int) -> None:
        kept = {place: item for place, item in self.items.items() if place[0] < count}
        self.__dict__.update(items=kept, rowCount=count, rebuilt=self.rebuilt + 1)
        if self.current[0] >= count:
            self.__dict__["current"] = (-1, -1)

    def item(self, row: int, column: int) -> QTableWidgetItem | None:
        return self.items.get((row, column))

    def setItem(self, row: int, column: int, item: QTableWidgetItem) -> None:
        assert row < self.rowCount
        self.items[row, column] = item

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

    def texts(self, column: int) -> list[str]:
        return [self.items[row, column].text for row in range(self.rowCount)]


class QTimer:
    """Runs out when told to."""

    made: ClassVar[list[QTimer]] = []

    def __init__(self) -> None:
        self.running, self.single, self.slots = False, False, []
        QTimer.made.append(self)

    def setSingleShot(self, single: bool) -> None:
        self.single = single

    def setInterval(self, _milliseconds: int) -> None:
        pass

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def connect(self, signal: str, slot: Callable[[], None]) -> None:
        assert signal == "timeout()"
        self.slots.append(slot)

    def disconnect(self, signal: str, slot: Callable[[], None]) -> None:
        assert signal == "timeout()"
        self.slots.remove(slot)

    @classmethod
    def run_out(cls) -> None:
        """All timers that run, once."""
        for timer in [each for each in cls.made if each.running]:
            timer.running = not timer.single
            for slot in list(timer.slots):
                slot()


def qt_module() -> types.ModuleType:
    """A module ``qt``."""
    module = types.ModuleType("qt")
    module.QTimer, module.QTableWidgetItem = QTimer, QTableWidgetItem
    module.QVBoxLayout = lambda parent: parent.layout()
    module.QColor = lambda *given: given
    module.QHeaderView = types.SimpleNamespace(ResizeToContents=3, Stretch=1)
    module.Qt = types.SimpleNamespace(DecorationRole=1, AlignRight=2, AlignVCenter=128)
    return module


def load_ui(path: str) -> Widget:
    """The widgets of a .ui file; the root has the others in ``children``."""
    root = ET.parse(Path(path)).getroot().find("widget")
    kinds = {kind.__name__: kind for kind in (QWidget, QLabel, QPushButton, QCheckBox, QComboBox, QTableWidget)}
    kinds[ctkCollapsibleButton.__name__] = ctkCollapsibleButton
    made = [kinds[each.get("class")](each.get("name")) for each in root.iter("widget")]
    made[0].__dict__["children"] = made
    return made[0]


def child_widget_variables(widget: Widget) -> types.SimpleNamespace:
    """As slicer.util.childWidgetVariables."""
    return types.SimpleNamespace(**{child.name: child for child in widget.children})

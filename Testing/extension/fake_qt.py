"""The one stand-in for Qt, CTK and Slicer's widgets: what the panel's parts meet in tests, made from their .ui files.

It behaves like PythonQt where that was seen to differ from other bindings, in a running Slicer:

- a property is an attribute, and a misspelt one raises AttributeError; a method that is a property's getter in C++ is
  none in Python (``label.text()`` fails);
- an empty layout is false, so that ``container.layout() or qt.QVBoxLayout(container)`` makes a second one, which Qt
  refuses; the truth of any other widget says nothing and is an error here: ask ``is None``;
- a signal has the signature of its class, and a slot gets as many arguments as the signature names;
- file dialogs give a text, not a tuple.

The names of each class are those of :mod:`qt_names`.
"""

from __future__ import annotations

import types
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import qt_names


class QObject:
    """Properties, signals and slots of a class of :mod:`qt_names`."""

    def __init__(self, name: str = "", **values: Any) -> None:
        kind = qt_names.KINDS.get(type(self).__name__, qt_names.Kind(frozenset()))
        properties = {each: None for each in qt_names.COMMON | kind.properties}
        properties.update({"enabled": True, "visible": True, "toolTip": "", "objectName": name, **values})
        self.__dict__.update(name=name, _values=properties, slots={}, blocked=False, _signals=kind.signals)

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values", {})
        if name not in values:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._values:
            raise AttributeError(f"{type(self).__name__} has no property {name!r}")
        before, self._values[name] = self._values[name], value
        if before != value:
            self.changed(name, value)

    def __bool__(self) -> bool:
        raise AssertionError(f"the truth of a {type(self).__name__} says nothing; compare it with None")

    def changed(self, name: str, value: Any) -> None:
        """A property has another value; classes emit their signals here."""

    def connect(self, signal: str, slot: Callable[..., Any]) -> bool:
        assert signal in self._signals, f"{type(self).__name__} has no signal {signal}"
        self.slots.setdefault(signal, []).append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable[..., Any]) -> bool:
        self.slots[signal].remove(slot)
        return True

    def emit(self, signal: str, *given: Any) -> None:
        assert signal in self._signals, f"{type(self).__name__} has no signal {signal}"
        count = len([each for each in signal.partition("(")[2].rstrip(")").split(",") if each])
        assert len(given) == count, f"{signal} has {count} arguments"
        for slot in [] if self.blocked else list(self.slots.get(signal, [])):
            slot(*given)

    def blockSignals(self, block: bool) -> bool:
        before = self.blocked
        self.__dict__["blocked"] = block
        return before

    @property
    def connected(self) -> int:
        return sum(len(slots) for slots in self.slots.values())


class QLayout:
    """Of a widget that has none yet; empty, it is false."""

    made: ClassVar[list[Any]] = []

    def __init__(self, parent: Any = None) -> None:
        self.widgets: list[Any] = []
        self.parent = parent
        if parent is not None:
            assert parent.layout() is None, f"attempting to add QLayout to {parent.name!r}, which already has a layout"
            parent.__dict__["_layout"] = self

    def __bool__(self) -> bool:
        return bool(self.widgets)

    def addWidget(self, widget: Any) -> None:
        self.widgets.append(widget)
        widget.__dict__["_parent"] = self.parent
        QLayout.made.append(widget)

    def addLayout(self, layout: Any) -> None:
        self.widgets.append(layout)


class QWidget(QObject):
    def layout(self) -> QLayout | None:
        return self.__dict__.get("_layout")

    def setVisible(self, visible: bool) -> None:
        self.visible = visible

    def parentWidget(self) -> Any:
        return self.__dict__.get("_parent")

    def inherits(self, name: str) -> bool:
        return any(kind.__name__ == name for kind in type(self).__mro__)

    def setUpdatesEnabled(self, enable: bool) -> None: ...

    def setMRMLScene(self, scene: Any) -> None:
        self.__dict__["scene"] = scene


class qMRMLWidget(QWidget):
    pass


class QScrollArea(QWidget):
    """Keeps what it was asked to show."""

    def ensureWidgetVisible(self, widget: QWidget) -> None:
        self.__dict__["shown"] = widget


class QLabel(QWidget):
    def __init__(self, text: str = "", **values: Any) -> None:
        super().__init__(text, text=text, **values)


class QPushButton(QWidget):
    def __init__(self, text: str = "", **values: Any) -> None:
        super().__init__(text, **{"text": text, **values})

    def setMenu(self, menu: Any) -> None:
        self.__dict__["menu"] = menu

    def click(self) -> None:
        assert self.enabled, f"{self.name} cannot be clicked"
        self.emit("clicked()")
        self.emit("clicked(bool)", False)


class QToolButton(QPushButton):
    InstantPopup = 2


class QCheckBox(QPushButton):
    def __init__(self, text: str = "", **values: Any) -> None:
        super().__init__(text, **{"checked": False, **values})

    def changed(self, name: str, value: Any) -> None:
        if name == "checked":
            self.emit("toggled(bool)", value)


class QAction(QObject):
    def trigger(self) -> None:
        assert self.enabled, f"{self.text} cannot be chosen"
        if self.checkable:
            self.checked = not self.checked
        self.emit("triggered(bool)", bool(self.checked))
        self.emit("triggered()")

    def changed(self, name: str, value: Any) -> None:
        if name == "checked":
            self.emit("toggled(bool)", value)


class QMenu(QWidget):
    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.__dict__["added"] = []

    def addAction(self, text: str) -> QAction:
        action = QAction(text, text=text, checkable=False, checked=False)
        self.added.append(action)
        return action

    def addSeparator(self) -> None: ...


class QComboBox(QWidget):
    def __init__(self, name: str = "", **values: Any) -> None:
        super().__init__(name, **{"currentIndex": 0, **values})

    def choose(self, index: int) -> None:
        self.currentIndex = index

    def addItem(self, text: str) -> None:
        self.__dict__.setdefault("texts", []).append(text)

    def changed(self, name: str, value: Any) -> None:
        if name == "currentIndex":
            self.emit("currentIndexChanged(int)", value)


class QSpinBox(QWidget):
    def changed(self, name: str, value: Any) -> None:
        if name == "value":
            self.emit("valueChanged(int)", value)


class QProgressBar(QWidget):
    pass


class qMRMLNodeComboBox(QWidget):
    def __init__(self, name: str = "", **values: Any) -> None:
        super().__init__(name, **{"currentNodeID": "", **values})
        self.__dict__["node"] = None

    def setCurrentNode(self, node: Any) -> None:
        self.__dict__["node"] = node
        self.currentNodeID = "" if node is None else node.GetID()

    def currentNode(self) -> Any:
        return self.node

    def changed(self, name: str, value: Any) -> None:
        if name == "currentNodeID":
            self.emit("currentNodeChanged(vtkMRMLNode*)", self.node)


class ctkCollapsibleButton(QWidget):
    def changed(self, name: str, value: Any) -> None:
        if name == "collapsed":
            self.emit("contentsCollapsed(bool)", value)


class ctkPathLineEdit(QWidget):
    def __init__(self, name: str = "", **values: Any) -> None:
        super().__init__(name, **{"currentPath": "", **values})
        self.__dict__["history"] = []

    def changed(self, name: str, value: Any) -> None:
        if name == "currentPath":
            self.emit("currentPathChanged(QString)", value)

    def addCurrentPathToHistory(self) -> None:
        self.history.append(self.currentPath)


class QTableWidgetItem:
    """No QObject: texts and data have methods."""

    def __init__(self, text: str = "") -> None:
        self.shown, self.help, self.values, self.alignment, self.written = text, "", {}, None, 0

    def text(self) -> str:
        return self.shown

    def toolTip(self) -> str:
        return self.help

    def setText(self, text: str) -> None:
        assert isinstance(text, str)
        self.shown = text
        self.written += 1

    def setToolTip(self, text: str) -> None:
        self.help = text

    def setTextAlignment(self, alignment: int) -> None:
        self.alignment = alignment

    def setData(self, role: int, value: Any) -> None:
        self.values[role] = value

    def data(self, role: int) -> Any:
        return self.values.get(role)


class QListWidgetItem:
    """No QObject: text, data and check state have methods."""

    def __init__(self, text: str = "") -> None:
        self.shown, self.help, self.values, self.state = text, "", {}, 0

    def text(self) -> str:
        return self.shown

    def setToolTip(self, text: str) -> None:
        self.help = text

    def toolTip(self) -> str:
        return self.help

    def setData(self, role: int, value: Any) -> None:
        self.values[role] = value

    def data(self, role: int) -> Any:
        return self.values.get(role)

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


class QTimer(QObject):
    """Runs out when told to."""

    made: ClassVar[list[QTimer]] = []
    once: ClassVar[list[Callable[[], Any]]] = []

    def __init__(self) -> None:
        super().__init__(active=False)
        self.__dict__["single"] = False
        QTimer.made.append(self)

    @staticmethod
    def singleShot(milliseconds: int, slot: Callable[[], Any]) -> None:
        QTimer.once.append(slot)

    def setSingleShot(self, single: bool) -> None:
        self.__dict__["single"] = single

    def setInterval(self, milliseconds: int) -> None:
        self.interval = milliseconds

    def start(self) -> None:
        self.active = True

    def stop(self) -> None:
        self.active = False

    @classmethod
    def running(cls) -> list[QTimer]:
        return [timer for timer in cls.made if timer.active]

    @classmethod
    def run_out(cls) -> None:
        """All timers that run, once."""
        waiting, cls.once[:] = list(cls.once), []
        for slot in waiting:
            slot()
        for timer in cls.running():
            timer.active = not timer.single
            timer.emit("timeout()")


class QPlainTextEdit(QWidget):
    NoWrap = 0

    def setReadOnly(self, only: bool) -> None: ...

    def setLineWrapMode(self, mode: int) -> None: ...

    def setFont(self, font: Any) -> None: ...

    def setPlainText(self, text: str) -> None:
        self.plainText = text


class QDialog(QWidget):
    made: ClassVar[list[QDialog]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__(visible=False)
        self.__dict__["deleted"] = False
        QDialog.made.append(self)

    def setWindowTitle(self, title: str) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    def show(self) -> None:
        self.visible = True

    def raise_(self) -> None: ...

    def close(self) -> bool:
        self.visible = False
        return True

    def deleteLater(self) -> None:
        self.__dict__["deleted"] = True


class QFont:
    TypeWriter = 1

    def __init__(self, name: str) -> None: ...

    def setStyleHint(self, hint: int) -> None: ...


WIDGETS: dict[str, type[QWidget]] = {
    kind.__name__: kind
    for kind in (
        QWidget, qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton, ctkPathLineEdit, QLabel, QPushButton,
        QToolButton, QCheckBox, QComboBox, QSpinBox, QProgressBar, QTableWidget, QListWidget,
    )
}  # fmt: skip


def qt_module(folder: str = "") -> types.ModuleType:
    """A module ``qt``; the user chooses `folder` where asked for one."""
    module = types.ModuleType("qt")
    for kind in (
        *WIDGETS.values(), QScrollArea, QTimer, QTableWidgetItem, QListWidgetItem, QHeaderView, QPlainTextEdit,
        QDialog, QFont, QMenu, QAction,
    ):  # fmt: skip
        setattr(module, kind.__name__, kind)
    module.QVBoxLayout = module.QHBoxLayout = QLayout
    module.QColor = lambda *given: given
    module.Qt = types.SimpleNamespace(
        UserRole=256, DisplayRole=0, DecorationRole=1, AlignRight=2, AlignVCenter=128, Checked=2, Unchecked=0
    )
    module.QFileDialog = types.SimpleNamespace(
        getExistingDirectory=lambda parent=None, caption="", start="": folder,
        getSaveFileName=lambda parent=None, caption="", start="", kinds="": str(Path(folder) / start) if folder else "",
    )
    return module


def load_ui(path: str) -> QWidget:
    """The widgets of a .ui file with the values of their properties; the root has the others in ``children``."""
    children: list[QWidget] = []
    root = _made(ET.parse(Path(path)).getroot().find("widget"), None, children)
    root.__dict__["children"] = children
    return root


def _made(element: Any, parent: QWidget | None, into: list[QWidget]) -> QWidget:
    widget = WIDGETS[element.get("class")](element.get("name"))
    widget.__dict__.update(name=element.get("name"), _parent=parent)
    if "text" in widget._values:
        widget._values["text"] = ""
    for given in element.findall("property"):
        if given.get("name") in widget._values:
            widget._values[given.get("name")] = _value(given[0])
    if (layout := element.find("layout")) is not None:
        QLayout(widget).widgets.extend(layout.findall("item"))
    into.append(widget)
    for child in _next_widgets(element):
        _made(child, widget, into)
    return widget


def _next_widgets(element: Any) -> list[Any]:
    """The widgets within, in layouts, without those within them."""
    found = []
    for child in element:
        if child.tag == "widget":
            found.append(child)
        elif child.tag in ("layout", "item"):
            found += _next_widgets(child)
    return found


def _value(given: ET.Element) -> Any:
    text = (given.text or "").strip()
    if given.tag == "bool":
        return text == "true"
    return int(text) if given.tag == "number" else text


def child_widget_variables(widget: QWidget) -> types.SimpleNamespace:
    """As slicer.util.childWidgetVariables."""
    return types.SimpleNamespace(**{child.name: child for child in widget.children})


def widgets_of(path: Path) -> types.SimpleNamespace:
    """The widgets of a .ui file by name."""
    return child_widget_variables(load_ui(str(path)))

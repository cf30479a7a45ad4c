"""Labels, buttons, menus, boxes to choose from, and the widgets of CTK and Slicer."""

from __future__ import annotations

from typing import Any

from fake_qt.objects import QObject, QWidget


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

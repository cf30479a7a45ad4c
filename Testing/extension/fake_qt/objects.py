"""QObject, QLayout and QWidget: what everything on a panel has."""

from __future__ import annotations

from collections.abc import Callable
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

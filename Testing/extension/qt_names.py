"""The widgets of the module's panel: names of Qt, CTK and Slicer that exist, and stand-ins that have no others.

PythonQt makes the properties of a widget its attributes; one that is misspelt raises AttributeError. Sources: Qt 6's
class reference (the Qt 5 one has these as well); CTK's ``Libs/Widgets/ctkCollapsibleButton.h`` and
``ctkPathLineEdit.h``; Slicer's ``Libs/MRML/Widgets/qMRMLWidget.h`` and ``qMRMLNodeComboBox.h``; which widget goes with
which type: Slicer's ``Base/Python/slicer/parameterNodeWrapper/guiConnectors.py``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kind:
    """Names of a class of widgets, beside those of QWidget."""

    properties: frozenset[str]
    signals: frozenset[str] = frozenset()
    slots: frozenset[str] = frozenset()


def _kind(properties: str, signals: str = "", slots: str = "") -> Kind:
    return Kind(frozenset(properties.split()), frozenset(signals.split()), frozenset(slots.split()))


# QWidget and QObject: every widget has these.
COMMON = frozenset(
    (
        "objectName",
        "enabled",
        "visible",
        "toolTip",
        "geometry",
        "minimumSize",
        "maximumSize",
        "sizePolicy",
        "styleSheet",
    )
)
_BUTTON = "text checkable checked icon autoExclusive shortcut"
_CLICKED = "clicked() clicked(bool) toggled(bool)"
KINDS = {
    "qMRMLWidget": _kind("", "mrmlSceneChanged(vtkMRMLScene*)", "setMRMLScene(vtkMRMLScene*)"),
    "qMRMLNodeComboBox": _kind(
        "nodeTypes showChildNodeTypes noneEnabled addEnabled removeEnabled editEnabled renameEnabled noneDisplay "
        "baseName currentNodeID selectNodeUponCreation showHidden",
        "currentNodeChanged(vtkMRMLNode*) nodeAddedByUser(vtkMRMLNode*)",
        "setMRMLScene(vtkMRMLScene*) setCurrentNode(vtkMRMLNode*)",
    ),
    "ctkCollapsibleButton": _kind(f"{_BUTTON} collapsed collapsedHeight flat", f"contentsCollapsed(bool) {_CLICKED}"),
    "ctkPathLineEdit": _kind(
        "filters nameFilters currentPath showBrowseButton showHistoryButton settingKey",
        "currentPathChanged(QString) validInputChanged(bool)",
    ),
    "QPushButton": _kind(f"{_BUTTON} default autoDefault flat", _CLICKED),
    "QComboBox": _kind("currentIndex currentText editable count", "currentIndexChanged(int) activated(int)"),
    "QSpinBox": _kind("minimum maximum value singleStep prefix suffix specialValueText", "valueChanged(int)"),
    "QLabel": _kind("text wordWrap textInteractionFlags alignment textFormat buddy openExternalLinks"),
    "QProgressBar": _kind("minimum maximum value textVisible format orientation"),
}
LAYOUTS = frozenset({"QVBoxLayout", "QHBoxLayout", "QFormLayout", "QGridLayout"})
# guiConnectors.py: which widget shows a parameter of which kind.
CONNECTED = {"QComboBox": "enum", "QSpinBox": "int", "qMRMLNodeComboBox": "node"}


@dataclass
class Widget:
    """A widget of a ``.ui`` file."""

    kind: str
    name: str
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def parameter(self) -> str | None:
        """The parameter that it is connected with."""
        return self.properties.get("SlicerParameterName")


@dataclass(frozen=True)
class Connection:
    """A connection of a ``.ui`` file."""

    sender: str
    signal: str
    receiver: str
    slot: str


def read_ui(path: Path) -> tuple[list[Widget], list[Connection]]:
    """Widgets and connections of a ``.ui`` file."""
    root = ET.parse(path).getroot()
    widgets = []
    for element in root.iter("widget"):
        found = {entry.get("name"): "".join(entry.itertext()).strip() for entry in element.findall("property")}
        widgets.append(Widget(str(element.get("class")), str(element.get("name")), found))
    parts = ("sender", "signal", "receiver", "slot")
    connections = [
        Connection(*(str(entry.findtext(part)) for part in parts)) for entry in root.iterfind("connections/connection")
    ]
    return widgets, connections


class StandIn:
    """Has the properties of a widget and remembers what is connected; anything else is an AttributeError."""

    def __init__(self, kind: str) -> None:
        names = COMMON | KINDS[kind].properties
        self.__dict__.update(_kind=kind, _values={name: None for name in names}, _slots={})

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"{self._kind} has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._values:
            raise AttributeError(f"{self._kind} has no property {name!r}")
        self._values[name] = value

    def connect(self, signal: str, slot: Callable[..., None]) -> bool:
        """Remember a slot; the signal must be one of the widget's."""
        assert signal in KINDS[self._kind].signals, f"{self._kind} has no signal {signal}"
        self._slots.setdefault(signal, []).append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable[..., None]) -> bool:
        """Forget it."""
        self._slots[signal].remove(slot)
        return True

    def emit(self, signal: str, *values: Any) -> None:
        """Call what is connected; a button that is disabled is not clicked."""
        assert not (signal.startswith("clicked") and self.enabled is False), "a disabled button cannot be clicked"
        for slot in list(self._slots.get(signal, [])):
            slot(*values)


def stand_ins(path: Path) -> Any:
    """The widgets of a ``.ui`` file by name, as ``slicer.util.childWidgetVariables`` gives them."""
    ui = type("Ui", (), {})()
    for widget in read_ui(path)[0]:
        setattr(ui, widget.name, StandIn(widget.kind))
    return ui

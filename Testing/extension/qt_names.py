"""Names of the classes of Qt, CTK and Slicer that the panel uses: properties, signals and slots that there are.

PythonQt makes the properties of a widget its attributes; one that is misspelt raises AttributeError. Sources: Qt 6's
class reference (the Qt 5 one has these as well); CTK's ``Libs/Widgets/ctkCollapsibleButton.h`` and
``ctkPathLineEdit.h``; Slicer's ``Libs/MRML/Widgets/qMRMLWidget.h`` and ``qMRMLNodeComboBox.h``; which widget goes with
which type: Slicer's ``Base/Python/slicer/parameterNodeWrapper/guiConnectors.py``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path


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
        "accessibleName",
        "width",
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
    "QToolButton": _kind(f"{_BUTTON} popupMode toolButtonStyle", _CLICKED),
    "QCheckBox": _kind(_BUTTON, _CLICKED),
    "QAction": _kind("text checkable checked", "triggered() triggered(bool) toggled(bool)", ""),
    "QMenu": _kind("title toolTipsVisible"),
    "QTimer": _kind("interval singleShot active", "timeout()"),
    "QTableWidget": _kind(
        "rowCount columnCount sortingEnabled editTriggers selectionMode selectionBehavior tabKeyNavigation "
        "alternatingRowColors",
        "currentCellChanged(int,int,int,int) cellClicked(int,int) cellDoubleClicked(int,int)",
    ),
    "QListWidget": _kind(
        "count currentRow selectionMode alternatingRowColors",
        "itemChanged(QListWidgetItem*) currentRowChanged(int) itemClicked(QListWidgetItem*)",
    ),
    "QHeaderView": _kind("minimumSectionSize highlightSections defaultSectionSize stretchLastSection"),
    "QPlainTextEdit": _kind("plainText readOnly"),
    "QDialog": _kind("windowTitle"),
    "QLabel": _kind("text wordWrap textInteractionFlags alignment textFormat buddy openExternalLinks"),
    "QProgressBar": _kind("minimum maximum value textVisible format orientation"),
}
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

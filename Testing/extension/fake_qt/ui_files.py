"""Widgets made from .ui files."""

from __future__ import annotations

import types
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from fake_qt.controls import (
    QCheckBox,
    QComboBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QToolButton,
    ctkCollapsibleButton,
    ctkPathLineEdit,
    qMRMLNodeComboBox,
    qMRMLWidget,
)
from fake_qt.objects import QLayout, QWidget
from fake_qt.tables import QListWidget, QTableWidget

WIDGETS: dict[str, type[QWidget]] = {
    kind.__name__: kind
    for kind in (
        QWidget, qMRMLWidget, qMRMLNodeComboBox, ctkCollapsibleButton, ctkPathLineEdit, QLabel, QPushButton,
        QToolButton, QCheckBox, QComboBox, QSpinBox, QProgressBar, QTableWidget, QListWidget,
    )
}  # fmt: skip


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

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
from pathlib import Path

from fake_qt.controls import QAction, QMenu, QScrollArea
from fake_qt.objects import QLayout
from fake_qt.tables import QHeaderView, QListWidgetItem, QTableWidgetItem
from fake_qt.ui_files import WIDGETS, child_widget_variables, load_ui, widgets_of
from fake_qt.windows import QDialog, QFont, QPlainTextEdit, QTimer

__all__ = [
    "QDialog",
    "QHeaderView",
    "QLayout",
    "QPlainTextEdit",
    "QScrollArea",
    "QTimer",
    "child_widget_variables",
    "load_ui",
    "qt_module",
    "widgets_of",
]


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

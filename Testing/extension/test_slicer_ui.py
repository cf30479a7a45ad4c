"""The panel's ``.ui`` file against the code and against the names of Qt, CTK and Slicer."""

from __future__ import annotations

import ast
import enum
import re
import typing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import qt_names
import slicer_stubs

slicer_stubs.install()

from FacialLandmarks3DLib.detection.parameters import (  # noqa: E402
    DeviceChoice,
    FacialLandmarks3DParameterNode,
    LandmarkSetChoice,
    RefinementChoice,
)

from sgcn_core.refinement.modes import MODES  # noqa: E402
from sgcn_core.settings import DEVICES  # noqa: E402
from sgcn_core.types.landmark_sets import LANDMARK_SETS  # noqa: E402

MODULE = slicer_stubs.MODULE
UI = MODULE / "Resources" / "UI" / "FacialLandmarks3D.ui"
LIBRARY = MODULE / "FacialLandmarks3DLib"
PANEL_FILES = [LIBRARY / "module_panel.py", LIBRARY / "detection" / "panel.py"]


def test_widgets_properties_signals_and_slots_are_real() -> None:
    widgets, connections = qt_names.read_ui(UI)
    names = [widget.name for widget in widgets]
    assert len(set(names)) == len(names)
    for widget in widgets:
        known = qt_names.COMMON | qt_names.KINDS[widget.kind].properties | {"SlicerParameterName"}
        assert set(widget.properties) <= known, widget.name
    kinds = {widget.name: qt_names.KINDS[widget.kind] for widget in widgets}
    for link in connections:
        assert link.signal in kinds[link.sender].signals and link.slot in kinds[link.receiver].slots


def test_every_mrml_widget_gets_the_scene_and_every_widget_says_what_it_is_for() -> None:
    widgets, connections = qt_names.read_ui(UI)
    assert widgets[0].kind == "qMRMLWidget"
    needing = {w.name for w in widgets[1:] if w.kind.startswith("qMRML")}
    assert {link.receiver for link in connections if link.signal == "mrmlSceneChanged(vtkMRMLScene*)"} == needing
    assert [widget.name for widget in widgets[1:] if not widget.properties.get("toolTip")] == []


def test_each_parameter_goes_with_a_widget_that_can_show_it() -> None:
    parameters = FacialLandmarks3DParameterNode.allParameters
    shown = {widget.parameter: widget for widget in qt_names.read_ui(UI)[0] if widget.parameter}
    assert set(shown) == set(parameters) - {"weights"}  # the path is connected by hand: Slicer's shows "." for none
    for name, widget in shown.items():
        assert qt_names.CONNECTED[widget.kind] == _kind_of(parameters[name]), name
    for name in ("inputNode", "landmarks"):
        listed = re.findall(r"vtkMRML\w+Node", shown[name].properties["nodeTypes"])
        assert listed == [kind.__name__ for kind in slicer_stubs._members(parameters[name]) if kind is not type(None)]


def _kind_of(hint: Any) -> str:
    plain = typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    if slicer_stubs.is_node_type(plain):
        return "node"
    return "enum" if issubclass(plain, enum.Enum) else plain.__name__


def test_what_can_be_chosen_is_what_a_detection_takes() -> None:
    assert {c.value for c in LandmarkSetChoice} - {"custom"} == set(LANDMARK_SETS)
    assert {c.value for c in DeviceChoice} == set(DEVICES)
    assert {c.value for c in RefinementChoice} == set(MODES)
    assert all(c.label() for kind in (LandmarkSetChoice, DeviceChoice, RefinementChoice) for c in kind)


@pytest.mark.parametrize("path", PANEL_FILES, ids=lambda path: path.name)
def test_the_code_uses_widgets_that_there_are_and_their_properties(path: Path) -> None:
    kinds = {widget.name: widget.kind for widget in qt_names.read_ui(UI)[0]}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Attribute):
            continue
        chain = ast.unparse(node).split(".")
        where = next((i for i, part in enumerate(chain) if part in ("ui", "_ui")), None)
        if where is None or len(chain) < where + 3:
            continue
        kind = qt_names.KINDS[kinds[chain[where + 1]]]
        assert chain[where + 2] in qt_names.COMMON | kind.properties | {"connect", "disconnect"}, ast.unparse(node)


def test_texts_for_the_user_can_be_translated() -> None:
    for path in [*(MODULE / "FacialLandmarks3DLib").rglob("*.py"), MODULE / "FacialLandmarks3D.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                text = node.args[0]
                assert isinstance(text, ast.Constant) and isinstance(text.value, str), f"{path.name}:{node.lineno}"

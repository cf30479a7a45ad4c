"""What a running Slicer has and slicer-core has not, as far as the module needs it without Qt.

Stand-ins for ``Base/Python/slicer`` of Slicer's sources: `i18n`, `ScriptedLoadableModule`, `parameterNodeWrapper`.
Tests skip where slicer-core is absent.
"""

from __future__ import annotations

import enum
import sys
import types
import typing
import unittest
from pathlib import Path
from typing import Any

from slicer_scene import slicer

MODULE = Path(__file__).resolve().parents[2] / "FacialLandmarks3D"


def install() -> None:
    """Let the module be imported; once for the process."""
    for name, contents in (
        ("i18n", {"tr": lambda text: text, "translate": lambda context, text: text}),
        ("ScriptedLoadableModule", _scripted_loadable_module()),
        ("parameterNodeWrapper", {"parameterNodeWrapper": parameter_node_wrapper, "WithinRange": WithinRange}),
    ):
        if f"slicer.{name}" not in sys.modules:
            module = types.ModuleType(f"slicer.{name}")
            module.__dict__.update(contents)
            sys.modules[module.__name__] = module
            setattr(slicer, name, module)
    for folder in (str(MODULE), str(MODULE.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _scripted_loadable_module() -> dict[str, Any]:
    return {
        kind.__name__: kind
        for kind in (
            ScriptedLoadableModule,
            ScriptedLoadableModuleLogic,
            ScriptedLoadableModuleTest,
            ScriptedLoadableModuleWidget,
        )
    }


class ScriptedLoadableModule:
    """Of ScriptedLoadableModule.py."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """Without developer tools."""

    reloaded = 0

    def __init__(self, parent: Any = None) -> None:
        self.parent, self.layout = parent, parent.layout()

    def setup(self) -> None:
        """Nothing to add."""

    def resourcePath(self, filename: str) -> str:
        """Of the module's folder Resources."""
        return str(MODULE / "Resources" / filename)

    def onReload(self) -> None:
        """Slicer executes the module's file again here."""
        type(self).reloaded += 1


class ScriptedLoadableModuleLogic:
    """With one parameter node per scene."""

    def getParameterNode(self) -> Any:
        """The node that has this module's name as its singleton tag."""
        name = type(self).__name__.removesuffix("Logic")
        found = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLScriptedModuleNode")
        if found is not None:
            return found
        node = slicer.vtkMRMLScriptedModuleNode()
        node.SetSingletonTag(name)
        node.SetAttribute("ModuleName", name)
        return slicer.mrmlScene.AddNode(node)


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Without windows."""

    def delayDisplay(self, message: str, msec: int = 0) -> None:
        """Nothing is shown."""


class WithinRange:
    """A validator of numbers."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: float) -> None:
        """ValueError outside of the range."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


def parameter_node_wrapper(wrapped: type) -> type:
    """Typed properties that are kept in a vtkMRMLScriptedModuleNode.

    Of wrapper.py and serializers.py: nodes as references, enumerations by name, paths and texts as they are. There
    is no connection to widgets; `connectGui` remembers what it was given.
    """
    hints = typing.get_type_hints(wrapped, include_extras=True)
    defaults = {name: getattr(wrapped, name, None) for name in hints}

    def __init__(self: Any, node: Any) -> None:
        self.parameterNode, self.gui = node, None

    contents: dict[str, Any] = {"__init__": __init__, "__doc__": wrapped.__doc__, "allParameters": hints}
    for name, hint in hints.items():
        contents[name] = _property(name, hint, defaults[name])
    for name in ("AddObserver", "RemoveObserver", "HasObserver", "StartModify", "EndModify", "Modified"):
        contents[name] = _passed_on(name)
    contents["connectGui"] = lambda self, gui: setattr(self, "gui", gui)
    contents["disconnectGui"] = lambda self, tag: setattr(self, "gui", None)
    contents["dataType"] = staticmethod(lambda name: hints[name])
    return type(wrapped.__name__, (), contents)


def _passed_on(name: str) -> Any:
    return lambda self, *arguments: getattr(self.parameterNode, name)(*arguments)


def _property(name: str, hint: Any, default: Any) -> property:
    plain, *validators = typing.get_args(hint) if hasattr(hint, "__metadata__") else (hint,)

    def read(self: Any) -> Any:
        node = self.parameterNode
        if is_node_type(plain):
            return node.GetNodeReference(name)
        if not node.HasParameter(name):
            return default
        text = node.GetParameter(name)
        return plain[text] if issubclass(plain, enum.Enum) else plain(text)

    def write(self: Any, value: Any) -> None:
        if is_node_type(plain):
            if value is not None and not isinstance(value, tuple(_members(plain))):
                raise TypeError(f"{name}: {value.GetClassName()}")
            self.parameterNode.SetNodeReferenceID(name, None if value is None else value.GetID())
            return
        if not isinstance(value, plain):
            raise TypeError(f"{name} must be {plain}, is {value!r}")
        for validator in validators:
            validator.validate(value)
        self.parameterNode.SetParameter(name, value.name if isinstance(value, enum.Enum) else str(value))

    return property(read, write)


def _members(hint: Any) -> list[type]:
    return list(typing.get_args(hint)) or [hint]


def is_node_type(hint: Any) -> bool:
    """Whether a type is a node or a union of nodes."""
    return all(kind is type(None) or issubclass(kind, slicer.vtkMRMLNode) for kind in _members(hint))

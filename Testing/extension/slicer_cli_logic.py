"""Runs a scripted CLI module as Slicer does, without Qt: ``vtkSlicerCLIModuleLogic`` of the package slicer-core.

Slicer gives its CLI logic a description of the module that was parsed from the XML file; slicer-core has both classes,
but not the description, for Python. So it is made here with the functions of the library itself: the same parser, the
same logic. Linux on x86-64 and ARM only, where the names of C++ functions are those of the Itanium ABI.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import Any

import pytest
from slicer_scene import slicer

_ROOM = 1 << 16  # bytes for a ModuleDescription, far more than it needs
_PARSE = "_ZN23ModuleDescriptionParser5ParseERKSsR17ModuleDescription"
_LOGIC = "_ZN23vtkSlicerCLIModuleLogic27SetDefaultModuleDescriptionERK17ModuleDescription"


class _Rep(ctypes.Structure):
    """What stands before the characters of a ``std::string`` of the old ABI of libstdc++ (basic_string.h)."""

    _fields_ = (("length", ctypes.c_size_t), ("capacity", ctypes.c_size_t), ("references", ctypes.c_int64))


class Text:
    """A ``const std::string&``; one that is said not to be shareable is copied by whoever keeps it."""

    def __init__(self, text: str) -> None:
        content = text.encode("utf-8")
        size = ctypes.sizeof(_Rep)
        self._room = ctypes.create_string_buffer(size + len(content) + 1)
        _Rep.from_buffer(self._room).length = _Rep.from_buffer(self._room).capacity = len(content)
        _Rep.from_buffer(self._room).references = 0xFFFFFFFF  # -1, as an int
        self._room[size : size + len(content)] = content
        self._pointer = ctypes.c_void_p(ctypes.addressof(self._room) + size)
        self.reference = ctypes.byref(self._pointer)


def _library(name: str) -> ctypes.CDLL:
    import slicer_core

    found = next(Path(slicer_core.__file__).parent.rglob(name), None)
    if found is None:
        pytest.skip(f"this slicer-core has no {name}")
    return ctypes.CDLL(str(found))


def describe(logic: Any, script: Path, python: str) -> None:
    """Tell a ``vtkSlicerCLIModuleLogic`` which module it runs, as qSlicerCLIExecutableModuleFactory does."""
    parser, base = _library("libModuleDescriptionParser.so"), _library("libvtkSlicerBaseLogic.so")
    try:
        make, parse = parser._ZN17ModuleDescriptionC1Ev, parser[_PARSE]
        settings = {"SetType": "CommandLineModule", "SetLocation": python, "SetTarget": str(script)}
        setters = {name: parser[f"_ZN17ModuleDescription{len(name)}{name}ERKSs"] for name in settings}
        give = base[_LOGIC]
    except AttributeError as error:
        pytest.skip(f"this slicer-core is built otherwise: {error}")
    description, nobody = ctypes.create_string_buffer(_ROOM), ctypes.create_string_buffer(64)
    make(description)
    xml = Text(script.with_suffix(".xml").read_text(encoding="utf-8"))
    assert parse(nobody, xml.reference, description) == 0
    for name, value in settings.items():
        text = Text(value)
        setters[name](description, text.reference)
    address = int(logic.GetAddressAsString("vtkSlicerCLIModuleLogic").removeprefix("Addr="), 16)
    give(ctypes.c_void_p(address), description)


class CliModule:
    """A scripted CLI module in a scene.

    Parameters
    ----------
    application : slicer_scene.Application
    script : Path
        The ``.py`` file, its description beside it.
    python : str
        What runs it.
    folder : Path
        For the files between the scene and the module.
    """

    def __init__(self, application: Any, script: Path, python: str, folder: Path) -> None:
        application.scene.RegisterNodeClass(slicer.vtkMRMLCommandLineModuleNode())
        self._application = application.logic
        self._application.SetTemporaryPath(str(folder))
        self._application.CreateProcessingThread()
        self._logic = slicer.vtkSlicerCLIModuleLogic()
        self._logic.SetMRMLApplicationLogic(self._application)
        self._logic.SetMRMLScene(application.scene)
        describe(self._logic, script, python)
        self.progress: list[int] = []

    def run(self, *, seconds: float = 300.0, **parameters: Any) -> Any:
        """Run it with nodes and values; returns its node when everything has been read back."""
        node = self._logic.CreateNodeInScene()
        for name, value in parameters.items():
            if hasattr(value, "GetID"):
                node.SetParameterAsNode(name, value)
            elif isinstance(value, bool):
                node.SetParameterAsBool(name, value)
            else:
                node.SetParameterAsString(name, str(value))
        self._logic.Apply(node, False)
        ends = time.monotonic() + seconds
        while node.IsBusy() and time.monotonic() < ends:
            self._application.ProcessModified()
            self._application.ProcessReadData()
            self.progress.append(node.GetProgress())
            time.sleep(0.005)
        return node

    def close(self) -> None:
        """End the thread that runs modules."""
        self._application.TerminateProcessingThread()

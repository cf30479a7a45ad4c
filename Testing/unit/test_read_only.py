"""What frozen value classes hold cannot be changed through them."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import numpy as np
import pytest

import sgcn_core
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.skin.voxel_grid import VoxelGrid
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.volume import Volume

FOLDERS = ("cleaning", "geometry", "graph", "pose", "sampling", "skin", "types")
TRIANGLE = (np.eye(3), np.array([[0, 1, 2]]))
CHECKED = {
    LandmarkResult: lambda: LandmarkResult(("prn",), [[0.0, 0.0, 0.0]], [0.5], ("found",), expected_error=[1.0]),
    Similarity: Similarity.identity,
    Surface: lambda: Surface(*TRIANGLE),
    SurfaceIndex: lambda: SurfaceIndex(*TRIANGLE),
    Volume: lambda: Volume(np.zeros((8, 8, 8)), np.ones(3), np.zeros(3), np.eye(3)),
}
WORKED_ON = {VoxelGrid}  # as large as volumes, so that they are worked on in place


def value_classes() -> Iterator[type]:
    """Frozen dataclasses with arrays."""
    for folder in FOLDERS:
        package = importlib.import_module(f"sgcn_core.{folder}")
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"sgcn_core.{folder}.{entry.name}")
            for _, found in inspect.getmembers(module, inspect.isclass):
                if found.__module__ == module.__name__ and dataclasses.is_dataclass(found) and array_fields(found):
                    yield found


def array_fields(found: type) -> list[str]:
    return [field.name for field in dataclasses.fields(found) if "Array" in str(field.type)]


CLASSES = sorted(set(value_classes()) - WORKED_ON, key=lambda found: found.__qualname__)


def test_the_walk_finds_the_value_classes() -> None:
    assert {"Surface", "Volume", "LandmarkResult", "FaceGraph", "SurfaceSamples", "Patches"} <= {
        found.__name__ for found in CLASSES
    }


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_arrays_of_frozen_classes_cannot_be_written_to(found: type) -> None:
    names = array_fields(found)
    if found in CHECKED:
        value = CHECKED[found]()
    else:
        assert issubclass(found, ReadOnlyArrays), f"{found} is neither ReadOnlyArrays nor among CHECKED"
        rest = {field.name: None for field in dataclasses.fields(found)}
        value = found(**rest | {name: np.zeros((4, 3)) for name in names})
    for name in names:
        with pytest.raises(ValueError, match="read-only"):
            getattr(value, name)[...] = 1


def test_nothing_is_copied_and_the_maker_keeps_its_array() -> None:
    vertices = np.eye(3)
    surface = Surface(vertices, TRIANGLE[1])
    assert np.shares_memory(surface.vertices, vertices)
    assert vertices.flags.writeable


def test_types_import_nothing_of_the_package_but_errors() -> None:
    package = importlib.import_module("sgcn_core.types")
    for entry in pkgutil.iter_modules(package.__path__):
        source = inspect.getsource(importlib.import_module(f"sgcn_core.types.{entry.name}"))
        lines = [
            line.split()[1]
            for line in source.splitlines()
            if line.strip().startswith(("from sgcn_core", "import sgcn_core"))
        ]
        allowed = ("sgcn_core.errors", "sgcn_core.types")
        assert all(line.startswith(allowed) for line in lines), (entry.name, lines)
    assert sgcn_core.Surface is Surface

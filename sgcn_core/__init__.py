"""Facial landmarks on 3D surfaces with a two-stage stratified graph convolutional network (2S-SGCN).

Names are imported when they are first used, so that ``import sgcn_core`` loads neither torch nor VTK.

Examples
--------
>>> from sgcn_core import LandmarkDetector
>>> result = LandmarkDetector.from_pretrained().detect("scan.ply")  # doctest: +SKIP
>>> result.position("prn")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgcn_core.demo import demo_surface
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.errors import FaceNotFoundError, FileFormatError, ModelError, RenderError, SgcnError, SurfaceError
    from sgcn_core.io.markups import read_landmarks, write_landmarks
    from sgcn_core.io.meshes import read_surface, write_surface
    from sgcn_core.io.read import read
    from sgcn_core.io.volumes import read_volume
    from sgcn_core.types.landmarks import LandmarkResult, LandmarkSet
    from sgcn_core.types.surface import Surface
    from sgcn_core.types.volume import Volume
    from sgcn_core.viz import render_landmarks

__version__ = "0.1.0"

_HOMES = {
    "FaceNotFoundError": "sgcn_core.errors",
    "FileFormatError": "sgcn_core.errors",
    "LandmarkDetector": "sgcn_core.detector",
    "LandmarkResult": "sgcn_core.types.landmarks",
    "LandmarkSet": "sgcn_core.types.landmarks",
    "ModelError": "sgcn_core.errors",
    "RenderError": "sgcn_core.errors",
    "SgcnError": "sgcn_core.errors",
    "Surface": "sgcn_core.types.surface",
    "SurfaceError": "sgcn_core.errors",
    "Volume": "sgcn_core.types.volume",
    "demo_surface": "sgcn_core.demo",
    "read": "sgcn_core.io.read",
    "read_landmarks": "sgcn_core.io.markups",
    "read_surface": "sgcn_core.io.meshes",
    "read_volume": "sgcn_core.io.volumes",
    "render_landmarks": "sgcn_core.viz",
    "write_landmarks": "sgcn_core.io.markups",
    "write_surface": "sgcn_core.io.meshes",
}

__all__ = [
    "FaceNotFoundError",
    "FileFormatError",
    "LandmarkDetector",
    "LandmarkResult",
    "LandmarkSet",
    "ModelError",
    "RenderError",
    "SgcnError",
    "Surface",
    "SurfaceError",
    "Volume",
    "__version__",
    "demo_surface",
    "read",
    "read_landmarks",
    "read_surface",
    "read_volume",
    "render_landmarks",
    "write_landmarks",
    "write_surface",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))

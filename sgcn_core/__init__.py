"""Facial landmarks on 3D surfaces with a two-stage stratified graph convolutional network (2S-SGCN).

Names are imported when they are first used, so that ``import sgcn_core`` loads neither torch nor VTK.

Examples
--------
>>> from sgcn_core import LandmarkDetector
>>> result = LandmarkDetector.from_pretrained().detect("scan.ply")  # doctest: +SKIP
>>> result.position("prn")  # doctest: +SKIP
"""

from __future__ import annotations

import os
import sys

from sgcn_core.lazy_names import imported_on_use

# OpenMP threads that spin while they wait make torch slower than one thread on a machine that is busy otherwise. The
# choice must stand before torch is loaded; one made by the user is kept, and a torch that is there is left alone.
if "torch" not in sys.modules:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

TYPE_CHECKING = False  # typing's own name; importing typing would take most of the time of this import

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

__getattr__ = imported_on_use(
    __name__,
    {
        "demo": "demo_surface",
        "detector": "LandmarkDetector",
        "errors": "FaceNotFoundError FileFormatError ModelError RenderError SgcnError SurfaceError",
        "io.markups": "read_landmarks write_landmarks",
        "io.meshes": "read_surface write_surface",
        "io.read": "read",
        "io.volumes": "read_volume",
        "types.landmarks": "LandmarkResult LandmarkSet",
        "types.surface": "Surface",
        "types.volume": "Volume",
        "viz": "render_landmarks",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

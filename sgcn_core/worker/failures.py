"""Errors as the worker reports them: type, message and remedy."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from sgcn_core import batch
from sgcn_core.errors import (
    CorrectionError,
    DeviceError,
    FaceNotFoundError,
    FileFormatError,
    InstallationError,
    LandmarkError,
    ModelError,
    SgcnError,
    SurfaceError,
    VolumeError,
)
from sgcn_core.worker.requests import BadRequest


class UnknownDetectionError(SgcnError, LookupError):
    """The detection that a request refers to is no longer available."""


HINTS: dict[type[BaseException], str] = {
    BadRequest: "The calling program and the worker may be of different versions; install them together.",
    InstallationError: "Install the missing package into the Python that runs the worker, or reinstall it there.",
    DeviceError: "Choose the device 'cpu', or check the installation of PyTorch and of the graphics driver.",
    UnknownDetectionError: "Place the landmarks again, then ask for the heatmap.",
    FaceNotFoundError: "Check that the surface shows a face, in millimetres, with the skin as its outer side.",
    CorrectionError: "Leave out the scans that are named, or correct more scans by the same definitions.",
    LandmarkError: "Place the three points again: the outer corners of the subject's eyes and the tip of the nose.",
    ModelError: "Choose another weights file, or the weights that come with the package.",
    FileFormatError: "Write or export the file again.",
    SurfaceError: "Check the surface: it needs triangles, finite coordinates and the size of a face.",
    VolumeError: "Check the volume: it must show a head with its skin, in grey values or labels.",
    MemoryError: "Close other programs, or reduce the number of triangles.",
    FileExistsError: "Choose another file name.",
    OSError: "Check that the file or folder exists, may be used, and that the disk is not full.",
    ValueError: "Check the settings.",
}
_UNEXPECTED = "This is a fault of the program; please report it with the log."


def describe(error: BaseException) -> dict[str, Any]:
    """The value of ``error`` in an answer. Unexpected errors print a traceback to standard error."""
    hint = next((text for kind, text in HINTS.items() if isinstance(error, kind)), _UNEXPECTED)
    if not isinstance(error, (SgcnError, OSError, MemoryError, ValueError)):
        traceback.print_exception(error, file=sys.stderr)
    message = " ".join(str(error).split())
    if not (isinstance(error, ValueError) and message):
        message = batch.describe(error).removesuffix(batch.DEBUG_HINT)
    return {"type": type(error).__name__, "message": message, "hint": hint}

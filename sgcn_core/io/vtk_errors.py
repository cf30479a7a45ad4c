"""What VTK would print to the terminal, as our errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sgcn_core.errors import FileFormatError

_ADDRESS = re.compile(r" \(0x[0-9a-f]+\)")


@contextmanager
def vtk_errors_raised() -> Iterator[None]:
    """Turn what VTK would print to the terminal as an error into FileFormatError; drop its warnings."""
    from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

    previous, verbosity = vtkOutputWindow.GetInstance(), vtkLogger.GetCurrentVerbosityCutoff()
    window = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        yield
    finally:
        vtkOutputWindow.SetInstance(previous)
        vtkLogger.SetStderrVerbosity(verbosity)
    lines = [line.strip() for line in window.GetOutput().splitlines() if line.strip()]
    first = next((place for place, line in enumerate(lines) if line.startswith("ERROR")), None)
    if first is not None:
        # "ERROR: In file.cxx, line n" comes first, what happened stands on the next line.
        reason = lines[min(first + 1, len(lines) - 1)].rstrip(".")
        raise FileFormatError(f"VTK reports: {_ADDRESS.sub('', reason)}")

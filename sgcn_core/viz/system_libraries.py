"""System libraries of off-screen drawing: which are missing, and how to install them."""

from __future__ import annotations

import ctypes
import re
import sys

# What Debian and Ubuntu call the package that brings each library.
_PACKAGES = {
    "libEGL.so.1": "libegl1 libegl-mesa0 libgl1-mesa-dri",
    "libOSMesa.so.8": "libosmesa6",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXcursor.so.1": "libxcursor1",
    "libXft.so.2": "libxft2",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libgomp.so.1": "libgomp1",
    "libusb-1.0.so.0": "libusb-1.0-0",
}
_OFF_SCREEN = ("libEGL.so.1", "libOSMesa.so.8")


class RenderWarning(UserWarning):
    """A picture was drawn, but not in the usual way."""


def is_loadable(library: str) -> bool:
    """Whether the system's loader finds this shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_libraries() -> tuple[str, ...]:
    """The off-screen OpenGL libraries this Linux lacks; empty as soon as one way to draw is there, or elsewhere."""
    if not sys.platform.startswith("linux") or any(is_loadable(name) for name in _OFF_SCREEN):
        return ()
    return _OFF_SCREEN[:1]


def driver_hint() -> str:
    """A hint if drawing fails although the libraries are installed: usually a driver is missing."""
    if not sys.platform.startswith("linux"):
        return "is there a graphics driver?"
    return f"is there an OpenGL driver? Debian/Ubuntu: sudo apt-get install {_PACKAGES[_OFF_SCREEN[0]]}"


def named_in(message: str) -> tuple[str, ...]:
    """Shared libraries that an error message says could not be opened."""
    found = re.findall(r"(lib[\w+.-]+?\.so(?:\.\d+)*): cannot open shared object", message)
    return tuple(dict.fromkeys(found))


def remedy(libraries: tuple[str, ...]) -> str:
    """Command that installs the libraries, as a message; empty if none is missing."""
    if not libraries:
        return ""
    packages = " ".join(_PACKAGES[name] for name in libraries if name in _PACKAGES)
    named = f"missing system library {', '.join(libraries)}"
    return f"{named}; Debian/Ubuntu: sudo apt-get install {packages}" if packages else named

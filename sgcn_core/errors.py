"""Errors that a caller can act on: every message says what was received and what to do about it."""

from __future__ import annotations


class SgcnError(Exception):
    """Base class of everything this package raises on purpose."""


class SurfaceError(SgcnError, ValueError):
    """The geometry is unusable: empty, not finite, indices out of range, no triangles."""


class VolumeError(SgcnError, ValueError):
    """A volume is unusable: wrong shape, impossible spacing or direction, or no head in it."""


class FileFormatError(SgcnError, ValueError):
    """A file cannot be read or written in the format of its suffix."""


class FaceNotFoundError(SgcnError):
    """No face could be located on the surface."""


class LandmarkError(SgcnError, ValueError):
    """Given landmarks cannot be used: points are missing, or do not fit a face."""


class CorrectionError(LandmarkError):
    """Corrected landmarks cannot be learnt from: they do not fit their scan, or contradict each other."""


class ModelError(SgcnError):
    """A weights file is missing, damaged, or does not fit this version."""


class RenderError(SgcnError, RuntimeError):
    """A picture could not be drawn; the landmarks are not affected."""


class SettingsError(SgcnError, ValueError):
    """An option has an invalid value; the message names it and the valid ones."""


class InstallationError(SgcnError):
    """A required package cannot be imported."""


class DeviceError(SgcnError):
    """The compute device is not available or cannot be used."""


NOT_USABLE: tuple[type[SgcnError], ...] = (DeviceError, InstallationError, ModelError)
"""With these no input at all can be worked on."""

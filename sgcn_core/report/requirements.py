"""Packages that only reports need: named, with the line that installs them, where one is lacking."""

from __future__ import annotations

import importlib
from typing import Any

from sgcn_core.errors import InstallationError

# Package -> the extra of this package that brings it.
_EXTRAS = {"jinja2": "report", "openpyxl": "report", "highdicom": "dicom"}


def require(package: str) -> Any:
    """The imported package.

    Raises
    ------
    InstallationError
        It is not installed, or cannot be imported; names the line that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        extra = _EXTRAS[package]
        raise InstallationError(
            f"reports need the package {package}, which cannot be imported ({error}); install it with "
            f"pip install 'sgcn-core[{extra}]' or pip install {package}"
        ) from error

"""Where the package sgcn_core is: installed beside the module, or at the root of a source checkout."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_MODULE_FOLDER = Path(__file__).resolve().parents[1]
RESOURCES = _MODULE_FOLDER / "Resources"


def package_folder() -> str:
    """The folder that holds ``sgcn_core``; RuntimeError where there is none."""
    for folder in (_MODULE_FOLDER, _MODULE_FOLDER.parent):
        if (folder / "sgcn_core" / "__init__.py").is_file():
            return str(folder)
    found = importlib.util.find_spec("sgcn_core")
    if found is not None and found.origin is not None:
        return str(Path(found.origin).parents[1])
    raise RuntimeError(
        f"The package sgcn_core is neither in {_MODULE_FOLDER} nor in {_MODULE_FOLDER.parent}; install the extension "
        "again."
    )


def make_importable() -> None:
    """Let this process import ``sgcn_core``, whose landmark sets and files need nothing but NumPy."""
    folder = package_folder()
    if folder not in sys.path:
        sys.path.append(folder)

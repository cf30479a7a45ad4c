"""Names of a package that are imported when they are first used, so that importing it loads neither torch nor VTK."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # typing's own name, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def imported_on_use(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : mapping of str to str
        Module of the package -> the names that it defines, separated by spaces.
    """
    homes = {name: module for module, listed in names.items() for name in listed.split()}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return get

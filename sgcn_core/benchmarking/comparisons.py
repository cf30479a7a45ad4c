"""The comparisons of the repository's `benchmarks` folder, which need packages that are never used at run time."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

NEEDS_CHECKOUT = "in the repository's benchmarks folder"
NEEDS_EXTRA = "needs: pip install 'sgcn-core[bench]'"


class NotAvailable(Exception):
    """A comparison cannot be made here; the message says what it needs."""


def run_comparison(name: str, repeats: int, **settings: Any) -> dict[str, Any]:
    """Run ``benchmarks/NAME.py`` of the checkout that this package is installed from.

    Raises
    ------
    NotAvailable
        There is no checkout, or a package it compares with is not installed.
    """
    path = Path(__file__).resolve().parents[2] / "benchmarks" / f"{name}.py"
    if not path.is_file():
        raise NotAvailable(NEEDS_CHECKOUT)
    specification = importlib.util.spec_from_file_location(f"sgcn_benchmarks_{name}", path)
    if specification is None or specification.loader is None:
        raise NotAvailable(f"cannot load {path}")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up there
    try:
        specification.loader.exec_module(module)
        return dict(module.run(repeats, **settings))
    except ImportError as error:
        raise NotAvailable(f"{NEEDS_EXTRA} ({error.name or error})") from error

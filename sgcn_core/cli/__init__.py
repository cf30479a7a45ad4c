"""The command line: `sgcn-landmarks`, the same as `python -m sgcn_core`."""

from __future__ import annotations

from sgcn_core.cli.app import app, main

__all__ = ["app", "main"]

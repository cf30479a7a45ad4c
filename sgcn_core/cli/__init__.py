"""The command line: `sgcn-landmarks`, the same as `python -m sgcn_core`.

Loads nothing: 3D Slicer uses parts of it in a Python without the packages of the command line.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from sgcn_core.cli.app import main as run

    run()

"""``python -m sgcn_core`` is the same as ``sgcn-landmarks``; the worker alone needs none of its packages."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        from sgcn_core.worker.server import serve

        serve()
    else:
        from sgcn_core.cli import main

        main()

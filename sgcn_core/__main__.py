"""``python -m sgcn_core`` is the same as ``sgcn-landmarks``; the worker alone needs none of its packages."""

from __future__ import annotations

import sys

from sgcn_core.cli import main
from sgcn_core.cli.worker import worker

if __name__ == "__main__":
    worker() if sys.argv[1:] == ["worker"] else main()

"""``python -m sgcn_core`` is the same as ``sgcn-landmarks``."""

from __future__ import annotations

from sgcn_core.cli import main

if __name__ == "__main__":
    main()

"""`sgcn-landmarks worker`: detection as a service for another program."""

from __future__ import annotations

import os


def worker() -> None:
    """Serve a program, such as 3D Slicer: requests on stdin, answers on stdout, JSON lines (docs/worker.md)."""
    from sgcn_core.worker.server import serve

    # As in `app.main`, which `python -m sgcn_core worker` does without.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    serve()

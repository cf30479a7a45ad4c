"""`sgcn-landmarks worker`: detection as a service for another program."""

from __future__ import annotations


def worker() -> None:
    """Serve a program, such as 3D Slicer: requests on stdin, answers on stdout, JSON lines (docs/worker.md)."""
    from sgcn_core.worker.server import serve

    serve()

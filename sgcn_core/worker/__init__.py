"""The worker: detection as a service over JSON lines, for a program that must not load torch itself.

The protocol is described in ``docs/worker.md``.
"""

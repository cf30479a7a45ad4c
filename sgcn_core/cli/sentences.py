"""Errors as sentences. Standard library only."""

from __future__ import annotations

from collections.abc import Callable

from sgcn_core.errors import SgcnError

Progress = Callable[[str, float], None]


def describe(error: BaseException) -> str:
    """An error as one sentence for the user."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    message = " ".join(str(error).split())
    if isinstance(error, (SgcnError, OSError)) and message:
        return message
    return f"unexpected {type(error).__name__}: {message} (--debug shows where)"

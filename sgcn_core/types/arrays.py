"""Read-only arrays of frozen value classes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of an array; nothing is copied."""
    if not array.flags.writeable:
        return array
    view: NDArray[Any] = array.view()
    view.setflags(write=False)
    return view


class ReadOnlyArrays:
    """Base of frozen dataclasses: every array among the fields becomes read-only.

    Arrays are not copied: whoever made one may keep a writable reference, and has to leave it alone.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, field.name, read_only(value))

"""Read-only arrays of frozen value classes, and arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Value = TypeVar("_Value")


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of an array; nothing is copied."""
    if not array.flags.writeable:
        return array
    view: NDArray[Any] = array.view()
    view.setflags(write=False)
    return view


def under(named: Mapping[str, _Value], prefix: str) -> dict[str, _Value]:
    """The values whose name begins with ``prefix``, by the rest of their name."""
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


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

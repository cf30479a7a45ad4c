"""What was promised, what was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """One line of a table of promises.

    Attributes
    ----------
    what : str
    bar : str
        What must be reached.
    measured : str
        Or why it could not be measured.
    reached : bool or None
        None if it was not measured.
    """

    what: str
    bar: str
    measured: str
    reached: bool | None

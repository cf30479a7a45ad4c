"""Acceptance criteria: what is required and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sgcn_core.evaluation.tables import Table


@dataclass(frozen=True)
class Criterion:
    """One line of a table of acceptance criteria.

    Attributes
    ----------
    what : str
    required : str
        What must be reached.
    measured : str
        Or why it could not be measured.
    reached : bool or None
        None if it was not measured.
    """

    what: str
    required: str
    measured: str
    reached: bool | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def criteria_table(name: str, title: str, criteria: Sequence[Criterion]) -> Table:
    """The table of the criteria."""
    labels = {True: "reached", False: "**not reached**", None: "not measured"}
    rows = [
        {"what": it.what, "required": it.required, "measured": it.measured, "reached": labels[it.reached]}
        for it in criteria
    ]
    return Table(name, title, rows)

"""What was promised, what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sgcn_core.evaluation.tables import Table


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def bars_table(name: str, title: str, bars: Sequence[Bar]) -> Table:
    """The table of the bars."""
    words = {True: "reached", False: "**not reached**", None: "not measured"}
    rows = [{"what": it.what, "bar": it.bar, "measured": it.measured, "reached": words[it.reached]} for it in bars]
    return Table(name, title, rows)

"""Tables as Markdown and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.io.atomic import write_text
from sgcn_core.io.csv_cells import safe_cell

Cell = str | int | float | None
TITLES = "titles.json"


@dataclass(frozen=True)
class Table:
    """A table with a name that serves as file name.

    Attributes
    ----------
    name : str, without suffix
    title : str, what is measured, on what, with which random seed
    rows : mappings with the same keys in the same order; floats are rounded to two digits in Markdown
    """

    name: str
    title: str
    rows: Sequence[Mapping[str, Cell]]

    def __post_init__(self) -> None:
        if any(list(row) != list(self.rows[0]) for row in self.rows):
            raise ValueError(f"the rows of the table {self.name} have different columns")

    def markdown(self) -> str:
        """The table alone, without the title."""
        if not self.rows:
            return "(nothing was measured)"
        columns = list(self.rows[0])
        lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += ["| " + " | ".join(_shown(row[column]) for column in columns) + " |" for row in self.rows]
        return "\n".join(lines)

    def csv(self) -> str:
        """All digits, one header row."""
        stream = io.StringIO()
        if self.rows:
            writer = csv.DictWriter(stream, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({column: safe_cell(cell) for column, cell in row.items()} for row in self.rows)
        return stream.getvalue()

    def write(self, folder: Path) -> None:
        """``NAME.csv`` in the folder, and the title in its ``titles.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        titles = read_titles(folder) | {self.name: self.title}
        write_text(folder / f"{self.name}.csv", self.csv())
        write_text(folder / TITLES, json.dumps(titles, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def read_titles(folder: Path) -> dict[str, str]:
    """Titles of the tables in a folder, by name."""
    path = folder / TITLES
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _shown(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell).replace("|", "/")

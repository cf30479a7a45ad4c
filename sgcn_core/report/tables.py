"""Tables of a report: the same rows for the page, for CSV files and for spreadsheets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from sgcn_core.io.csv_cells import safe_cell, table_text
from sgcn_core.io.provenance import printable

Cell = str | float | int | None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
    unit : str
        Of its numbers; empty for text and for numbers whose unit another column tells.
    decimals : int or None
        Of its numbers on the page; None for text.
    on_page : bool
        Whether the page shows it; files have every column.
    """

    name: str
    unit: str = ""
    decimals: int | None = None
    on_page: bool = True

    @property
    def heading(self) -> str:
        """Name and unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    def shown(self, cell: Cell) -> str:
        """A cell as text of the page; empty where nothing is known."""
        if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
            return ""
        if isinstance(cell, str) or self.decimals is None:
            return str(cell)
        text = f"{cell:.{self.decimals}f}"
        return (text[1:] if float(text) == 0 else text).replace("-", "−") if text.startswith("-") else text


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows with their columns.

    Attributes
    ----------
    key : str
        Short name, for file names and sheets.
    title : str
        Above it; empty where the section's heading says it.
    columns : tuple of Column
    rows : tuple of tuples of str, float, int or None
        None, never 0, where nothing is known.
    flags : tuple of str
        One for each row: empty, "check" or "none" (no value); how the page marks it.
    groups : tuple of str
        One for each row, or empty: rows of one group stand under its name on the page.
    note : str
        What the reader has to know.
    decimals : tuple of int
        Of the numbers of each row on the page, instead of those of the columns; or empty.
    page_rows : tuple of int or None
        The rows that the page shows, in its order; all by default. Files have every row.
    links : tuple of tuples of (str, str)
        One for each row, or empty: names and addresses of files, to which the page has links at the end of the row.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    flags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    note: str = ""
    decimals: tuple[int, ...] = ()
    page_rows: tuple[int, ...] | None = None
    links: tuple[tuple[tuple[str, str], ...], ...] = ()

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"table {self.key!r} has {len(self.columns)} columns, but a row of {len(wrong[0])}")
        for name in ("flags", "groups", "decimals", "links"):
            values = getattr(self, name)
            if values and len(values) != len(self.rows):
                raise ValueError(f"table {self.key!r} has {len(self.rows)} rows, but {len(values)} {name}")

    def flag(self, row: int) -> str:
        """How the page marks a row."""
        return self.flags[row] if self.flags else ""

    def shown(self, row: int, column: Column) -> str:
        """A cell as text of the page."""
        if self.decimals and column.decimals is not None:
            return replace(column, decimals=self.decimals[row]).shown(self.rows[row][self.columns.index(column)])
        return column.shown(self.rows[row][self.columns.index(column)])

    def sections(self) -> list[tuple[str, list[int]]]:
        """Name and rows of each group on the page, in the order of their first row; one nameless if there are none."""
        found: dict[str, list[int]] = {}
        for row in range(len(self.rows)) if self.page_rows is None else self.page_rows:
            found.setdefault(self.groups[row] if self.groups else "", []).append(row)
        return list(found.items())


def plain_cell(cell: Cell) -> Cell:
    """A cell for files: no infinite or unknown numbers, no text that ends a line or is evaluated as a formula."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return safe_cell(printable(cell)) if isinstance(cell, str) else cell


def csv_text(table: Table) -> str:
    """A header row with units and the rows, numbers not rounded, as CSV."""
    headings = [column.heading for column in table.columns]
    rows = [[table.groups[place], *row] if table.groups else row for place, row in enumerate(table.rows)]
    header = ["group", *headings] if table.groups else headings
    return table_text([header, *([plain_cell(cell) for cell in row] for row in rows)])

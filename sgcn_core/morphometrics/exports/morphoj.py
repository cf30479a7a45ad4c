"""Row/column text for MorphoJ (C. P. Klingenberg): a line for each case, tab stops between identifier and coordinates.

MorphoJ does not take the first line for a case if a cell of it is no number, and has no code for missing landmarks.
Nothing missing is written.
"""

from __future__ import annotations

from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.morphometrics.exports.text import numbers

_AXES = "xyz"


def morphoj_text(found: Configurations) -> str:
    """A line of column names (``en_r_x``), then one for each case; millimetres."""
    lines = ["\t".join(["ID", *(f"{label}_{axis}" for label in found.labels for axis in _AXES)])]
    for name, points in zip(found.names, found.points, strict=True):
        lines.append("\t".join([name, *(f"{value:.9f}" for value in points.ravel().tolist())]))
    return "\n".join(lines) + "\n"


def parse_morphoj(text: str) -> Configurations:
    """Read lines with tab stops and a line of column names.

    Raises
    ------
    ValueError
        A line has not three coordinates for each landmark.
    """
    header, *lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    if len(header) < 4 or len(header) % 3 != 1:
        raise ValueError(
            f"an identifier and three columns for each landmark are needed; received {len(header)} columns"
        )
    points = numbers([" ".join(cells[1:]) for cells in lines], len(lines), len(header) - 1)
    labels = tuple(column.rpartition("_")[0] for column in header[1::3])
    return Configurations(tuple(cells[0] for cells in lines), labels, points.reshape(len(lines), -1, 3))

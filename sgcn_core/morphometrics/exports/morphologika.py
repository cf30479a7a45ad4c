"""Morphologika (P. O'Higgins, N. Jones; geomorph, MorphoJ, EVAN toolbox): sections in brackets, blanks between numbers.

The format has no place for names of landmarks and no code for a missing one that all programs share. Nothing missing is
written.
"""

from __future__ import annotations

from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.morphometrics.exports.text import numbered, numbers, row


def morphologika_text(found: Configurations) -> str:
    """Sections individuals, landmarks, dimensions, names and rawpoints; millimetres."""
    lines = ["[individuals]", str(len(found.names)), "[landmarks]", str(len(found.labels)), "[dimensions]", "3"]
    lines += ["[names]", *found.names, "[rawpoints]"]
    for number, points in enumerate(found.points.tolist(), start=1):
        lines += [f"'#{number}", *map(row, points)]
    return "\n".join(lines) + "\n"


def parse_morphologika(text: str) -> Configurations:
    """Read three-dimensional landmarks; they are numbered, since the format does not name them.

    Raises
    ------
    ValueError
        A section is lacking, or the numbers do not fit it.
    """
    sections: dict[str, list[str]] = {}
    into: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("[") and line.endswith("]"):
            into = sections.setdefault(line[1:-1].lower(), [])
        elif not line.startswith("'"):
            into.append(line)
    try:
        cases, count, axes = (int(sections[key][0]) for key in ("individuals", "landmarks", "dimensions"))
        names, rows = sections["names"], sections["rawpoints"]
    except (KeyError, IndexError) as error:
        raise ValueError(f"it has no section [{error.args[0]}]") from error
    if axes != 3 or len(names) != cases:
        raise ValueError(f"{cases} names of three-dimensional cases are needed; received {len(names)}, {axes} axes")
    points = numbers(rows, cases * count, 3).reshape(cases, count, 3)
    return Configurations(tuple(names), numbered(count), points)

"""TPS (F. J. Rohlf's tps programs, geomorph, MorphoJ): LM3= blocks with ID and SCALE.

The format has no code for a missing landmark: geomorph takes NA, tpsDig negative coordinates, which landmarks in LPS
have anyway. Nothing missing is written.
"""

from __future__ import annotations

import re

import numpy as np

from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.morphometrics.exports.text import numbered, numbers, row

_LANDMARKS = "COMMENT=landmarks: "


def tps_text(found: Configurations) -> str:
    """Coordinates in mm, SCALE=1; the first block's COMMENT names the landmarks in their order."""
    blocks = []
    for place, (name, points) in enumerate(zip(found.names, found.points, strict=True)):
        lines = [f"LM3={len(points)}", *map(row, points.tolist()), f"ID={name}", "SCALE=1"]
        if place == 0:
            lines.append(_LANDMARKS + " ".join(found.labels))
        blocks.append("\n".join(lines))
    return "\n".join(blocks) + "\n"


def parse_tps(text: str) -> Configurations:
    """Read blocks of three-dimensional landmarks; coordinates are multiplied by their SCALE.

    Raises
    ------
    ValueError
        The text is no TPS file, has two-dimensional landmarks, or blocks of different length.
    """
    names: list[str] = []
    labels: list[str] = []
    shapes = []
    for block in re.split(r"(?im)^\s*(?=LM3?=)", text):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if not lines:
            continue
        key, _, count = lines[0].partition("=")
        if key.upper() != "LM3":
            raise ValueError(f"a block of 3D landmarks begins with LM3=; received {lines[0][:40]!r}")
        points = numbers(lines[1 : 1 + int(count)], int(count), 3)
        fields = {key.upper(): value for key, _, value in (line.partition("=") for line in lines[1 + int(count) :])}
        shapes.append(points * float(fields.get("SCALE", 1)))
        names.append(fields.get("ID", str(len(names) + 1)))
        if f"COMMENT={fields.get('COMMENT', '')}".startswith(_LANDMARKS):
            labels = fields["COMMENT"].partition(": ")[2].split()
    if not shapes:
        raise ValueError("it holds no block LM3=")
    if len({len(shape) for shape in shapes}) > 1:
        raise ValueError("its blocks have different numbers of landmarks")
    return Configurations(tuple(names), tuple(labels) or numbered(len(shapes[0])), np.stack(shapes))

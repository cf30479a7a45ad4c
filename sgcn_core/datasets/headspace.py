"""Headspace: 3dMD scans of whole heads, of which 1223 have 68 landmarks.

Layout: a folder ``00001`` ... for each subject (https://www-users.york.ac.uk/~np7/research/Headspace), in it
``NNNNNNNNNNNN.obj`` with the twelve digits of the scan. The landmark files are not described there. As published
programs of users read them, and not verified here on the data: ``ldmksNNNNNNNNNNNN.txt`` beside the scan holds the
numbers of 68 vertices, one a line, counted from 1; ``person*.txt`` holds lines ``key:value``, of which ``expression``
is used. Millimetres, +y up and +z out of the face are assumed, as 3dMD writes them; the order of iBUG as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.datasets.base import IBUG68, Experiment, Face, FaceDataset, Sample, at_vertices
from sgcn_core.errors import FileFormatError
from sgcn_core.io.linked import check_regular
from sgcn_core.io.meshes import read_surface

_LARGEST = 2**20  # bytes of a text file


class Headspace(FaceDataset):
    """Scans with 68 landmarks, below the root or its folder ``subjects``; those without landmarks are left out."""

    name = "headspace"
    title = "Headspace"
    labels = IBUG68
    experiments = (Experiment("HS", (), {"HS": ()}, {"HS": "1.662 ± 0.727"}),)

    def layout(self) -> str:
        return "folders 00001 ... 01519 (or subjects/00001 ...) with NNNNNNNNNNNN.obj and ldmksNNNNNNNNNNNN.txt"

    def find(self) -> Iterable[Sample]:
        inner = self.root / "subjects"
        for folder in (inner if inner.is_dir() else self.root).iterdir():
            if not (folder.is_dir() and folder.name.isdecimal()):
                continue
            for table in folder.glob("ldmks*.txt"):
                scan = table.with_name(table.stem.removeprefix("ldmks") + ".obj")
                if not scan.is_file():
                    raise FileFormatError(f"{table} has no scan {scan.name} beside it; unpack the subject again")
                yield Sample(f"{folder.name}-{scan.stem}", folder.name, _expression(folder), scan, (table,))

    def read(self, sample: Sample, *, cropped: bool = False) -> Face:
        surface = read_surface(sample.file, unit=self.unit)
        return Face(surface, at_vertices(surface, _vertex_numbers(sample.more[0]), str(sample.more[0])))


def _vertex_numbers(path: Path) -> NDArray[np.int64]:
    """Vertices (68,) counted from 0."""
    words = _text(path).split()
    if len(words) != len(IBUG68) or not all(word.isdecimal() and 0 < int(word) < 2**40 for word in words):
        raise FileFormatError(
            f"{path} does not hold the numbers of {len(IBUG68)} vertices, counted from 1, but {len(words)} words that "
            f"begin with {' '.join(words[:4])[:60]!r}"
        )
    return np.array(words, dtype=np.int64) - 1


def _expression(folder: Path) -> str:
    """The entry ``expression`` of the subject's text file; "" where there is none."""
    for path in sorted(folder.glob("person*.txt")):
        for line in _text(path).splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "expression":
                return value.strip()
    return ""


def _text(path: Path) -> str:
    check_regular(path, most=_LARGEST)
    return path.read_text(encoding="utf-8-sig", errors="replace")

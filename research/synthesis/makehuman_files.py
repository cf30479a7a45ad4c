"""Reads MakeHuman's base mesh and its targets (CC0): https://github.com/makehumancommunity/makehuman."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MILLIMETRES = 100.0  # in a decimetre


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """Vertices (V, 3) in millimetres, +x the subject's left, +y up, +z forward, and the quads (F, 4) of each group."""

    vertices: NDArray[np.float64]
    quads: dict[str, NDArray[np.int64]]


def read_base(path: Path) -> BaseMesh:
    """Read ``base.obj``.

    Raises
    ------
    ValueError
        The file holds no quads.
    """
    vertices: list[list[float]] = []
    quads: dict[str, list[list[int]]] = {}
    group = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "v":
            vertices.append([float(word) for word in words[:3]])
        elif keyword == "g":
            group = words[0]
        elif keyword == "f" and len(words) == 4:
            quads.setdefault(group, []).append([int(word.split("/")[0]) - 1 for word in words])
    if not quads:
        raise ValueError(f"{path} holds no quads: give the folder of MakeHuman's data, with 3dobjs/base.obj")
    return BaseMesh(np.array(vertices) * _MILLIMETRES, {name: np.array(ids) for name, ids in quads.items()})


def read_target(path: Path, count: int) -> NDArray[np.float32]:
    """Displacements (count, 3) in millimetres of a ``.target.gz``: lines ``vertex dx dy dz``, decimetres."""
    text = gzip.decompress(path.read_bytes()).decode("utf-8")
    numbers = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    table = np.fromstring(numbers, sep=" ").reshape(-1, 4)
    moved = np.zeros((count, 3), dtype=np.float32)
    moved[table[:, 0].astype(np.int64)] = table[:, 1:] * _MILLIMETRES
    return moved


def target_files(folder: Path) -> dict[str, Path]:
    """All targets below ``folder``: name as the path below it without ending, such as ``nose/nose-hump-incr``."""
    ending = ".target.gz"
    found = {path.relative_to(folder).as_posix().removesuffix(ending): path for path in folder.rglob("*" + ending)}
    if not found:
        raise ValueError(f"no {ending} files in {folder}: give the folder of MakeHuman's data, with targets/")
    return dict(sorted(found.items()))

"""Generated scans on disk: making one costs more than detecting its landmarks, and many weights want the same ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.partial_scan import PartMaker
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.types.surface import Surface


def stored_scan(maker: ScanMaker | PartMaker, number: int, folder: Path | None) -> GeneratedScan:
    """Scan ``number`` from ``folder``, made and kept there where it is not; without a folder it is always made.

    A folder must be used with the same makers only: the files tell number and seed, not the options.
    """
    if folder is None:
        return maker.scan(number)
    path = folder / f"scan-{maker.seed}-{number:05d}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_scan(maker.scan(number), path)
    return load_scan(path)


def save_scan(scan: GeneratedScan, path: Path) -> None:
    """Write one scan in one piece; positions in single precision."""
    part = path.with_name(path.stem + ".part.npz")
    np.savez(
        part,
        vertices=scan.surface.vertices.astype(np.float32),
        faces=scan.surface.faces.astype(np.int32),
        labels=np.array(list(scan.landmarks), dtype=str),
        positions=np.array(list(scan.landmarks.values())).reshape(-1, 3),
        absent=np.array(scan.absent, dtype=str),
        covered=np.array(scan.covered, dtype=str),
        disputed=np.array(scan.disputed, dtype=str),
        to_head=scan.to_head.as_matrix(),
    )
    os.replace(part, path)


def load_scan(path: Path) -> GeneratedScan:
    """Read what :func:`save_scan` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return GeneratedScan(
            surface=Surface(vertices=stored["vertices"], faces=stored["faces"], unit="mm"),
            landmarks=dict(zip(stored["labels"].tolist(), stored["positions"], strict=True)),
            absent=tuple(stored["absent"].tolist()),
            covered=tuple(stored["covered"].tolist()),
            disputed=tuple(stored["disputed"].tolist()),
            to_head=Similarity.from_matrix(stored["to_head"]),
        )

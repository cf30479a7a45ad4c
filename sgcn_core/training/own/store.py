"""What was read and detected, kept on disk: a training that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.io.atomic import replacing
from sgcn_core.own.place import Guides
from sgcn_core.training.own.scans import OwnScan

_GRAPH = ("nodes", "normals", "neighbours", "members", "vertices", "faces")


class ScanStore:
    """A folder with one file for each scan; a file is used only if nothing that it depends on has changed.

    Parameters
    ----------
    folder : Path, made where absent
    weights : SHA-256 of the weights that detect
    seed : of the sampling
    without : labels that are left out
    """

    def __init__(self, folder: Path, *, weights: str, seed: int, without: tuple[str, ...] = ()) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.about = json.dumps([weights, seed, sorted(without)])

    def key(self, mesh: Path, table: Path) -> str:
        """Of everything that the scan depends on."""
        digest = hashlib.sha256(self.about.encode())
        for path in (mesh, table):
            digest.update(path.name.encode("utf-8", "surrogateescape"))
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def load(self, mesh: Path, table: Path) -> OwnScan | None:
        """The scan, or None where it is not kept."""
        path = self._path(mesh, table)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as kept:
            to_normalised = Similarity.from_matrix(kept["to_normalised"])
            graph = FaceGraph(**{name: kept[name] for name in _GRAPH}, to_normalised=to_normalised)
            guides = Guides(kept["guides"], kept["seen"], kept["prototype"])
            absent = tuple(kept["absent"].tolist())
            truth = dict(zip(kept["labels"].tolist(), kept["truth"], strict=True))
        return OwnScan(mesh.name, graph, guides, truth, 1.0 / to_normalised.scale, absent)

    def save(self, scan: OwnScan, mesh: Path, table: Path) -> None:
        """Keep a scan, in one piece."""
        with replacing(self._path(mesh, table)) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                **{name: getattr(scan.graph, name) for name in _GRAPH},
                to_normalised=scan.graph.to_normalised.as_matrix(),
                guides=scan.guides.positions,
                seen=scan.guides.seen,
                prototype=scan.guides.prototype,
                absent=np.array(scan.absent, dtype=str),
                labels=np.array(list(scan.truth), dtype=str),
                truth=np.array(list(scan.truth.values())).reshape(-1, 3),
            )

    def _path(self, mesh: Path, table: Path) -> Path:
        return self.folder / f"{mesh.stem}-{self.key(mesh, table)[:16]}.npz"

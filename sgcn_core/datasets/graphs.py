"""Prepared graphs as a torch-geometric dataset, for any network, and as the source of the training loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch_geometric.data import Batch, Data, Dataset

from sgcn_core.datasets.manifest import CASES, read_manifest
from sgcn_core.errors import FileFormatError
from sgcn_core.graph.coarse import coarse_set
from sgcn_core.graph.fine import fine_neighbours
from sgcn_core.model.heatmap import gaussian_heatmaps


class FaceGraphs(Dataset):  # type: ignore[misc]
    """The graphs that ``sgcn-landmarks prepare`` wrote, of one part of the split.

    Each is a ``torch_geometric.data.Data`` with

    - ``pos``, ``normal`` (N, 3), and both as ``x`` (N, 6): normalised positions and normals (section 3.2)
    - ``edge_index`` (2, N k): from every neighbour to its node, the node itself among them; ``neighbours`` (N, k)
    - ``members`` (N,): the coarse set C (Eq. 5), of the mean landmarks of the training faces (Eq. 4)
    - ``landmarks`` (1, L, 3) normalised, NaN where there is none; ``known`` (1, L)
    - ``millimetres`` (1,) of one normalised unit
    - ``key``, ``subject``, ``condition``

    Parameters
    ----------
    folder : path
    part : {"train", "test"} or None
        None: both.
    conditions : sequence of str, optional
        Only these, such as the emotions of the paper.
    transform : callable, optional
        Applied to each graph when it is taken, such as :func:`with_heatmaps`.

    Raises
    ------
    FileFormatError
        The folder holds no prepared graphs, or none of them are chosen.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        part: str | None = "train",
        conditions: Sequence[str] | None = None,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        super().__init__(None, transform)
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        wanted = None if conditions is None else set(conditions)
        self.cases: list[dict[str, Any]] = [
            case
            for case in self.manifest["cases"]
            if part in (None, case["part"]) and (wanted is None or case["condition"] in wanted)
        ]
        if not self.cases:
            asked = f"the part {part!r}" + (f" and the conditions {', '.join(conditions)}" if conditions else "")
            raise FileFormatError(f"{self.folder} holds no graph of {asked}; was `sgcn-landmarks prepare` finished?")
        self.labels: tuple[str, ...] = tuple(self.manifest["labels"])
        self.prototype = np.array(self.manifest["prototype"], dtype=np.float64)

    def len(self) -> int:
        return len(self.cases)

    def get(self, idx: int) -> Data:
        case = self.cases[idx]
        path = self.folder / CASES / f"{case['key']}.npz"
        try:
            with np.load(path, allow_pickle=False) as archive:
                values = {
                    name: archive[name] for name in ("nodes", "normals", "neighbours", "landmarks", "millimetres")
                }
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise FileFormatError(f"cannot read {path}: {error}; prepare the dataset again") from error
        nodes, landmarks = values["nodes"], values["landmarks"]
        neighbours = torch.from_numpy(values["neighbours"].astype(np.int64))
        members = torch.zeros(len(nodes), dtype=torch.bool)
        members[torch.from_numpy(coarse_set(nodes, self.prototype))] = True
        position, normal = torch.from_numpy(nodes), torch.from_numpy(values["normals"])
        return Data(
            pos=position,
            normal=normal,
            x=torch.cat([position, normal], 1),
            edge_index=edges_of(neighbours),
            neighbours=neighbours,
            members=members,
            landmarks=torch.from_numpy(landmarks).float()[None],
            known=torch.from_numpy(np.isfinite(landmarks).all(axis=1))[None],
            millimetres=torch.tensor([float(values["millimetres"])]),
            key=case["key"],
            subject=case["subject"],
            condition=case["condition"],
        )


def edges_of(neighbours: torch.Tensor) -> torch.Tensor:
    """Edges (2, N k) from every neighbour (N, k) to its node, in the convention of torch-geometric."""
    nodes = torch.arange(len(neighbours)).repeat_interleave(neighbours.shape[1])
    return torch.stack([neighbours.flatten(), nodes])


def with_heatmaps(sigma: float = 0.03) -> Callable[[Data], Data]:
    """A transform that adds the heatmaps of Eq. 1 as ``y`` (N, L); 0 for a landmark that is not there."""

    def add(graph: Data) -> Data:
        graph.y = gaussian_heatmaps(graph.pos[None], graph.landmarks, sigma=sigma)[0]
        return graph

    return add


@dataclass(frozen=True)
class Landmarks:
    """What the training loop asks of the people behind its graphs."""

    labels: tuple[str, ...]
    device: torch.device


class GraphSource:
    """Batches of prepared graphs for ``sgcn_core.training.run.TrainingRun``.

    Every epoch shows each face once, in an order of its own. Of the nodes as many are taken as the step asks for, at
    random where these are fewer than were prepared; the neighbours are then found anew.

    Parameters
    ----------
    graphs : FaceGraphs
    device : torch.device
    seed : int
    """

    def __init__(self, graphs: FaceGraphs, *, device: str | torch.device = "cpu", seed: int = 0) -> None:
        self.graphs, self.seed = graphs, seed
        self.model = Landmarks(graphs.labels, torch.device(device))
        self.nodes = int(graphs.manifest["settings"]["nodes"])

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces; the same step and stream give the same faces."""
        first = step * count
        draw = np.random.default_rng([self.seed, stream, step])
        graphs = [self._thinned(self.graphs[self._place(first + i, stream)], draw) for i in range(count)]
        return Batch.from_data_list(graphs).to(self.model.device)

    def _place(self, number: int, stream: int) -> int:
        epoch, within = divmod(number, len(self.graphs))
        return int(np.random.default_rng([self.seed, stream, epoch]).permutation(len(self.graphs))[within])

    def _thinned(self, graph: Data, draw: np.random.Generator) -> Data:
        have = len(graph.x)
        if self.nodes > have:
            raise FileFormatError(f"{self.nodes} nodes are asked for, but {have} were prepared; prepare with --nodes")
        kept = {name: graph[name] for name in ("landmarks", "known", "millimetres")}
        if self.nodes == have:
            return Data(x=graph.x, neighbours=graph.neighbours, members=graph.members, **kept)
        chosen = np.sort(draw.choice(have, self.nodes, replace=False))
        nodes = graph.pos.numpy()[chosen]
        members = torch.zeros(self.nodes, dtype=torch.bool)
        members[torch.from_numpy(coarse_set(nodes, self.graphs.prototype))] = True
        neighbours = torch.from_numpy(fine_neighbours(nodes, graph.neighbours.shape[1]))
        return Data(x=graph.x[torch.from_numpy(chosen)], neighbours=neighbours, members=members, **kept)

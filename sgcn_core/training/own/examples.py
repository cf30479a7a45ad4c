"""Examples for the head: the posed scans again, with other nodes, in slightly other poses, and mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch_geometric.data import Batch, Data

from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.face_graph import FaceGraph, build_face_graph
from sgcn_core.own.head import head_features
from sgcn_core.own.place import Guides
from sgcn_core.pipeline import Pipeline
from sgcn_core.training.own.scans import OwnScan
from sgcn_core.types.landmark_sets import LandmarkSet

FloatArray = NDArray[np.float64]

# Standard deviations of the pose that alignment leaves: degrees, normalised units, log scale.
_TURN, _SHIFT, _STRETCH = 3.0, 0.02, 0.025
# Nodes of an example: all within so many sigma of a landmark, as far as there is room, and others.
_AROUND, _SHARE_AROUND = 3.0, 0.67
# Millimetres from the midline within which a landmark without _l or _r is one of the midline.
_MIDLINE = 8.0


@dataclass(frozen=True, eq=False)
class Example:
    """Some nodes of one pass: (R, 3) nodes, (R, E) embedding, (R, 3) warped to the mean face; (L, 3) truth, NaN where
    there is none, and (L,) whether that says that the landmark is absent."""

    nodes: Tensor
    embedding: Tensor
    warped: Tensor
    truth: Tensor
    known: Tensor
    millimetres: float


@dataclass(frozen=True, eq=False)
class Sides:
    """Which landmarks exchange when a scan is mirrored: number of the other one, -1 where there is none."""

    own: NDArray[np.int64]
    guides: NDArray[np.int64]

    @classmethod
    def of(cls, labels: Sequence[str], guides: Sequence[str], places: FloatArray, radius: float) -> Sides:
        """By the names: ``_l`` and ``_r`` exchange; others that lie at the midline of the mean face stay.

        Parameters
        ----------
        labels : L names
        guides : G names of the network's landmarks
        places : (L, 3), mean places, normalised
        radius : millimetres of one normalised unit
        """
        own = np.full(len(labels), -1, dtype=np.int64)
        for number, label in enumerate(labels):
            other = mirrored_name(label)
            if other != label and other in labels:
                own[number] = labels.index(other)
            elif other == label and abs(places[number, 0]) * radius < _MIDLINE:
                own[number] = number
        known, place = LandmarkSet.load("all"), {label: number for number, label in enumerate(guides)}
        mirror = [place.get(known[label].mirror if label in known else mirrored_name(label), -1) for label in guides]
        return cls(own, np.array(mirror, dtype=np.int64))


def mirrored_name(label: str) -> str:
    """The name with ``_l`` and ``_r`` exchanged; the label itself where it has neither."""
    stem, side = label[:-2], label[-2:].lower()
    if not stem or side not in ("_l", "_r"):
        return label
    return stem + {"_l": "_r", "_r": "_l", "_L": "_R", "_R": "_L"}[label[-2:]]


def make_examples(
    pipeline: Pipeline,
    scan: OwnScan,
    labels: Sequence[str],
    sides: Sides,
    blocks: Sequence[int],
    *,
    passes: int,
    rows: int,
    rng: np.random.Generator,
) -> list[Example]:
    """So many passes over a scan, every other one mirrored, each in a pose of its own but the first two.

    Mirrored scans are examples only: no scan is mirrored when landmarks are detected.
    """
    made = []
    for number in range(passes):
        posed, guides, truth, known = scan.graph, scan.guides, scan.places(labels), scan.known(labels)
        if number % 2:
            posed, guides, truth = mirrored(posed, guides, truth, sides)
            known = known[sides.own] & (sides.own >= 0)
        residue = Similarity.identity() if number < 2 else _residue(rng)
        graph = _resampled(pipeline, posed, residue, int(rng.integers(2**31)))
        moved = replace(guides, positions=residue.apply(guides.positions))
        embedding = pipeline.embedding(graph, blocks).cpu().half()
        chosen = _rows(graph.nodes, residue.apply(truth), rows, pipeline.checkpoint.sigma, rng)
        warped = moved.to_mean(graph.nodes[chosen])
        made.append(
            Example(
                torch.from_numpy(graph.nodes[chosen]).float(),
                embedding[torch.from_numpy(chosen)],
                torch.from_numpy(warped).float(),
                torch.from_numpy(residue.apply(truth)).float(),
                torch.from_numpy(known),
                scan.millimetres / residue.scale,
            )
        )
    return made


def mirrored(graph: FaceGraph, guides: Guides, truth: FloatArray, sides: Sides) -> tuple[FaceGraph, Guides, FloatArray]:
    """The mirror image of a posed scan, the landmarks of both sides exchanged; NaN where the other side has none."""
    flip = np.array([-1.0, 1.0, 1.0])
    image = replace(graph, vertices=graph.vertices * flip, faces=np.ascontiguousarray(graph.faces[:, ::-1]))
    there = sides.guides >= 0
    of_image = Guides(guides.positions[sides.guides] * flip, guides.seen[sides.guides] & there, guides.prototype)
    places = np.where((sides.own >= 0)[:, None], truth[sides.own] * flip, np.nan)
    return image, of_image, places


def _resampled(pipeline: Pipeline, graph: FaceGraph, residue: Similarity, seed: int) -> FaceGraph:
    known = pipeline.checkpoint
    return build_face_graph(
        graph.vertices,
        graph.faces,
        residue,
        known.prototype,
        margin=known.crop_margin / known.crop_radius,
        count=pipeline.method.nodes,
        neighbours=known.neighbours,
        seed=seed,
    )


def _residue(rng: np.random.Generator) -> Similarity:
    turn = Rotation.from_rotvec(rng.normal(size=3) * np.deg2rad(_TURN) / np.sqrt(3.0)).as_matrix()
    return Similarity(float(np.exp(_STRETCH * rng.normal())), turn, rng.normal(size=3) * _SHIFT / np.sqrt(3.0))


def _rows(
    nodes: FloatArray, truth: FloatArray, count: int, sigma: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Nodes around the landmarks, and others."""
    from scipy.spatial import cKDTree

    there = truth[~np.isnan(truth).any(axis=1)]
    near = np.zeros(len(nodes), dtype=bool)
    if len(there):
        near = np.asarray(cKDTree(there).query(nodes)[0]) < _AROUND * sigma
    inside, outside = rng.permutation(np.flatnonzero(near)), rng.permutation(np.flatnonzero(~near))
    first = inside[: int(_SHARE_AROUND * count)]
    chosen = np.concatenate([first, outside, inside[len(first) :]])
    return np.sort(chosen[:count])


@dataclass(frozen=True)
class Names:
    """The landmarks that are learnt, as the training loop asks for them."""

    labels: tuple[str, ...]
    device: torch.device


class ExampleSource:
    """Batches of examples for the training loop (``sgcn_core.training.source.Source``).

    Parameters
    ----------
    examples : sequence of Example, of equal numbers of nodes
    labels : L names
    places : (L, 3), their mean places in the mean face
    seed : of the order
    """

    def __init__(self, examples: Sequence[Example], labels: tuple[str, ...], places: FloatArray, seed: int) -> None:
        self.examples, self.seed = examples, seed
        self.nodes = len(examples[0].nodes)
        self.model = Names(labels, torch.device("cpu"))
        self.places = torch.from_numpy(places).float()

    def features(self, example: Example) -> Tensor:
        """What the head reads of an example."""
        return head_features(example.nodes, example.embedding, example.warped, self.places)

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """So many examples; the same step and stream give the same."""
        rng = np.random.default_rng((self.seed, stream, step))
        drawn = [self.examples[number] for number in rng.integers(len(self.examples), size=count)]
        return Batch.from_data_list([self._data(example) for example in drawn])

    def _data(self, example: Example) -> Data:
        nodes = len(example.nodes)
        return Data(
            x=self.features(example),
            neighbours=torch.zeros(nodes, 1, dtype=torch.int64),
            members=torch.zeros(nodes, dtype=torch.bool),
            landmarks=example.truth[None],
            millimetres=torch.tensor([example.millimetres]),
            known=example.known[None],
        )

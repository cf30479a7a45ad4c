"""Ellipsoids with landmarks of a user's own, and a tiny network that knows the landmarks which guide to them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import torch
from tiny_face_model import ellipsoid

from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.graph.face_graph import build_face_graph
from sgcn_core.method import Method
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.own.place import Guides
from sgcn_core.pipeline import Pipeline
from sgcn_core.training.own.fit import OwnOptions
from sgcn_core.training.own.scans import OwnData, OwnScan, checked_labels
from sgcn_core.weights.checkpoint import Checkpoint

LABELS = ("dot_r", "dot_l", "spot")
GUIDES = ("prn", "ex_r", "ex_l", "ch_r", "ch_l", "g", "me", "en_r", "en_l", "zy_r", "zy_l", "sn")
OPTIONS = OwnOptions(folds=2, blocks=(0, 2), passes=40, rows=150, batch=2, steps=6, looks=2, hidden=8)


def on_ellipsoid(x: float, y: float) -> np.ndarray:
    """The point of the ellipsoid in front of (x, y), head frame, millimetres."""
    return np.array([x, y, 30.0 + 95.0 * np.sqrt(1.0 - (x / 85.0) ** 2 - ((y + 5.0) / 110.0) ** 2)])


GUIDE_PLACES = np.array(
    [
        *(on_ellipsoid(0, 0), on_ellipsoid(-45, 35), on_ellipsoid(45, 35), on_ellipsoid(-25, -35)),
        *(on_ellipsoid(25, -35), on_ellipsoid(0, 55), on_ellipsoid(0, -75), on_ellipsoid(-18, 35)),
        *(on_ellipsoid(18, 35), on_ellipsoid(-70, 20), on_ellipsoid(70, 20), on_ellipsoid(0, -12)),
    ]
)
OWN_PLACES = np.array([on_ellipsoid(-35, 5), on_ellipsoid(35, 5), on_ellipsoid(0, -55)])


def normalised(points: np.ndarray) -> np.ndarray:
    return (points - np.array(CROP_CENTRE)) / CROP_RADIUS


def tiny_pipeline() -> Pipeline:
    """A network of random weights that knows the guides."""
    torch.manual_seed(0)
    network = StratifiedGCN(NetworkConfig(landmarks=len(GUIDES), depth=2, channels=8)).eval()
    checkpoint = Checkpoint(
        network=network,
        labels=GUIDES,
        prototype=normalised(GUIDE_PLACES),
        deviation=np.full(len(GUIDES), 0.05),
        sigma=0.05,
        neighbours=6,
        crop_centre=CROP_CENTRE,
        crop_radius=CROP_RADIUS,
        crop_margin=CROP_MARGIN,
        info={},
        method=Method(nodes=300),
    )
    return Pipeline(checkpoint, checkpoint.method, torch.device("cpu"), finder=SimpleNamespace())  # type: ignore[arg-type]


def scan(pipeline: Pipeline, number: int, *, without: tuple[str, ...] = ()) -> OwnScan:
    """An ellipsoid stretched at random, its landmarks with it; the guides are a little off."""
    rng = np.random.default_rng(number)
    stretch = 1.0 + 0.05 * rng.normal(size=3)
    vertices, faces = ellipsoid(30, 40)
    known = pipeline.checkpoint
    graph = build_face_graph(
        normalised(vertices * stretch),
        faces,
        Similarity.identity(),
        known.prototype,
        margin=known.crop_margin / known.crop_radius,
        count=pipeline.method.nodes,
        neighbours=known.neighbours,
        seed=number,
    )
    seen = rng.random(len(GUIDES)) > 0.1
    found = normalised(GUIDE_PLACES * stretch) + rng.normal(size=(len(GUIDES), 3)) * 0.5 / CROP_RADIUS
    truth = dict(zip(LABELS, normalised(OWN_PLACES * stretch), strict=True))
    return OwnScan(
        f"scan-{number}.ply",
        dataclasses.replace(graph, to_normalised=Similarity(1.0 / CROP_RADIUS, np.eye(3), np.zeros(3))),
        Guides(found, seen, known.prototype),
        {label: place for label, place in truth.items() if label not in without},
        CROP_RADIUS,
    )


def ten_scans(pipeline: Pipeline) -> OwnData:
    """The first two lack the spot; one scan more could not be read."""
    scans = [scan(pipeline, number, without=("spot",) if number < 2 else ()) for number in range(10)]
    return OwnData(checked_labels(scans), tuple(scans), (("torn.ply", "no triangles"),))

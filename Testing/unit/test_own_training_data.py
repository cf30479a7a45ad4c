"""Scans that landmarks of a user's own are learnt from: reading, what is refused, mirror images, examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra `train`")

from own_scans import GUIDE_PLACES, GUIDES, LABELS, OWN_PLACES, normalised, scan
from tiny_face_model import ellipsoid

from sgcn_core.errors import FaceNotFoundError, LandmarkError
from sgcn_core.graph.crop import CROP_RADIUS
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.pipeline import Pipeline
from sgcn_core.training.own.examples import ExampleSource, Sides, make_examples, mirrored
from sgcn_core.training.own.scans import checked_labels, read_own_scans
from sgcn_core.training.own.store import ScanStore
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface


def test_mirroring_exchanges_sides_and_leaves_out_what_has_no_other_side(own_pipeline: Pipeline) -> None:
    its = scan(own_pipeline, 3)
    places = its.places(LABELS)
    sides = Sides.of(LABELS, GUIDES, places, CROP_RADIUS)
    assert sides.own.tolist() == [1, 0, 2] and sides.guides[GUIDES.index("ex_r")] == GUIDES.index("ex_l")
    image = mirrored(its.graph, its.guides, places, sides)
    np.testing.assert_allclose(image[2][0], places[1] * [-1, 1, 1])
    back = mirrored(*image, sides)
    np.testing.assert_allclose(back[0].vertices, its.graph.vertices)
    np.testing.assert_array_equal(back[0].faces, its.graph.faces)
    np.testing.assert_allclose(back[1].positions, its.guides.positions)
    one_sided = Sides.of(("dot_r", "left", "spot"), GUIDES, places, CROP_RADIUS)
    assert one_sided.own.tolist() == [-1, -1, 2]
    assert np.isnan(mirrored(its.graph, its.guides, places, one_sided)[2][:2]).all()


def test_what_a_file_calls_missing_is_an_empty_heatmap_and_what_it_leaves_out_is_unknown(
    own_pipeline: Pipeline,
) -> None:
    its = dataclasses.replace(scan(own_pipeline, 5, without=("spot", "dot_l")), absent=("spot",))
    sides = Sides.of(LABELS, GUIDES, normalised(OWN_PLACES), CROP_RADIUS)
    made = make_examples(own_pipeline, its, LABELS, sides, (0, 2), passes=2, rows=100, rng=np.random.default_rng(0))
    assert [example.known.tolist() for example in made] == [[True, False, True], [False, True, True]]
    assert torch.isnan(made[0].truth[:, 0]).tolist() == [False, True, True]
    batch = ExampleSource(made[:1], LABELS, normalised(OWN_PLACES), 0).batch(0, 1)
    truth = gaussian_heatmaps(made[0].nodes[None], batch.landmarks, sigma=0.1)[0]
    assert (truth[:, 2] == 0).all() and truth[:, 0].max() > 0.5


def test_too_few_scans_rare_and_doubtful_names_are_refused(own_pipeline: Pipeline) -> None:
    its = scan(own_pipeline, 4)
    with pytest.raises(LandmarkError, match=r"9 annotated scans can be used, at least 10 .*\n  a.ply: no face"):
        checked_labels([its] * 9, [("a.ply", "no face")])
    rare = dataclasses.replace(its, truth={**its.truth, "odd": its.truth["spot"]})
    with pytest.raises(LandmarkError, match=r"fewer than 8 scans: odd \(7\).*--without odd"):
        checked_labels([its] * 5 + [rare] * 7)
    other = dataclasses.replace(its, truth={"Spot": its.truth["spot"]})
    with pytest.raises(LandmarkError, match="'spot' and 'Spot' differ in their case alone"):
        checked_labels([its] * 8 + [other] * 8)


class StubDetector:
    """Sees what it is told to; refuses a surface of few vertices."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.checkpoint = pipeline, pipeline.checkpoint

    def detect(self, surface: Surface, *, seed: int, observe: Callable[[Any], None]) -> LandmarkResult:
        if len(surface.vertices) < 100:
            raise FaceNotFoundError("no face found")
        observe(SimpleNamespace(graph=scan(self.pipeline, 0).graph))
        return LandmarkResult(
            labels=GUIDES,
            positions=GUIDE_PLACES,
            confidence=np.ones(len(GUIDES)),
            status=("missing", *("found",) * (len(GUIDES) - 1)),
            unit="mm",
        )


def write_scan(folder: Path, name: str, points: dict[str, np.ndarray], rows: int = 30) -> None:
    vertices, faces = ellipsoid(rows, rows + 10)
    write_surface(Surface(vertices, faces, unit="mm"), folder / f"{name}.ply")
    if points:
        count = len(points)
        positions = np.array(list(points.values()))
        result = LandmarkResult(tuple(points), positions, np.ones(count), ("found",) * count, unit="mm")
        write_landmarks(result, folder / f"{name}.mrk.json")


def test_scans_that_cannot_be_used_are_listed_and_points_off_the_surface_named(
    own_pipeline: Pipeline, tmp_path: Path
) -> None:
    points = dict(zip(LABELS, OWN_PLACES, strict=True))
    for number in range(10):
        write_scan(tmp_path, f"scan-{number}", points)
    write_scan(tmp_path, "no-face", points, rows=4)
    write_scan(tmp_path, "no-table", {})
    (tmp_path / "torn.ply").write_bytes(b"ply\nnothing")
    (tmp_path / "torn.mrk.json").write_text("{}")
    detector: Any = StubDetector(own_pipeline)
    read = read_own_scans(detector, tmp_path, without=("spot",))
    assert read.labels == ("dot_r", "dot_l") and len(read.scans) == 10
    left_out = dict(read.left_out)
    assert set(left_out) == {"no-face.ply", "no-table.ply", "torn.ply"} and left_out["no-face.ply"] == "no face found"
    assert not read.scans[0].guides.seen[0] and read.scans[0].guides.seen[1:].all()
    np.testing.assert_allclose(read.scans[0].truth["dot_r"], OWN_PLACES[0] / CROP_RADIUS, atol=1e-6)
    store = ScanStore(tmp_path / "kept", weights="w", seed=0)
    first = read_own_scans(detector, tmp_path, kept=store)

    def refuse(*_: Any, **__: Any) -> LandmarkResult:
        raise FaceNotFoundError("no face found")

    detector.detect = refuse  # what is kept is not detected again
    again = read_own_scans(detector, tmp_path, kept=store)
    assert [its.name for its in again.scans] == [its.name for its in first.scans]
    np.testing.assert_array_equal(again.scans[2].graph.neighbours, first.scans[2].graph.neighbours)
    np.testing.assert_array_equal(again.scans[2].truth["spot"], first.scans[2].truth["spot"])
    detector = StubDetector(own_pipeline)
    write_scan(tmp_path, "scan-3", {**points, "spot": points["spot"] + [0.0, 0.0, 12.0]})
    with pytest.raises(LandmarkError, match=r"scan-3\.ply: spot 1\d\.\d mm"):
        read_own_scans(detector, tmp_path, kept=store)

"""Landmarks of a user's own: transfer, cross-validation, weights, errors of the data, the command and its card."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra `train`")

from safetensors import safe_open
from scipy.spatial.transform import Rotation
from tiny_face_model import ellipsoid
from typer.testing import CliRunner

from sgcn_core.adaptation.adapt import without_offsets
from sgcn_core.cli import train as command
from sgcn_core.cli.app import app
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, InstallationError, LandmarkError, ModelError
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.graph.face_graph import FaceGraph, build_face_graph
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.method import Method
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.own.head import HeadConfig, OwnHead
from sgcn_core.own.landmarks import OwnLandmarks
from sgcn_core.own.place import Guides, assess_own, place_own
from sgcn_core.own.transfer import thin_plate_spline
from sgcn_core.pipeline import Pipeline
from sgcn_core.report.model_card import baseline_text, model_card
from sgcn_core.training.own.cross_validation import SHARES, choose_shares, folds, low_peaks, nested, stated_errors
from sgcn_core.training.own.examples import ExampleSource, Sides, make_examples, mirrored
from sgcn_core.training.own.fit import OwnOptions
from sgcn_core.training.own.scans import OwnData, OwnScan, checked_labels, read_own_scans
from sgcn_core.training.own.store import ScanStore
from sgcn_core.training.own.train import OwnTraining, fit_own
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.uncertainty.boundary import open_edges
from sgcn_core.uncertainty.thresholds import Thresholds
from sgcn_core.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

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


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
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


@pytest.fixture(scope="module")
def data(pipeline: Pipeline) -> OwnData:
    scans = [scan(pipeline, number, without=("spot",) if number < 2 else ()) for number in range(10)]
    return OwnData(checked_labels(scans), tuple(scans), (("torn.ply", "no triangles"),))


@pytest.fixture(scope="module")
def training(pipeline: Pipeline, data: OwnData) -> OwnTraining:
    return fit_own(pipeline, data, OPTIONS, began=time.process_time())


def test_the_spline_reproduces_an_affine_map_and_meets_its_landmarks() -> None:
    rng = np.random.default_rng(0)
    source, points = rng.normal(size=(20, 3)), rng.normal(size=(5, 3))
    matrix, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    np.testing.assert_allclose(thin_plate_spline(source, source @ matrix + shift)(points), points @ matrix + shift)
    bent = source + 0.05 * np.sin(source)
    np.testing.assert_allclose(thin_plate_spline(source, bent)(source), bent, atol=0.01)
    with pytest.raises(ValueError, match="at least 8 landmarks that are seen, received 7"):
        thin_plate_spline(source[:7], source[:7])
    with pytest.raises(ValueError, match="one plane"):
        thin_plate_spline(source * [1, 1, 0], source)


def test_training_states_errors_for_every_landmark_and_is_repeatable(
    training: OwnTraining, pipeline: Pipeline, data: OwnData
) -> None:
    own, validation = training.own, training.validation
    assert own.labels == ("dot_r", "dot_l", "spot") or set(own.labels) == set(LABELS)
    assert np.isfinite(own.bound).all() and (own.bound >= own.expected).all()
    spot = own.labels.index("spot")
    assert np.isnan(validation.stated[:2, spot]).all() and np.isfinite(validation.stated[2:]).all()
    # The guides are half a millimetre off per axis, so the transfer is about as good.
    assert np.nanmean(validation.transfer) < 2.0
    assert np.nanmean(validation.stated) < np.nanmean(validation.transfer) + 0.3
    assert own.share[own.labels.index("dot_r")] == own.share[own.labels.index("dot_l")]
    again = fit_own(pipeline, data, OPTIONS, began=0.0)
    for name, value in own.head.state_dict().items():
        assert torch.equal(value, again.own.head.state_dict()[name]), name
    np.testing.assert_array_equal(own.bound, again.own.bound)


def test_weights_with_own_landmarks_are_read_back_and_refused_by_older_versions(
    training: OwnTraining, tmp_path: Path
) -> None:
    path = tmp_path / "my.safetensors"
    save_checkpoint(training.checkpoint, path)
    loaded = load_checkpoint(path)
    assert loaded.own is not None and loaded.reported == training.own.labels and loaded.labels == GUIDES
    for name, value in training.own.tensors().items():
        torch.testing.assert_close(loaded.own.tensors()[name], value, msg=name)
    with safe_open(path, framework="pt") as archive:
        assert archive.metadata()["format"] == "sgcn-landmarks/2"
    assert loaded.own.info["options"]["seed"] == 0


def placed_on(training: OwnTraining, pipeline: Pipeline, graph: FaceGraph, guides: Guides) -> Any:
    embedding = pipeline.embedding(graph, training.own.head.config.blocks)
    return place_own(training.own, graph, embedding, guides, sigma=0.05, t=12, gamma=5.0)


def test_landmarks_lie_on_the_surface_and_transfer_turns_with_the_scan(
    training: OwnTraining, pipeline: Pipeline
) -> None:
    its = scan(pipeline, 50)
    placed = placed_on(training, pipeline, its.graph, its.guides)
    index = SurfaceIndex(its.graph.vertices, its.graph.faces)
    np.testing.assert_allclose(closest_on_surface(placed.positions, index), placed.positions, atol=1e-9)
    turn = Similarity(1.0, Rotation.from_euler("z", 40, degrees=True).as_matrix(), np.array([0.2, 0.0, 0.1]))
    moved = dataclasses.replace(its.guides, positions=turn.apply(its.guides.positions))
    turned = placed_on(training, pipeline, its.graph.moved(turn), moved)
    np.testing.assert_allclose(turned.transferred, turn.apply(placed.transferred), atol=1e-6)


def test_a_landmark_beyond_the_end_of_the_scan_is_missing(training: OwnTraining, pipeline: Pipeline) -> None:
    its = scan(pipeline, 51)
    right = training.own.labels.index("dot_r")
    kept = its.graph.vertices[its.graph.faces].mean(1)[:, 0] > -18.0 / CROP_RADIUS
    cut = dataclasses.replace(its.graph, faces=its.graph.faces[kept])
    placed = placed_on(training, pipeline, cut, its.guides)
    edges = open_edges(cut.vertices, cut.faces)
    found = assess_own(training.own, placed, edges, Thresholds(), unit=CROP_RADIUS, size=1.0)
    assert found.status[right] == "missing"
    assert found.status[training.own.labels.index("dot_l")] != "missing"


def test_head_and_transfer_that_contradict_each_other_are_never_called_found(
    training: OwnTraining, pipeline: Pipeline
) -> None:
    its = scan(pipeline, 52)
    placed = placed_on(training, pipeline, its.graph, its.guides)
    edges = open_edges(its.graph.vertices, its.graph.faces)
    far = dataclasses.replace(placed, by_head=placed.transferred + np.array([0.0, 50.0, 0.0]))  # 6 m
    found = assess_own(training.own, far, edges, Thresholds(), unit=CROP_RADIUS, size=1.0)
    assert set(found.status) <= {"uncertain", "missing"}
    np.testing.assert_allclose(found.error_bound, 6000.0)


def test_mirroring_exchanges_sides_and_leaves_out_what_has_no_other_side(pipeline: Pipeline) -> None:
    its = scan(pipeline, 3)
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


def test_the_transfer_is_kept_where_the_network_is_no_better() -> None:
    sides = Sides(np.array([1, 0, 2]), np.empty(0, dtype=np.int64))
    errors = np.full((6, len(SHARES), 3), 2.0)
    errors[:, 0, 2] = 1.99  # the baseline is best
    errors[:, 2, 0] = 1.0  # half of each is best on the right; by pooling also on the left
    assert choose_shares(errors, sides).tolist() == [0.5, 0.5, 0.0]
    fold = np.array([0, 0, 0, 1, 1, 1])
    errors[:3, 2, 0] = 9.0  # the scans of the first fold say otherwise: they may not choose for themselves
    stated = nested(errors, fold, sides)
    assert (stated[:3, 0] == 9.0).all() and (stated[3:, 0] == 2.0).all()


def test_the_bound_is_no_less_than_what_held_out_errors_show() -> None:
    sides = Sides(np.array([0, 1]), np.empty(0, dtype=np.int64))
    rng = np.random.default_rng(0)
    errors = np.abs(rng.normal(size=(20, 2))) * [1.0, 3.0]
    errors[0, 0] = np.nan
    said = stated_errors(errors, sides)
    assert ((errors <= said.bound).sum(0) >= 0.9 * (~np.isnan(errors)).sum(0)).all()
    assert said.expected[0] < said.expected[1] and len(said.ratios) == 39
    # Equal errors: every ratio is 1, so that mean and bound are that error.
    same = stated_errors(np.full((10, 2), 2.0), sides)
    np.testing.assert_allclose([same.expected, same.bound], 2.0)


def test_what_a_file_calls_missing_is_an_empty_heatmap_and_what_it_leaves_out_is_unknown(pipeline: Pipeline) -> None:
    its = dataclasses.replace(scan(pipeline, 5, without=("spot", "dot_l")), absent=("spot",))
    sides = Sides.of(LABELS, GUIDES, normalised(OWN_PLACES), CROP_RADIUS)
    made = make_examples(pipeline, its, LABELS, sides, (0, 2), passes=2, rows=100, rng=np.random.default_rng(0))
    assert [example.known.tolist() for example in made] == [[True, False, True], [False, True, True]]
    assert torch.isnan(made[0].truth[:, 0]).tolist() == [False, True, True]
    batch = ExampleSource(made[:1], LABELS, normalised(OWN_PLACES), 0).batch(0, 1)
    truth = gaussian_heatmaps(made[0].nodes[None], batch.landmarks, sigma=0.1)[0]
    assert (truth[:, 2] == 0).all() and truth[:, 0].max() > 0.5


def test_the_usual_peak_is_that_of_both_sides_together() -> None:
    sides = Sides(np.array([1, 0, 2]), np.empty(0, dtype=np.int64))
    peaks = np.full((10, 3), 0.9)
    peaks[0, 0], peaks[0, 2], peaks[1, 2] = 0.3, np.nan, 0.5
    assert low_peaks(peaks, sides).tolist() == [0.3, 0.3, 0.5]


def test_folds_are_even_and_follow_the_seed() -> None:
    found = folds(22, OwnOptions(folds=5))
    assert sorted(np.bincount(found).tolist()) == [4, 4, 4, 5, 5]
    assert (folds(22, OwnOptions(seed=1)) != found).any()


def test_too_few_scans_rare_and_doubtful_names_are_refused(pipeline: Pipeline) -> None:
    its = scan(pipeline, 4)
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
    pipeline: Pipeline, tmp_path: Path
) -> None:
    points = dict(zip(LABELS, OWN_PLACES, strict=True))
    for number in range(10):
        write_scan(tmp_path, f"scan-{number}", points)
    write_scan(tmp_path, "no-face", points, rows=4)
    write_scan(tmp_path, "no-table", {})
    (tmp_path / "torn.ply").write_bytes(b"ply\nnothing")
    (tmp_path / "torn.mrk.json").write_text("{}")
    detector: Any = StubDetector(pipeline)
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
    detector = StubDetector(pipeline)
    write_scan(tmp_path, "scan-3", {**points, "spot": points["spot"] + [0.0, 0.0, 12.0]})
    with pytest.raises(LandmarkError, match=r"scan-3\.ply: spot 1\d\.\d mm"):
        read_own_scans(detector, tmp_path, kept=store)


def test_the_card_shows_landmarks_baseline_splits_and_what_was_left_out(training: OwnTraining) -> None:
    page = model_card(training, title="my landmarks")
    assert "<script" not in page and "http://" not in page.replace("http://www.w3.org", "")
    for words in (*LABELS, "scan-9.ply", "Fold", "torn.ply: no triangles", "Transfer alone", "Seed", "Held-out"):
        assert words in page, words


def test_where_the_baseline_is_better_is_said(training: OwnTraining) -> None:
    validation = training.validation
    stated, errors = np.full_like(validation.stated, 2.0), np.full_like(validation.errors, 3.0)
    errors[:, 0, 2] = 1.0
    worse = dataclasses.replace(
        training,
        validation=dataclasses.replace(validation, stated=stated, errors=errors),
        checkpoint=dataclasses.replace(
            training.checkpoint, own=dataclasses.replace(training.own, share=np.array([0.0, 0.5, 0.5]))
        ),
    )
    first, _, third = training.own.labels
    text = baseline_text(worse)
    assert f"used for {first}:" in text and f"For {third} the transfer alone had the smaller mean" in text


def test_the_command_says_what_is_lacking_and_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "my.safetensors"
    weights.write_bytes(b"mine")
    runner = CliRunner()
    given = ["train", "--data", str(tmp_path), "-o", str(weights)]
    found = runner.invoke(app, given)
    assert found.exit_code == 2 and "exists; give --overwrite" in found.output.replace("\n", " ")
    assert runner.invoke(app, [*given[:-1], str(tmp_path / "my.pt")]).exit_code == 2
    assert weights.read_bytes() == b"mine"
    monkeypatch.setattr(command, "_NEEDED", ("lightning", "no_such_package"))
    with pytest.raises(InstallationError, match=r"no_such_package.*pip install 'sgcn-core\[train\]'"):
        command.require_training()


def test_the_command_writes_weights_and_card_and_prints_the_baseline(
    training: OwnTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learnt(detector: Any, folder: Path, options: OwnOptions, **given: Any) -> OwnTraining:
        assert (folder, options.folds, options.seed) == (tmp_path, 3, 4) and given["without"] == ["nose"]
        return training

    monkeypatch.setattr("sgcn_core.training.own.train.train_own", learnt)
    monkeypatch.setattr("sgcn_core.cli.detect.load_detector", lambda settings: None)
    weights = tmp_path / "mine.safetensors"
    given = ["train", "--data", str(tmp_path), "-o", str(weights), "--folds", "3", "--seed", "4", "--without", "nose"]
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 1, found.output  # one scan is left out
    assert load_checkpoint(weights).reported == training.own.labels
    assert "<svg" in (tmp_path / "mine.html").read_text(encoding="utf-8")
    for words in ("Transfer alone", "| dot_r | 10 |", "90 % bound rests on", "torn.ply is left out", "seed 0"):
        assert words in found.output, words


def test_the_detector_reports_own_landmarks_alone_in_frame_and_unit_of_the_scan(
    detector: LandmarkDetector, face: Surface, tmp_path: Path
) -> None:
    """The mean face: a landmark whose mean place is that of pronasale is found at its pronasale."""
    known, labels = detector.checkpoint, ("tip", "corner_r", "corner_l")
    prototype = known.prototype[[known.labels.index(label) for label in ("prn", "ch_r", "ch_l")]]
    head = OwnHead(HeadConfig(landmarks=3, blocks=(0,), embedding=known.network.config.channels, hidden=4)).eval()
    with torch.no_grad():
        head.head.bias.fill_(0.6)  # seen everywhere alike: the share says that it has no say
    own = OwnLandmarks(
        labels=labels,
        prototype=prototype,
        head=head,
        share=np.zeros(3),
        expected=np.full(3, 1.0),
        bound=np.full(3, 2.0),
        disagreement=np.full(3, 500.0),
        peak=np.full(3, 0.1),
        ratios=np.array([0.5, 1.0, 1.5]),
    )
    weights = tmp_path / "mine.safetensors"
    save_checkpoint(dataclasses.replace(known, own=own), weights)
    seen: list[Any] = []
    in_metres = face.with_(vertices=face.vertices * 1e-3, unit="m")
    result = LandmarkDetector.from_pretrained(weights).detect(in_metres, observe=seen.append)
    assert result.labels == labels and result.unit == "m" and "missing" not in result.status
    truth = prototype * known.crop_radius + known.crop_centre  # the mean face stands in the head frame
    assert np.linalg.norm(result.positions * 1e3 - truth, axis=1).max() < 3.0
    assert result.position("corner_l")[0] > result.position("corner_r")[0]
    np.testing.assert_allclose(result.error_bound, 2.0)
    assert seen[-1].labels == labels and seen[-1].on_points(in_metres.vertices[:5], "tip").shape == (5,)
    with pytest.raises(ModelError, match="the weights lack"):
        LandmarkDetector.from_pretrained(weights).detect(in_metres, landmark_set="clinical")
    with pytest.raises(ModelError, match="train again"):
        without_offsets(LandmarkDetector.from_pretrained(weights))

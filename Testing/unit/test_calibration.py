"""Expected errors: the shape statistics, the features, the error model, its fit, and the weights file that holds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_face_model import tiny_face_model

from research.synthesis.generated_scan import ScanMaker
from research.training.calibration_data import CalibrationData, ModeData, collect
from research.training.calibration_report import area_under_curve, calibration_figures, reliability_rows
from research.training.error_model_fit import FitOptions, fit_error_model
from sgcn_core.errors import ModelError
from sgcn_core.method import Method
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.pipeline import Pipeline
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.uncertainty.assess import calibrated, uncalibrated
from sgcn_core.uncertainty.calibration import Calibration
from sgcn_core.uncertainty.confidence import HeatmapConfidence
from sgcn_core.uncertainty.error_model import EDGES, ErrorModel
from sgcn_core.uncertainty.expectation import expected_places
from sgcn_core.uncertainty.features import FEATURES, landmark_features
from sgcn_core.uncertainty.thresholds import Thresholds
from sgcn_core.weights.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

LANDMARKS = 20
MEAN = np.random.default_rng(0).normal(size=(LANDMARKS, 3)) * 0.4
PEAK, DISPLACED = FEATURES.index("peak"), FEATURES.index("misplacement")


def people(count: int, seed: int = 1) -> np.ndarray:
    """Landmarks that vary along three directions only, and a little noise."""
    rng = np.random.default_rng(seed)
    modes = np.random.default_rng(5).normal(size=(3, LANDMARKS, 3)) * 0.05
    return (
        MEAN + np.einsum("pk,klc->plc", rng.normal(size=(count, 3)), modes) + rng.normal(0, 1e-3, (count, LANDMARKS, 3))
    )


SHAPE = LandmarkShape.fit(people(400), modes=6, finding=0.005)


def synthetic(scans: int, seed: int = 0) -> ModeData:
    return detections(scans, seed).of_mode("guided")


def detections(scans: int, seed: int = 0) -> CalibrationData:
    """Errors that grow as the peak falls and the misplacement rises; low peaks with a wide gap mean absence."""
    rng = np.random.default_rng(seed)
    shape = (scans, LANDMARKS)
    peak, off = rng.uniform(0.1, 1.0, shape), rng.exponential(0.5, shape)
    features = rng.normal(size=(*shape, len(FEATURES)))
    features[..., PEAK], features[..., DISPLACED] = peak, off
    scale = np.exp(1.5 * (0.8 - peak) + 0.7 * off)
    error = scale * np.abs(rng.normal(1.0, 0.4, shape))
    absent = rng.random(shape) < 1.0 / (1.0 + np.exp(60.0 * (peak - 0.25)))
    return CalibrationData(
        modes=np.array(["guided"]),
        features=features[:, None],
        error=np.where(absent, np.nan, error)[:, None],
        absent=absent,
        covered=np.zeros(shape, dtype=bool),
        known=np.ones(shape, dtype=bool),
        size=np.full(scans, 1.1),
        seen=peak,
        number=np.arange(scans),
        refused=np.empty(0, dtype=np.int64),
    )


@pytest.fixture(scope="module")
def model() -> ErrorModel:
    return fit_error_model(synthetic(400), FitOptions(steps=150, hidden=16, members=1))


def row(peak: float, off: float) -> np.ndarray:
    features = np.zeros((LANDMARKS, len(FEATURES)))
    features[:, PEAK], features[:, DISPLACED] = peak, off
    return features


# Shape


def test_a_landmark_is_predicted_from_the_others_to_the_noise() -> None:
    for person in people(5, seed=9):
        predicted = SHAPE.predict(person, np.ones(LANDMARKS))
        assert np.linalg.norm(predicted.positions - person, axis=1).max() < 0.02
        assert predicted.distance.max() < 3.0


def test_leaving_one_out_is_what_silencing_it_gives() -> None:
    person = people(1, seed=4)[0]
    person[7] += 0.03
    weights = np.ones(LANDMARKS)
    together = SHAPE.predict(person, weights)
    weights[7] = 0.0
    alone = SHAPE.predict(person, weights)
    np.testing.assert_allclose(together.positions[7], alone.positions[7], atol=2e-3)
    np.testing.assert_allclose(together.covariance[7], alone.covariance[7], rtol=0.2)


def test_a_displaced_landmark_is_noticed_and_does_not_pull_the_others() -> None:
    person = people(1, seed=2)[0]
    moved = person.copy()
    moved[3] += [0.2, 0.0, 0.0]
    before, after = SHAPE.predict(person, np.ones(LANDMARKS)), SHAPE.predict(moved, np.ones(LANDMARKS))
    assert after.distance[3] > 10.0 and np.delete(after.distance, 3).max() < 3.0
    np.testing.assert_allclose(after.positions[3], person[3], atol=0.02)
    np.testing.assert_allclose(np.delete(after.positions, 3, 0), np.delete(before.positions, 3, 0), atol=0.01)


def test_a_rest_of_pose_and_size_does_not_matter() -> None:
    turn = np.array([[np.cos(0.05), -np.sin(0.05), 0], [np.sin(0.05), np.cos(0.05), 0], [0, 0, 1]])
    person = 1.03 * people(1, seed=3)[0] @ turn.T + 0.02
    assert SHAPE.predict(person, np.ones(LANDMARKS)).distance.max() < 3.0


# Features


def features_of(
    positions: np.ndarray, peak: np.ndarray, nodes: np.ndarray, *, blob: float = 0.03
) -> dict[str, np.ndarray]:
    none = np.full(LANDMARKS, -1)
    zeros = np.zeros(LANDMARKS)
    refined = Refined(positions, positions, zeros, peak, peak, zeros + 0.02, none, none, np.zeros((LANDMARKS, 3)))
    heatmaps = np.exp(-((nodes[:, None] - positions) ** 2).sum(-1) / (2 * blob**2)).astype(np.float32) * peak
    expected = expected_places(refined, SHAPE, np.full(LANDMARKS, 0.03))
    rows = landmark_features(refined, heatmaps, nodes, np.empty((0, 3)), expected, SHAPE.mean, sigma=0.03, unit=120.0)
    assert rows.shape == (LANDMARKS, len(FEATURES)) and np.isfinite(rows).all()
    return dict(zip(FEATURES, rows.T, strict=True))


def cloud(centres: np.ndarray) -> np.ndarray:
    return (centres[:, None] + np.random.default_rng(0).normal(0, 0.03, (len(centres), 60, 3))).reshape(-1, 3)


def test_features_tells_what_is_wrong_with_a_landmark() -> None:
    peak = np.full(LANDMARKS, 0.8)
    usual = features_of(MEAN, peak, cloud(MEAN))
    moved = MEAN.copy()
    moved[4] += [0.0, 0.15, 0.0]
    displaced = features_of(moved, peak, cloud(np.concatenate([MEAN, moved])))
    for name in ("misplacement", "mahalanobis"):
        assert displaced[name][4] > usual[name][4] + 1.0
    assert displaced["misplacement"][4] == pytest.approx(np.log1p(0.15 * 120.0), abs=0.2)
    cut = features_of(moved, peak, cloud(np.delete(moved, 4, 0)))
    assert cut["gap"][4] > usual["gap"][4] + 0.5
    assert cut["sparseness"][4] > usual["sparseness"][4] + 0.5


def test_a_broad_heatmap_is_noticed() -> None:
    peak, nodes = np.full(LANDMARKS, 0.8), np.random.default_rng(1).uniform(-1.0, 1.0, (20000, 3))
    sharp, broad = (features_of(MEAN, peak, nodes, blob=blob) for blob in (0.03, 0.06))
    for name in ("mass", "width", "rival"):
        assert np.median(broad[name] - sharp[name]) > 0.1


def test_features_of_a_face_that_is_not_seen_is_finite() -> None:
    features_of(MEAN + 0.5, np.full(LANDMARKS, 0.01), cloud(MEAN))


# Error model


def test_the_fit_recovers_how_the_error_depends_on_the_features(model: ErrorModel) -> None:
    for peak, off in ((0.9, 0.2), (0.5, 0.2), (0.9, 1.5)):
        truth = np.exp(1.5 * (0.8 - peak) + 0.7 * off)
        stated = model.estimate(row(peak, off), within=4.0).expected
        assert np.median(stated) == pytest.approx(truth, rel=0.25)


def test_statements_hold_on_other_scans(model: ErrorModel) -> None:
    figures = calibration_figures(model, synthetic(150, seed=1))
    assert 0.86 < figures["coverage_90"] < 0.94
    assert figures["auroc_above_5mm"] > 0.85
    assert figures["cut_away_reported_missing"] > 0.85
    assert figures["present_reported_missing"] < 0.06
    assert figures["stated_error_mm"] == pytest.approx(figures["mean_error_told_mm"], rel=0.1)
    for line in reliability_rows(model, synthetic(150, seed=1)):
        assert line["landmarks"] < 60 or line["stated"] == pytest.approx(line["so"], abs=0.15)


def test_the_scores_of_several_networks_are_averaged() -> None:
    data, options = synthetic(60), FitOptions(steps=20, hidden=8)
    together = fit_error_model(data, replace(options, members=2))
    alone = [fit_error_model(data, replace(options, members=1, seed=seed)) for seed in (0, 1)]
    scores = np.mean([np.log(model.probabilities(row(0.4, 0.8))) for model in alone], axis=0)
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(together.probabilities(row(0.4, 0.8)), expected, atol=1e-6)


def test_lower_peaks_and_misplacement_mean_larger_errors(model: ErrorModel) -> None:
    good, low, off = (model.estimate(row(*case), within=4.0) for case in ((0.9, 0.2), (0.45, 0.2), (0.9, 2.5)))
    for worse in (low, off):
        assert (worse.expected > good.expected).all() and (worse.bound > good.bound).all()
        assert (worse.within <= good.within + 1e-9).all()
    assert (good.bound > good.expected).all()


def status(
    model: ErrorModel, features: np.ndarray, *, boundary: bool = False, absence: bool = False, size: float = 1.0
) -> set[str]:
    near, possible = np.full(LANDMARKS, boundary), np.full(LANDMARKS, absence)
    return set(calibrated(model, features, near, possible, Thresholds(), size=size).status)


def test_a_landmark_that_is_cut_away_is_missing(model: ErrorModel) -> None:
    assert status(model, row(0.1, 0.2), absence=True) == {"missing"}
    assert status(model, row(0.95, 0.1), absence=True) == {"found"}
    assert status(model, row(0.95, 4.0)) == {"uncertain"}
    assert status(model, row(0.95, 0.1), boundary=True) == {"uncertain"}


def test_a_landmark_is_not_missing_without_a_reason_unless_it_surely_is(model: ErrorModel) -> None:
    def absent(peak: float) -> np.ndarray:
        return model.estimate(row(peak, 0.2), within=4.0).absent

    probably, surely = row(0.25, 0.2), row(0.05, 0.2)
    assert (model.missing_above[0] < absent(0.25)).all() and (absent(0.25) < 0.9).all() and (absent(0.05) > 0.9).all()
    assert status(model, probably, absence=True) == {"missing"} and status(model, probably) == {"uncertain"}
    assert status(model, surely) == {"missing"}


@pytest.mark.parametrize("size", [0.2, 3.0])
def test_a_head_of_no_persons_size_is_assessed_as_one_of_average_size(model: ErrorModel, size: float) -> None:
    nowhere = np.zeros(LANDMARKS, dtype=bool)
    for features in (row(0.95, 0.1), row(0.95, 4.0), row(0.6, 1.0)):
        usual = calibrated(model, features, nowhere, nowhere, Thresholds(), size=1.0)
        scaled = calibrated(model, features, nowhere, nowhere, Thresholds(), size=size)
        assert scaled.status == usual.status
        np.testing.assert_allclose(scaled.confidence, usual.confidence)
        np.testing.assert_allclose(scaled.error_bound, size * usual.error_bound)


def test_errors_scale_with_the_size_of_the_person(model: ErrorModel) -> None:
    once, twice = (model.estimate(row(0.9, 0.2), within=4.0 * size, size=size) for size in (1.0, 2.0))
    np.testing.assert_allclose(twice.expected, 2.0 * once.expected)
    np.testing.assert_allclose(twice.within, once.within)


def test_probabilities_are_probabilities(model: ErrorModel) -> None:
    shares = model.probabilities(np.random.default_rng(0).normal(0, 50, (LANDMARKS, len(FEATURES))))
    np.testing.assert_allclose(shares.sum(1), 1.0)
    assert shares.shape == (LANDMARKS, len(EDGES)) and shares.min() >= 0.0


def test_arrays_of_another_size_are_refused(model: ErrorModel) -> None:
    with pytest.raises(ValueError, match="output has shape"):
        replace(model, output=model.output[:, 1:])


def test_area_under_the_curve() -> None:
    positive = np.array([False, False, True, True])
    assert area_under_curve(np.array([1.0, 2, 3, 4]), positive) == 1.0
    assert area_under_curve(np.array([1.0, 3, 2, 4]), positive) == 0.75
    assert np.isnan(area_under_curve(np.ones(4), np.zeros(4, dtype=bool)))


def test_without_calibration_status_follows_the_heatmaps_and_no_error_is_stated() -> None:
    seen = HeatmapConfidence(np.array([0.9, 0.1, 0.9]), ("found", "missing", "found"), np.zeros(3))
    assessment = uncalibrated(seen, np.array([False, False, True]), Thresholds())
    assert assessment.status == ("found", "missing", "uncertain")
    assert np.isnan(assessment.expected_error).all() and np.isnan(assessment.error_bound).all()


# Weights file


def checkpoint(labels: int = LANDMARKS) -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint(
        network=StratifiedGCN(NetworkConfig(landmarks=labels, depth=2, channels=8)).eval(),
        labels=tuple(f"point{i}" for i in range(labels)),
        prototype=MEAN,
        deviation=np.full(labels, 0.03),
        sigma=0.03,
        neighbours=8,
        crop_centre=(0.0, -8.0, 57.0),
        crop_radius=120.0,
        crop_margin=30.0,
        info={},
    )


def test_the_weights_file_keeps_the_calibration(model: ErrorModel, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    other = replace(model, stretch=np.array([2.0]))
    whole = replace(checkpoint(), calibration=Calibration(SHAPE, {"guided": model, "mean": other}, {"seed": 3}))
    save_checkpoint(whole, path)
    read = load_checkpoint(path).calibration
    assert read is not None and read.info == {"seed": 3}
    features = row(0.7, 0.5)
    np.testing.assert_allclose(
        read.models["guided"].estimate(features, within=4.0).bound,
        model.estimate(features, within=4.0).bound,
        rtol=1e-4,
    )
    assert set(read.models) == {"guided", "mean"} and read.models["mean"].stretch == 2.0
    np.testing.assert_allclose(read.shape.modes, SHAPE.modes, atol=1e-6)
    numbers = sum(value.nbytes for name, value in load_file(path).items() if name.startswith("calibration."))
    assert numbers < 100_000


def test_weights_without_calibration_are_read(tmp_path: Path) -> None:
    save_checkpoint(checkpoint(), tmp_path / "w.safetensors")
    assert load_checkpoint(tmp_path / "w.safetensors").calibration is None


@pytest.mark.parametrize("rounded", [True, False])
def test_the_weights_file_keeps_the_network_to_the_last_bit(rounded: bool, tmp_path: Path) -> None:
    whole = checkpoint()
    network = whole.network.half().float() if rounded else whole.network
    save_checkpoint(replace(whole, network=network), tmp_path / "w.safetensors")
    read = load_checkpoint(tmp_path / "w.safetensors").network.state_dict()
    for name, values in network.state_dict().items():
        assert read[name].dtype == torch.float32 and torch.equal(read[name], values)
    stored = sum(value.nbytes for name, value in load_file(tmp_path / "w.safetensors").items() if "network" in name)
    numbers = sum(value.numel() for value in read.values())
    assert stored == 2 * numbers if rounded else stored > 3.5 * numbers


def test_calibration_of_other_features_is_refused(
    model: ErrorModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr("sgcn_core.uncertainty.calibration.FEATURES", ("peak",))
        save_checkpoint(
            replace(checkpoint(), calibration=Calibration(SHAPE, {"guided": model})), tmp_path / "w.safetensors"
        )
    with pytest.raises(ModelError, match="calibrate it again"):
        load_checkpoint(tmp_path / "w.safetensors")


# Detections


def test_detections_are_kept_and_read_again(tmp_path: Path) -> None:
    data, network = detections(4), checkpoint().network
    data.save(tmp_path / "d.npz", network)
    read = CalibrationData.load(tmp_path / "d.npz", network)
    np.testing.assert_array_equal(read.features, data.features)
    assert len(read.part(np.array([True, False, False, True])).size) == 2


def test_detections_of_another_network_are_refused(tmp_path: Path) -> None:
    weights, data, kept = checkpoint(), detections(4), tmp_path / "d.npz"
    rounded = replace(weights, network=weights.network.half().float())
    data.save(kept, rounded.network)
    # What calibration changes of a weights file is no reason to refuse them; what changes the network is.
    save_checkpoint(replace(rounded, calibration=Calibration(SHAPE), info={"steps": 9}), tmp_path / "w.safetensors")
    CalibrationData.load(kept, load_checkpoint(tmp_path / "w.safetensors").network)
    with pytest.raises(SystemExit, match=r"d\.npz is of other weights \(.*delete it"):
        CalibrationData.load(kept, checkpoint().network)
    with np.load(kept) as stored:
        np.savez(tmp_path / "old.npz", **{name: stored[name] for name in stored.files if name != "weights"})
    with pytest.raises(SystemExit, match=r"old\.npz does not tell which weights .* it is made anew"):
        CalibrationData.load(tmp_path / "old.npz", rounded.network)


def test_detections_are_put_together() -> None:
    first, second = detections(4), replace(detections(3, seed=1), refused=np.array([7]))
    both = first.joined(second)
    np.testing.assert_array_equal(both.of_mode("guided").error, np.concatenate([first.error, second.error])[:, 0])
    assert both.number.tolist() == [0, 1, 2, 3, 0, 1, 2] and both.refused.tolist() == [7]


def test_scans_take_the_path_of_the_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """With random weights: what is checked is that truth, features and absence belong together."""
    face = tiny_face_model()
    monkeypatch.setattr("research.training.calibration_data.refuse_without_face", lambda *seen, **pose: None)
    monkeypatch.setattr("sgcn_core.pipeline.refine_pose", lambda align, hypotheses: hypotheses[0].to_head)
    mean = (face.neutral[face.landmarks].double().numpy() - [0.0, -8.0, 57.0]) / 120.0
    weights = replace(checkpoint(len(mean)), prototype=mean, deviation=np.full(len(mean), 0.05))
    people = mean + np.random.default_rng(0).normal(0, 0.02, (64, *mean.shape))
    shape = LandmarkShape.fit(people, modes=4, finding=0.01)
    weights = replace(weights, calibration=Calibration(shape))
    pipeline = Pipeline(weights, Method(nodes=400, coarse_nodes=300), torch.device("cpu"))
    data = collect(pipeline, [ScanMaker(face, seed=1)], ("guided", "mean"), 3, searched=0.0)
    assert data.features.shape == (3, 2, len(mean), len(FEATURES)) and data.known.all()
    assert (np.isnan(data.error) == data.absent[:, None]).all()
    assert np.nanmax(data.error) < 250.0 and data.size == pytest.approx(1.0, abs=0.3)
    assert not np.allclose(*data.error.transpose(1, 0, 2), equal_nan=True)

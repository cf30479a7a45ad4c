"""What a stated error holds beside the network's: its distribution, its fit, and the weights file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ncx2

pytest.importorskip("torch_geometric", reason="the fit shares modules with the generator")

from research.training.calibration_data import ModeData
from research.training.domain_fit import DomainSamples, fit_domain
from sgcn_core.analysis.uncertainty import BOUND_IN_SD, MEAN_IN_SD
from sgcn_core.uncertainty.assess import calibrated, contradicted, no_surer_than
from sgcn_core.uncertainty.domain import Domain, ErrorLengths, well_defined
from sgcn_core.uncertainty.error_model import EDGES, ErrorModel
from sgcn_core.uncertainty.features import FEATURES
from sgcn_core.uncertainty.thresholds import Thresholds

LABELS = ("en_r", "en_l", "prn", "ch_r", "go_r", "go_l", "zy_r", "gn")
CLASSES = len(EDGES) - 1


def model(share_of_class: int = 2) -> ErrorModel:
    """Says the same of every landmark: nearly all errors are of one class, and it is there."""
    bias = np.full(CLASSES + 1, -20.0)
    bias[share_of_class] = 0.0
    middles = (np.array(EDGES[:-1]) + np.array(EDGES[1:])) / 2.0
    return ErrorModel(
        centre=np.zeros(len(FEATURES)),
        scale=np.ones(len(FEATURES)),
        label=np.zeros((len(LABELS), 1)),
        hidden=np.zeros((len(FEATURES) + 1, 2)),
        hidden_bias=np.zeros(2),
        output=np.zeros((2, CLASSES + 1)),
        output_bias=bias,
        typical=middles,
        stretch=np.ones(1),
        missing_above=np.array([0.5]),
    )


def domain(deviation: tuple[float, float] = (1.0, 2.0), factor: tuple[float, float] = (1.0, 1.0)) -> Domain:
    loose = np.array([float(not well_defined(label)) for label in LABELS])
    return Domain(np.full(len(LABELS), 0.5), loose, np.array(deviation), np.array(factor), np.array([6.0, 8.5]))


def scans(count: int, offset: tuple[float, float], seed: int, size: float = 1.0) -> ModeData:
    """Errors of 0.85 mm in any direction, and a normal offset by group, in millimetres of the person."""
    rng = np.random.default_rng(seed)
    loose = np.array([not well_defined(label) for label in LABELS])
    shape = (count, len(LABELS))
    directions = rng.normal(size=(*shape, 3))
    own = 0.85 * size * directions / np.linalg.norm(directions, axis=2, keepdims=True)
    deviation = np.where(loose, offset[1], offset[0])[:, None]
    error = np.linalg.norm(own + deviation * rng.normal(size=(*shape, 3)), axis=2) / size
    none = np.zeros(shape, dtype=bool)
    return ModeData(
        features=np.zeros((*shape, len(FEATURES))),
        error=error,
        absent=none,
        covered=none,
        known=~none,
        size=np.full(count, size),
        refused=np.empty(0, dtype=np.int64),
    )


def test_the_length_of_an_offset_error_is_noncentral_chi() -> None:
    lengths, offset = np.array([0.0, 0.7, 3.0, 12.0]), np.array([0.4, 1.3, 2.5])
    for number, length in enumerate(lengths):
        shares = np.zeros((3, 4))
        shares[:, number] = 1.0
        errors = ErrorLengths(lengths, shares, offset)
        for reach in (0.5, 2.0, 4.0, 13.0):
            truth = ncx2.cdf((reach / offset) ** 2, 3, (length / offset) ** 2 + 1e-9)
            np.testing.assert_allclose(errors.within(reach), truth, atol=1e-4)
        grid = np.linspace(0.0, 40.0, 8001)
        beyond = 1.0 - np.array([errors.within(reach) for reach in grid])
        np.testing.assert_allclose(errors.mean(), np.trapezoid(beyond, grid, axis=0), atol=2e-3)


def test_without_an_error_of_the_network_the_offset_is_left() -> None:
    errors = ErrorLengths(np.zeros(1), np.ones((2, 1)), np.array([1.0, 2.0]))
    np.testing.assert_allclose(errors.quantile(0.9), [BOUND_IN_SD, 2.0 * BOUND_IN_SD], rtol=1e-3)
    np.testing.assert_allclose(errors.mean(), [MEAN_IN_SD, 2.0 * MEAN_IN_SD], rtol=1e-3)


def test_bound_expected_error_and_confidence_say_the_same() -> None:
    errors = ErrorLengths(np.array([0.5, 4.0]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0.8, 1.5]))
    for share in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(errors.within(errors.quantile(share)), share, atol=1e-3)
    assert (errors.mean()[1] > errors.mean()[0]) and (errors.within(4.0)[1] < errors.within(4.0)[0])


def test_observers_and_domain_make_the_bound_larger_by_group() -> None:
    features = np.zeros((len(LABELS), len(FEATURES)))
    alone = model().estimate(features, within=4.0)
    wide = replace(model(), domain=domain()).estimate(features, within=4.0)
    doubled = replace(model(), domain=domain(factor=(2.0, 1.0))).estimate(features, within=4.0)
    assert (wide.bound > alone.bound).all() and (wide.expected > alone.expected).all()
    assert (wide.within < alone.within).all() and (wide.absent == alone.absent).all()
    assert wide.bound[LABELS.index("go_r")] > wide.bound[LABELS.index("prn")]
    ratio = doubled.bound / wide.bound
    np.testing.assert_allclose(ratio, [2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0])


def test_each_group_has_its_own_limit_of_found() -> None:
    features, nowhere = np.zeros((len(LABELS), len(FEATURES))), np.zeros(len(LABELS), dtype=bool)
    narrow = replace(domain(), limit=np.array([1.0, 20.0]))
    status = calibrated(replace(model(), domain=narrow), features, nowhere, nowhere, Thresholds(), size=1.0).status
    assert status == ("uncertain",) * 4 + ("found",) * 4
    np.testing.assert_array_equal(model().limits(5.0), 5.0)


def test_a_loose_definition_is_told_apart_from_a_reason_in_the_scan() -> None:
    features, count = np.zeros((len(LABELS), len(FEATURES))), len(LABELS)
    nowhere = np.zeros(count, dtype=bool)
    # The definition alone leaves more than the limit of the loose group, less than that of the others.
    strict = replace(domain(), limit=np.array([6.0, 4.0]))
    best, poor = (replace(model(of_class), domain=strict) for of_class in (0, 7))
    least = best.least_bound()
    assert (least[:4] < 6.0).all() and (least[4:] > 4.0).all()
    np.testing.assert_allclose(least, best.estimate(features, within=4.0).bound, rtol=0.02)

    clean = calibrated(best, features, nowhere, nowhere, Thresholds(), size=1.0)
    assert clean.status == ("found",) * 4 + ("uncertain",) * 4
    assert clean.by_definition.all()
    at_end = np.arange(count) == 5
    near = calibrated(best, features, at_end, nowhere, Thresholds(), size=1.0)
    np.testing.assert_array_equal(near.by_definition, ~at_end)
    worse = calibrated(poor, features, nowhere, nowhere, Thresholds(), size=1.0)
    assert not worse.by_definition.any() and worse.status[4:] == ("uncertain",) * 4
    contrary = contradicted(clean, np.where(at_end, 7.0, 0.0), Thresholds())
    np.testing.assert_array_equal(contrary.by_definition, near.by_definition)


def test_corrected_scans_that_disagree_are_a_reason_of_their_own() -> None:
    features, nowhere = np.zeros((len(LABELS), len(FEATURES))), np.zeros(len(LABELS), dtype=bool)
    strict = replace(domain(), limit=np.array([6.0, 4.0]))
    clean = calibrated(replace(model(0), domain=strict), features, nowhere, nowhere, Thresholds(), size=1.0)
    learnt = np.where(np.arange(len(LABELS)) == 5, 3.0, 0.1)
    raised = no_surer_than(clean, learnt, np.array([6.0] * 4 + [4.0] * 4), Thresholds())
    np.testing.assert_array_equal(raised.by_definition, learnt < 3.0)


def test_a_model_of_old_weights_has_no_domain_and_a_new_one_keeps_it() -> None:
    assert ErrorModel.from_arrays(model().arrays()).domain is None
    read = ErrorModel.from_arrays(replace(model(), domain=domain()).arrays()).domain
    assert read is not None
    for name, values in domain().arrays().items():
        np.testing.assert_array_equal(read.arrays()[name], values)


def test_a_domain_of_other_landmarks_is_refused() -> None:
    with pytest.raises(ValueError, match="knows 7 landmarks, the error model 8"):
        short = Domain(np.ones(7), np.zeros(7), np.ones(2), np.ones(2), np.ones(2))
        replace(model(), domain=short)
    with pytest.raises(ValueError, match="factor has shape"):
        replace(domain(), factor=np.ones(3))


def test_every_annotator_counts_the_same_and_every_scan_of_one() -> None:
    one = scans(3, (1.0, 1.0), 0)
    samples = DomainSamples.of(model(), [(one, [0, 0, 1])])
    weights = samples.weights()
    assert weights[samples.annotator == 0].sum() == pytest.approx(1.0)
    assert weights[samples.annotator == 1].sum() == pytest.approx(1.0)
    assert weights[samples.scan == 0].sum() == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1.0, 0.8])
def test_the_fit_finds_the_domain_and_the_bound_holds_for_nine_of_ten(size: float) -> None:
    # Observers' 0.41 mm of class A, and 1.25 or 1.38 mm of class C, are part of the offset that is there.
    learnt = [(scans(40, (1.5, 3.0), seed, size), [seed] * 40) for seed in (1, 2, 3)]
    fitted = fit_domain(model(), DomainSamples.of(model(), learnt), LABELS)
    assert fitted.domain is not None
    np.testing.assert_allclose(fitted.domain.offset()[[2, 4]], [1.5, 3.0], atol=0.15)
    fresh = scans(400, (1.5, 3.0), 9, size)
    estimate = fitted.estimate(fresh.features[0], within=4.0, size=size)
    error = fresh.error * size
    assert 0.87 < (error <= estimate.bound).mean() < 0.95
    np.testing.assert_allclose(error.mean(0), estimate.expected, rtol=0.08)
    np.testing.assert_allclose((error <= 4.0).mean(0), estimate.within, atol=0.06)


def test_corners_are_well_defined_and_the_contour_is_not() -> None:
    assert well_defined("sto") and well_defined("al_r") and well_defined("ibug67")
    assert not well_defined("n") and not well_defined("ibug16") and not well_defined("sbal_l")

"""Cross-validation of landmarks of a user's own: folds, shares of the network, stated errors, usual peaks."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("lightning", reason="training needs the extra `train`")

from sgcn_core.training.own.cross_validation import SHARES, choose_shares, folds, low_peaks, nested, stated_errors
from sgcn_core.training.own.examples import Sides
from sgcn_core.training.own.fit import OwnOptions


def test_folds_are_even_and_follow_the_seed() -> None:
    found = folds(22, OwnOptions(folds=5))
    assert sorted(np.bincount(found).tolist()) == [4, 4, 4, 5, 5]
    assert (folds(22, OwnOptions(seed=1)) != found).any()


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


def test_the_usual_peak_is_that_of_both_sides_together() -> None:
    sides = Sides(np.array([1, 0, 2]), np.empty(0, dtype=np.int64))
    peaks = np.full((10, 3), 0.9)
    peaks[0, 0], peaks[0, 2], peaks[1, 2] = 0.3, np.nan, 0.5
    assert low_peaks(peaks, sides).tolist() == [0.3, 0.3, 0.5]

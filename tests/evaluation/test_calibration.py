from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.evaluation.calibration import (
    Bin,
    expected_calibration_error,
    fit_temperature,
    reliability,
    scaled,
    select,
    threshold_for,
)

CONFIDENCE = np.array([0.05, 0.95, 0.9, 0.92, 1.0, 0.45])
RIGHT = np.array([False, True, False, True, True, True])


def test_bins_by_hand() -> None:
    bins = reliability(CONFIDENCE, RIGHT, bins=10)
    assert bins[0] == Bin(0.0, 0.1, 1, 0.05, 0.0)
    assert bins[1] == Bin(0.4, 0.5, 1, 0.45, 1.0)
    assert (bins[2].low, bins[2].high, bins[2].count, bins[2].right) == (0.9, 1.0, 4, 0.75)
    assert bins[2].confidence == pytest.approx(0.9425)
    assert len(bins) == 3
    assert expected_calibration_error(bins) == pytest.approx((0.05 + 0.55 + 4 * 0.1925) / 6)


@given(st.integers(0, 2**32 - 1))
def test_the_error_is_that_of_the_bins(seed: int) -> None:
    random = np.random.default_rng(seed)
    confidence, right = random.random(40), random.random(40) < 0.5
    bins = reliability(confidence, right)
    assert sum(each.count for each in bins) == 40
    assert all(each.low <= each.confidence <= each.high for each in bins)
    assert 0 <= expected_calibration_error(bins) <= 1
    sure = reliability(np.ones(10), np.zeros(10, bool))
    assert expected_calibration_error(sure) == 1


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_made_a_network_too_sure(factor: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (4000, 2, 5))
    honest = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    labels = (random.random((4000, 2, 1)) > honest.cumsum(axis=-1)).sum(axis=-1)
    sure = np.exp(factor * logits) / np.exp(factor * logits).sum(axis=-1, keepdims=True)
    temperature = fit_temperature(sure.astype(np.float32), labels)
    assert temperature == pytest.approx(factor, rel=0.06)
    np.testing.assert_allclose(scaled(sure, factor), honest, rtol=1e-6)
    np.testing.assert_array_equal(scaled(sure, temperature).argmax(-1), sure.argmax(-1))


def test_a_network_that_is_always_right_or_always_wrong() -> None:
    sure = np.array([[[0.9, 0.1]], [[0.8, 0.2]]])
    assert fit_temperature(sure, np.array([[0], [0]])) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(sure, np.array([[1], [1]])) == pytest.approx(20, rel=1e-3)
    never = np.array([[[1.0, 0.0]]])
    assert np.isfinite(scaled(never, 2.0)).all()
    assert np.isfinite(fit_temperature(never, np.array([[1]])))


def test_the_threshold_by_hand() -> None:
    # From the surest: right, right, right, wrong (0.9), right (0.45), wrong (0.05).
    assert threshold_for(1.0, CONFIDENCE, RIGHT) == 0.92
    assert threshold_for(0.8, CONFIDENCE, RIGHT) == 0.45
    assert threshold_for(0.5, CONFIDENCE, RIGHT) == 0.05
    assert threshold_for(0.9, np.array([0.9, 0.9, 0.5]), np.array([True, False, True])) is None
    selection = select(0.92, CONFIDENCE, RIGHT)
    assert selection.fraction == 0.5
    assert selection.precision is not None
    assert (selection.precision.right, selection.precision.total) == (3, 3)
    assert select(2.0, CONFIDENCE, RIGHT).precision is None


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1))
def test_a_threshold_holds_where_it_was_chosen(seed: int, precision: float) -> None:
    random = np.random.default_rng(seed)
    confidence = random.integers(0, 8, 30) / 8  # with equal ones
    right = random.random(30) < confidence
    threshold = threshold_for(precision, confidence, right)
    fractions = {value: right[confidence >= value].mean() for value in set(confidence)}
    good = [value for value, fraction in fractions.items() if fraction >= precision]
    assert threshold == (min(good) if good else None)

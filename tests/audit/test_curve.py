from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captcha_keras.audit.curve import (
    T95,
    Estimate,
    Point,
    crossing,
    fraction_estimate,
    single_interval,
    time_estimate,
)
from captcha_keras.evaluation.rates import Rate


def test_the_quantiles_are_students() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert pytest.approx(stats.t.ppf(0.975, range(1, len(T95) + 1)), abs=6e-4) == T95


def test_an_estimate_by_hand() -> None:
    # Far more images than matter: the spread between repetitions decides.
    rates = [Rate.count(right, 1_000_000) for right in (400_000, 500_000, 600_000)]
    estimate = fraction_estimate(rates)
    spread = math.log(0.6 / 0.4)
    assert estimate.value == pytest.approx(0.5, abs=1e-6)
    reach = 4.303 * spread * math.sqrt(2 / 3)
    assert estimate.high == pytest.approx(1 / (1 + math.exp(-reach)), abs=1e-4)
    assert estimate.low == pytest.approx(1 - estimate.high, abs=1e-6)
    assert estimate.values == (0.4, 0.5, 0.6)
    low, high = single_interval(rates)
    assert high == pytest.approx(1 / (1 + math.exp(-4.303 * spread * math.sqrt(4 / 3))), abs=1e-4)
    assert low < estimate.low


def test_equal_repetitions_are_not_certain() -> None:
    rates = [Rate.count(50, 100)] * 3
    estimate = fraction_estimate(rates)
    # Their spread may be chance: that of 100 images is taken.
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(1 / (1 + math.exp(1.96 * 0.2 * math.sqrt(2 / 3))), abs=0.001)


@pytest.mark.parametrize("right", [0, 100])
def test_nothing_and_everything_have_a_finite_interval(right: int) -> None:
    estimate = fraction_estimate([Rate.count(right, 100)] * 2)
    assert estimate.value == right / 100
    assert (estimate.low == 0) == (right == 0)
    assert (estimate.high == 1) == (right == 100)
    # Two times 100 images say that much and no more.
    assert 0.01 < estimate.high - estimate.low < 0.1
    low, high = single_interval([Rate.count(right, 100)] * 2)
    assert low <= estimate.low < estimate.high <= high


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5))
def test_an_interval_holds_its_own_fraction(right: list[int]) -> None:
    rates = [Rate.count(each, 50) for each in right]
    estimate = fraction_estimate(rates)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    low, high = single_interval(rates)
    assert low <= estimate.value <= high


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_the_interval_holds_the_mean_of_others_nineteen_times_in_twenty(seed: int) -> None:
    random = np.random.default_rng(seed)
    held, tries = 0, 300
    for _ in range(tries):
        fractions = 1 / (1 + np.exp(-random.normal(1.0, 0.5, 6)))
        rates = [Rate.count(int(right), 3000) for right in random.binomial(3000, fractions)]
        estimate, other = fraction_estimate(rates[:3]), fraction_estimate(rates[3:])
        held += estimate.low <= other.value <= estimate.high
    # 95 % with a standard deviation of 1.3 %.
    assert 0.89 <= held / tries <= 0.99


def test_times() -> None:
    estimate = time_estimate([1.0, 4.0])
    assert estimate.value == pytest.approx(2.0)
    assert estimate.low * estimate.high == pytest.approx(4.0)
    assert estimate.low < 1.0


def curve(*points: tuple[int, float, float, float]) -> list[Point]:
    return [Point(samples, Estimate(value, low, high, ()), 1.0) for samples, low, value, high in points]


def test_a_crossing_by_hand() -> None:
    points = curve((100, 0.05, 0.1, 0.2), (10_000, 0.8, 0.9, 0.95))
    # In log odds 50 % lies in the middle between 10 and 90 %, and 1,000 between 100 and 10,000.
    found = crossing(0.5, points, None)
    assert found.samples == pytest.approx(1000)
    assert found.high is not None
    assert 100 < found.low < 1000 < found.high < 10_000
    assert not found.at_least


def test_crossings_beyond_what_was_tried() -> None:
    points = curve((100, 0.05, 0.1, 0.2), (10_000, 0.8, 0.9, 0.95))
    already = crossing(0.01, points, None)
    assert (already.samples, already.low, already.high, already.at_least) == (100, 0.0, 100, True)
    never = crossing(0.99, points, None)
    assert (never.samples, never.low, never.high) == (None, 10_000, None)
    perhaps = crossing(0.93, points, None)
    assert perhaps.samples is None
    assert 100 < perhaps.low < 10_000
    assert perhaps.high is None


def test_a_curve_that_falls_again_crosses_where_it_first_does() -> None:
    points = curve((100, 0.1, 0.1, 0.1), (1000, 0.6, 0.6, 0.6), (10_000, 0.4, 0.4, 0.4), (100_000, 0.7, 0.7, 0.7))
    found = crossing(0.5, points, None)
    assert found.samples is not None
    assert 100 < found.samples < 1000

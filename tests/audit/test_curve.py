from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, t

from captcha_keras.audit.curve import Estimate, Point, Spread, crossing
from captcha_keras.evaluation.rates import Rate


def rates_of(random: np.random.Generator, rate: float, deviation: float, trainings: int, images: int) -> list[Rate]:
    """What trainings read whose log odds have this standard deviation."""
    odds = math.log(rate / (1 - rate)) + random.normal(0, deviation, trainings)
    return [Rate.count(int(right), images) for right in random.binomial(images, 1 / (1 + np.exp(-odds)))]


def test_an_estimate_by_hand() -> None:
    # Far more images than matter: the spread between trainings decides.
    rates = [Rate.count(right, 100_000) for right in (40_000, 50_000, 60_000)]
    spread = Spread.of([rates])
    # Between 40 and 60 % a tenth is 0.4 on the scale of log odds.
    assert (spread.freedom(25_000), spread.variance) == (2, pytest.approx(0.4**2, rel=1e-3))
    estimate = spread.estimate(rates)
    assert (estimate.value, estimate.values) == (0.5, (0.4, 0.5, 0.6))
    # Student's t on the scale of log odds says nearly the same.
    for comparisons, quantile in ((1, 0.975), (2, 0.9875)):
        estimate = spread.estimate(rates, comparisons)
        reach = t.ppf(quantile, 2) * 0.4 * math.sqrt(4 / 3)
        assert estimate.high == pytest.approx(1 / (1 + math.exp(-reach)), abs=0.04)
        assert estimate.low == pytest.approx(1 - estimate.high, abs=2e-4)


def test_without_a_spread_it_is_what_so_many_images_give() -> None:
    rates = [Rate.count(45, 100)]
    low, high = betabinom.ppf((0.025, 0.975), 100, 0.45 * 98 + 0.5, 0.55 * 98 + 0.5) / 100
    estimate = Spread.of([rates]).estimate(rates)
    assert (estimate.low, estimate.high) == (low, high)
    # The chance of the next 100 images comes to that of the first.
    assert high - low > 1.3 * 2 * 1.96 * 0.05


def test_pooled_sizes_have_more_freedom_than_two_repetitions() -> None:
    # A real folder: 93.9 % for 1,000 labels had an interval of 72.6 to 98.9 %, from one degree of freedom.
    sizes = [[Rate.count(right, 800) for right in pair] for pair in ((746, 756), (752, 753), (700, 712), (640, 650))]
    pooled, alone = Spread.of(sizes), Spread.of(sizes[:1])
    assert (pooled.freedom(45), alone.freedom(45)) == (pytest.approx(4, abs=0.5), 1)
    wide, narrow = alone.estimate(sizes[0]), pooled.estimate(sizes[0])
    assert narrow.high - narrow.low < 0.4 * (wide.high - wide.low)


def test_trainings_alike_by_chance_are_not_certain() -> None:
    rates = [Rate.count(50, 100)] * 3
    spread = Spread.of([rates])
    assert spread.variance == 0
    assert spread.estimate(rates).value == 0.5
    # That of the images that a training to come is tried on is left.
    assert spread.estimate(rates).low < 0.5 - 1.96 * 0.05


@pytest.mark.parametrize("right", [0, 100])
def test_nothing_and_everything_have_a_finite_interval(right: int) -> None:
    rates = [Rate.count(right, 100)] * 2
    estimate = Spread.of([rates] * 3).estimate(rates)
    assert estimate.value == right / 100
    assert estimate.low == 0 or right
    assert estimate.high == 1 or not right
    assert 0.01 < estimate.high - estimate.low < 0.1


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1, max_size=4), st.integers(1, 20))
def test_an_interval_holds_its_own_fraction(groups: list[list[int]], comparisons: int) -> None:
    rates = [[Rate.count(right, 50) for right in group] for group in groups]
    spread = Spread.of(rates)
    assert spread.variance >= 0
    for each in rates:
        estimate = spread.estimate(each, comparisons)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@settings(max_examples=4)
@given(st.integers(0, 2**32 - 1))
def test_the_interval_holds_one_more_training_nineteen_times_in_twenty(seed: int) -> None:
    random = np.random.default_rng(seed)
    held, audits = 0, 300
    for _ in range(audits):
        sizes = [rates_of(random, rate, 0.3, 3, 2_000) for rate in (0.1, 0.5, 0.9)]
        estimate = Spread.of([size[:2] for size in sizes]).estimate(sizes[2][:2])
        held += estimate.low <= sizes[2][2].fraction <= estimate.high
    assert 0.90 <= held / audits <= 0.995


@pytest.mark.parametrize("rate", [0.0005, 0.01])
def test_rates_near_nothing_do_not_hide_the_spread(rate: float) -> None:
    random = np.random.default_rng(1)
    variances = [
        Spread.of([rates_of(random, each, 0.3, 3, 3_000) for each in (rate, rate, rate, 0.5)]).variance
        for _ in range(200)
    ]
    assert np.mean(variances) == pytest.approx(0.09, rel=0.25)


def curve(*points: tuple[int, float, float, float]) -> list[Point]:
    return [Point(samples, Estimate(value, low, high, ()), 1.0) for samples, low, value, high in points]


def test_a_crossing_by_hand() -> None:
    points = curve((100, 0.05, 0.1, 0.2), (10_000, 0.8, 0.9, 0.95))
    # In log odds 50 % lies in the middle between 10 and 90 %, and 1,000 between 100 and 10,000.
    found = crossing(0.5, points)
    assert found.samples == pytest.approx(1000)
    assert found.high is not None
    assert 100 < found.low < 1000 < found.high < 10_000
    assert not found.at_least


def test_crossings_beyond_what_was_tried() -> None:
    points = curve((100, 0.05, 0.1, 0.2), (10_000, 0.8, 0.9, 0.95))
    already = crossing(0.01, points)
    assert (already.samples, already.low, already.high, already.at_least) == (100, 0.0, 100, True)
    never = crossing(0.99, points)
    assert (never.samples, never.low, never.high) == (None, 10_000, None)
    perhaps = crossing(0.93, points)
    assert perhaps.samples is None
    assert 100 < perhaps.low < 10_000
    assert perhaps.high is None


def test_a_curve_that_falls_again_crosses_where_it_first_does() -> None:
    points = curve((100, 0.1, 0.1, 0.1), (1000, 0.6, 0.6, 0.6), (10_000, 0.4, 0.4, 0.4), (100_000, 0.7, 0.7, 0.7))
    found = crossing(0.5, points)
    assert found.samples is not None
    assert 100 < found.samples < 1000

"""The learning curve: fractions with the interval in which another such audit would find them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

from captcha_keras.evaluation.rates import Z95, Rate

# Two-sided 95 % quantiles of Student's t with 1, 2, … degrees of freedom.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
LEVELS = (0.01, 0.10, 0.50, 0.90, 0.99)


@dataclass(frozen=True)
class Estimate:
    """The mean of a figure over repetitions, with its interval.

    Attributes:
        value: Their mean (of fractions on the scale of log odds, of times on that of logarithms).
        low: From here…
        high: … to here the mean of as many other repetitions falls with a probability of 95 %.
        values: The repetitions' own figures.

    Example:
        >>> Estimate(value=0.5, low=0.4, high=0.6, values=(0.45, 0.55)).value
        0.5
    """

    value: float
    low: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """A point of the learning curve.

    Attributes:
        samples: Labelled images that were learned from.
        read: Fraction of new images that was read right.
        cpu_minutes: Processor time of a training, all cores together.

    Example:
        >>> Point(samples=1000, read=Estimate(0.5, 0.4, 0.6, (0.5,)), cpu_minutes=2.0).samples
        1000
    """

    samples: int
    read: Estimate
    cpu_minutes: float


@dataclass(frozen=True)
class Crossing:
    """The place where the learning curve reaches a fraction; what lies beyond the numbers tried is None.

    Attributes:
        fraction: The fraction of images that is read.
        samples: Labelled images until then, by interpolation.
        low: The fewest of the interval; 0 if already the smallest number tried may be enough.
        high: The most; None if even the largest number tried may not be enough.
        at_least: Whether `samples` is the smallest number tried, so that fewer may be enough.
        cpu_minutes: Processor time of a training until it reads so much; None if no training did.

    Example:
        >>> points = [Point(100, Estimate(0.1, 0.05, 0.2, ()), 1.0), Point(10_000, Estimate(0.9, 0.8, 0.95, ()), 1.0)]
        >>> [(each.samples, each.at_least) for each in (crossing(0.05, points, None), crossing(0.99, points, None))]
        [(100.0, True), (None, False)]
    """

    fraction: float
    samples: float | None
    low: float
    high: float | None
    at_least: bool
    cpu_minutes: Estimate | None


def fraction_estimate(rates: Sequence[Rate]) -> Estimate:
    """The mean and the interval of fractions from repetitions on different images.

    Both are computed on the scale of log odds, with half an image added on either side. The interval is Student's, from
    the spread between repetitions, and at least that of the finite number of test images.

    Example:
        >>> estimate = fraction_estimate([Rate.count(right, 100) for right in (40, 50, 60)])
        >>> f"{estimate.value:.2f}, {estimate.low:.2f} to {estimate.high:.2f}"
        '0.50, 0.20 to 0.80'
    """
    odds, spread = _log_odds(rates)
    value = fmean(rate.fraction for rate in rates) if len(set(odds)) == 1 else _logistic(fmean(odds))
    low, high = _around(rates, odds, spread * math.sqrt(2 / len(rates)))
    return Estimate(value, low, high, tuple(rate.fraction for rate in rates))


def single_interval(rates: Sequence[Rate]) -> tuple[float, float]:
    """Where one more training would find its fraction with a probability of 95 %, from those of several.

    Example:
        >>> low, high = single_interval([Rate.count(right, 100) for right in (40, 50, 60)])
        >>> f"{low:.2f} to {high:.2f}"
        '0.12 to 0.88'
    """
    odds, spread = _log_odds(rates)
    return _around(rates, odds, spread * math.sqrt(1 + 1 / len(rates)))


def time_estimate(times: Sequence[float]) -> Estimate:
    """The geometric mean and the interval of times above 0.

    Example:
        >>> round(time_estimate([1.0, 4.0]).value, 6)
        2.0
    """
    logarithms = [math.log(time) for time in times]
    middle, reach = fmean(logarithms), _spread(logarithms) * math.sqrt(2 / len(times))
    return Estimate(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), tuple(times))


def crossing(fraction: float, points: Sequence[Point], cpu_minutes: Estimate | None) -> Crossing:
    """Where the curve, and the bounds of its interval, reach a fraction.

    Between two numbers of samples the log odds are interpolated linearly over the logarithm of the number.

    Args:
        fraction: The fraction.
        points: The learning curve, samples rising.
        cpu_minutes: Passed through.

    Example:
        >>> few = Point(100, Estimate(0.1, 0.05, 0.2, ()), 1.0)
        >>> many = Point(10_000, Estimate(0.9, 0.8, 0.95, ()), 1.0)
        >>> found = crossing(0.5, [few, many], None)
        >>> round(found.samples), round(found.low), round(found.high)
        (1000, 437, 2290)
    """
    samples = _reached(fraction, [(point.samples, point.read.value) for point in points])
    early = _reached(fraction, [(point.samples, point.read.high) for point in points])
    late = _reached(fraction, [(point.samples, point.read.low) for point in points])
    first = points[0].samples
    return Crossing(
        fraction=fraction,
        samples=samples,
        low=0.0 if early == first else early or float(points[-1].samples),
        high=late,
        at_least=samples == first,
        cpu_minutes=cpu_minutes,
    )


def _reached(fraction: float, curve: Sequence[tuple[int, float]]) -> float | None:
    if curve[0][1] >= fraction:
        return float(curve[0][0])
    for (few, low), (many, high) in pairwise(curve):
        if low < fraction <= high:
            place = (_logit(fraction) - _logit(low)) / (_logit(high) - _logit(low))
            return math.exp(math.log(few) + place * (math.log(many) - math.log(few)))
    return None


def _log_odds(rates: Sequence[Rate]) -> tuple[list[float], float]:
    """The log odds of each, half an image added on either side, and how far from their mean 95 % of such values lie."""
    fractions = [(rate.right + 0.5) / (rate.total + 1) for rate in rates]
    odds = [math.log(fraction / (1 - fraction)) for fraction in fractions]
    known = fmean(1 / (rate.total * fraction * (1 - fraction)) for rate, fraction in zip(rates, fractions, strict=True))
    return odds, max(_spread(odds), Z95 * math.sqrt(known))


def _around(rates: Sequence[Rate], odds: Sequence[float], reach: float) -> tuple[float, float]:
    """The interval around the mean of log odds; with every image read, or none, up to that fraction itself."""
    middle, total = fmean(odds), sum(rate.total for rate in rates)
    right = sum(rate.right for rate in rates)
    return 0.0 if right == 0 else _logistic(middle - reach), 1.0 if right == total else _logistic(middle + reach)


def _spread(values: Sequence[float]) -> float:
    """How far 95 % of such values lie from their mean, from their own spread (Student's t)."""
    return T95[min(len(values) - 1, len(T95)) - 1] * stdev(values) if len(values) > 1 else 0.0


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def _logit(fraction: float) -> float:
    bounded = min(max(fraction, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))

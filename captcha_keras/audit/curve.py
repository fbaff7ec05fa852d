"""The learning curve: shares with the interval in which another such audit would find them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

from captcha_keras.evaluation import Z95, Rate

# Two-sided 95 % quantiles of Student's t with 1, 2, … degrees of freedom.
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
LEVELS = (0.01, 0.10, 0.50, 0.90, 0.99)


@dataclass(frozen=True)
class Estimate:
    """A figure over repetitions.

    Attributes:
        value: Their mean (of shares on the scale of log odds, of times on that of logarithms).
        low: From here…
        high: … to here the mean of as many other repetitions falls with a probability of 95 %.
        values: The repetitions' own figures.
    """

    value: float
    low: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """A number of samples.

    Attributes:
        samples: Labelled images that were learned from.
        read: Share of new images that was read right.
        cpu_minutes: Processor time of a training, all cores together.
    """

    samples: int
    read: Estimate
    cpu_minutes: float


@dataclass(frozen=True)
class Crossing:
    """Where the curve reaches a share; None stands for beyond what was tried.

    Attributes:
        share: The share of images that is read.
        samples: Labelled images until then, by interpolation.
        low: The fewest of the interval; 0 if already the smallest number tried may be enough.
        high: The most; None if even the largest number tried may not be enough.
        at_least: Whether `samples` is the smallest number tried, so that fewer may be enough.
        cpu_minutes: Processor time of a training until it reads so much; None if no training did.
    """

    share: float
    samples: float | None
    low: float
    high: float | None
    at_least: bool
    cpu_minutes: Estimate | None


def share_estimate(rates: Sequence[Rate]) -> Estimate:
    """Mean and interval of shares from repetitions on different images.

    On the scale of log odds, half an image added on either side. The interval is Student's, from the spread between
    repetitions, and at least that of the finite number of test images.
    """
    odds, spread = _log_odds(rates)
    value = fmean(rate.share for rate in rates) if len(set(odds)) == 1 else _share(fmean(odds))
    low, high = _around(rates, odds, spread * math.sqrt(2 / len(rates)))
    return Estimate(value, low, high, tuple(rate.share for rate in rates))


def single_interval(rates: Sequence[Rate]) -> tuple[float, float]:
    """Where one training more would find its share with a probability of 95 %, from those of several."""
    odds, spread = _log_odds(rates)
    return _around(rates, odds, spread * math.sqrt(1 + 1 / len(rates)))


def time_estimate(times: Sequence[float]) -> Estimate:
    """Geometric mean and interval of times above 0."""
    logarithms = [math.log(time) for time in times]
    middle, reach = fmean(logarithms), _spread(logarithms) * math.sqrt(2 / len(times))
    return Estimate(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), tuple(times))


def crossing(share: float, points: Sequence[Point], cpu_minutes: Estimate | None) -> Crossing:
    """Where the curve, and the bounds of its interval, reach a share.

    Between two numbers of samples the curve is straight in log odds over the logarithm of the number.

    Args:
        share: The share.
        points: The learning curve, samples rising.
        cpu_minutes: Passed through.
    """
    samples = _reached(share, [(point.samples, point.read.value) for point in points])
    early = _reached(share, [(point.samples, point.read.high) for point in points])
    late = _reached(share, [(point.samples, point.read.low) for point in points])
    first = points[0].samples
    return Crossing(
        share=share,
        samples=samples,
        low=0.0 if early == first else early or float(points[-1].samples),
        high=late,
        at_least=samples == first,
        cpu_minutes=cpu_minutes,
    )


def _reached(share: float, curve: Sequence[tuple[int, float]]) -> float | None:
    if curve[0][1] >= share:
        return float(curve[0][0])
    for (few, low), (many, high) in pairwise(curve):
        if low < share <= high:
            place = (_odds(share) - _odds(low)) / (_odds(high) - _odds(low))
            return math.exp(math.log(few) + place * (math.log(many) - math.log(few)))
    return None


def _log_odds(rates: Sequence[Rate]) -> tuple[list[float], float]:
    """Log odds of each, half an image added on either side, and how far 95 % of such values lie at most."""
    shares = [(rate.right + 0.5) / (rate.total + 1) for rate in rates]
    odds = [math.log(share / (1 - share)) for share in shares]
    known = fmean(1 / (rate.total * share * (1 - share)) for rate, share in zip(rates, shares, strict=True))
    return odds, max(_spread(odds), Z95 * math.sqrt(known))


def _around(rates: Sequence[Rate], odds: Sequence[float], reach: float) -> tuple[float, float]:
    """The interval around the mean of log odds; with every image read, or none, up to that share itself."""
    middle, total = fmean(odds), sum(rate.total for rate in rates)
    right = sum(rate.right for rate in rates)
    return 0.0 if right == 0 else _share(middle - reach), 1.0 if right == total else _share(middle + reach)


def _spread(values: Sequence[float]) -> float:
    """How far 95 % of such values lie from their mean, from their own spread (Student's t)."""
    return T95[min(len(values) - 1, len(T95)) - 1] * stdev(values) if len(values) > 1 else 0.0


def _share(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def _odds(share: float) -> float:
    bounded = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))

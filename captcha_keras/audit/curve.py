"""The learning curve: fractions with the interval in which one more training would find them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit
from scipy.stats import betabinom, norm, t

from captcha_keras.audit.readings import ALPHA
from captcha_keras.evaluation.rates import Rate

LEVELS = (0.01, 0.10, 0.50, 0.90, 0.99)
# A standard deviation of more than three on the scale of log odds leaves everything open.
MOST_VARIANCE = 10.0
# In place of 0, by which nothing can be divided.
SMALLEST = 1e-6


@dataclass(frozen=True)
class Estimate:
    """The mean of a fraction over trainings, with its interval.

    Attributes:
        value: Their mean.
        low: From here…
        high: … to here one more training finds its fraction with a probability of 95 %: with other images and another
            seed, tried on as many images.
        values: The trainings' own figures.

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
        capped: How many of its trainings were stopped by the cap, before it was clear that they got no better.

    Example:
        >>> Point(samples=1000, read=Estimate(0.5, 0.4, 0.6, (0.5,)), cpu_minutes=2.0).samples
        1000
    """

    samples: int
    read: Estimate
    cpu_minutes: float
    capped: int = 0


@dataclass(frozen=True)
class Crossing:
    """The place where the learning curve reaches a fraction; what lies beyond the numbers tried is None.

    Attributes:
        fraction: The fraction of images that is read.
        samples: Labelled images until then, by interpolation.
        low: The fewest of the interval; 0 if already the smallest number tried may be enough.
        high: The most; None if even the largest number tried may not be enough.
        at_least: Whether `samples` is the smallest number tried, so that fewer may be enough.

    Example:
        >>> points = [Point(100, Estimate(0.1, 0.05, 0.2, ()), 1.0), Point(10_000, Estimate(0.9, 0.8, 0.95, ()), 1.0)]
        >>> [(each.samples, each.at_least) for each in (crossing(0.05, points), crossing(0.99, points))]
        [(100.0, True), (None, False)]
    """

    fraction: float
    samples: float | None
    low: float
    high: float | None
    at_least: bool


@dataclass(frozen=True)
class Spread:
    """How far trainings that differ in their images and seed alone lie from each other.

    Attributes:
        variance: Of their log odds, what the finite number of test images adds left out.
        groups: Of each group of alike trainings, how many deviations it has, and images times fraction read times
            fraction misread: the reciprocal of the variance that the test images add to the log odds.

    Example:
        >>> spread = Spread.of([[Rate.count(40, 100), Rate.count(60, 100)], [Rate.count(80, 100), Rate.count(90, 100)]])
        >>> round(spread.variance, 2), len(spread.groups)
        (0.26, 2)
    """

    variance: float
    groups: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, groups: Sequence[Sequence[Rate]]) -> Spread:
        """The spread within groups of alike trainings, pooled over the groups.

        The variance is the one at which Pearson's chi-square statistic is what its degrees of freedom let expect (Paule
        and Mandel, 1982).

        Example:
            >>> Spread.of([[Rate.count(50, 100), Rate.count(50, 100)]])
            Spread(variance=0.0, groups=((1, 25.0),))
        """
        squares, weights, known = [], [], []
        for rates in groups:
            right, total = (np.array([getattr(rate, name) for rate in rates]) for name in ("right", "total"))
            mean = right.sum() / total.sum()
            if 0 < mean < 1:
                squares.append((right - total * mean) ** 2)
                weights.append(total * mean * (1 - mean))
                known.append((len(rates) - 1, float(weights[-1].mean())))
        freedom = sum(deviations for deviations, _ in known)

        def excess(variance: float) -> float:
            """By how much the statistic exceeds what this variance lets expect."""
            parts = zip(squares, weights, strict=True)
            return sum(float(np.sum(square / (weight + weight**2 * variance))) for square, weight in parts) - freedom

        if excess(0) <= 0:
            return cls(0.0, tuple(known))
        variance = MOST_VARIANCE if excess(MOST_VARIANCE) > 0 else float(brentq(excess, 0, MOST_VARIANCE))
        return cls(variance, tuple(known))

    def estimate(self, rates: Sequence[Rate], comparisons: int = 1) -> Estimate:
        """The mean of alike trainings, and where one more would lie on as many images.

        The interval is that of a beta-binomial distribution, in Jeffreys' form, with the variance of the training to
        come and of the mean, test images included. Student's quantiles allow for the variance being an estimate.

        Args:
            rates: What each of them read.
            comparisons: Among how many intervals the error of 5 % is divided (Bonferroni), so that all hold at once.

        Example:
            >>> rates = [Rate.count(right, 100) for right in (40, 50, 60)]
            >>> estimate = Spread.of([rates]).estimate(rates)
            >>> f"{estimate.value:.2f}, {estimate.low:.2f} to {estimate.high:.2f}"
            '0.50, 0.09 to 0.91'
        """
        right, total = sum(rate.right for rate in rates), sum(rate.total for rate in rates)
        value, error, images = right / total, ALPHA / 2 / comparisons, max(rate.total for rate in rates)
        weight = images * value * (1 - value)
        # The variance in units of the one that a binomial count of the images to come would have: above 1.
        student = float(t.ppf(error, self.freedom(weight)) / norm.ppf(error))
        excess = (1 + 1 / len(rates)) * (1 + weight * self.variance) * student**2 - 1
        size = max((images - 1) / excess - 1, SMALLEST)
        chances = betabinom.pmf(np.arange(images + 1), images, value * size + 0.5, size - value * size + 0.5)
        # The same as SciPy's quantiles, which add all chances up anew at every step of their search.
        low, high = np.searchsorted(np.cumsum(chances), (error, 1 - error)) / images
        return Estimate(
            value=value,
            low=min(float(low), value),
            high=max(float(high), value),
            values=tuple(rate.fraction for rate in rates),
        )

    def freedom(self, weight: float) -> float:
        """Degrees of freedom of the variance, test images included, where these have this weight (Satterthwaite).

        Two repetitions of five sizes have five and not one; a size of which the test images tell less counts for less.
        Infinite if no two trainings were alike: their spread is unknown then, and that of the test images known.

        Example:
            >>> Spread(variance=0.1, groups=((1, 100.0), (1, 100.0), (1, 1.0))).freedom(100.0)
            2.01
        """
        if not any(deviations for deviations, _ in self.groups):
            return math.inf
        here = self.variance + 1 / max(weight, SMALLEST)
        shares = ((deviations, min(1.0, here / (self.variance + 1 / other))) for deviations, other in self.groups)
        return sum(deviations * share**2 for deviations, share in shares)


def crossing(fraction: float, points: Sequence[Point]) -> Crossing:
    """Where the curve, and the bounds of its interval, reach a fraction.

    Between two numbers of samples the log odds are interpolated linearly over the logarithm of the number.

    Args:
        fraction: The fraction.
        points: The learning curve, samples rising.

    Example:
        >>> few = Point(100, Estimate(0.1, 0.05, 0.2, ()), 1.0)
        >>> many = Point(10_000, Estimate(0.9, 0.8, 0.95, ()), 1.0)
        >>> found = crossing(0.5, [few, many])
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
    )


def _reached(fraction: float, curve: Sequence[tuple[int, float]]) -> float | None:
    if curve[0][1] >= fraction:
        return float(curve[0][0])
    for (few, low), (many, high) in pairwise(curve):
        if low < fraction <= high:
            begin, wanted, end = logit(np.clip([low, fraction, high], 1e-6, 1 - 1e-6))
            return math.exp(math.log(few) + (wanted - begin) / (end - begin) * (math.log(many) - math.log(few)))
    return None

"""Fractions of right answers, with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Two-sided 95 % quantile of the normal distribution.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """A fraction of right answers with its 95 % Wilson score interval (Wilson 1927).

    Attributes:
        right: Number of right answers.
        total: Number of answers, at least 1.
        fraction: right / total, 0 to 1.
        low: Lower bound of the interval.
        high: Upper bound of the interval.

    Example:
        >>> rate = Rate.count(98, 100)
        >>> rate.fraction, round(rate.low, 3), round(rate.high, 3)
        (0.98, 0.93, 0.994)
    """

    right: int
    total: int
    fraction: float
    low: float
    high: float

    @classmethod
    def of(cls, right: NDArray[np.bool_]) -> Rate:
        """The rate of an array of answers."""
        return cls.count(int(np.sum(right)), int(np.size(right)))

    @classmethod
    def count(cls, right: int, total: int) -> Rate:
        """The rate of `right` in `total` answers.

        Raises:
            ValueError: There are no answers, or more right ones than answers.
        """
        if not 0 <= right <= total or total < 1:
            raise ValueError(f"Expected 0 <= right <= total and a total of at least 1, got {right}/{total}.")
        fraction = right / total
        spread = Z95 * math.sqrt(fraction * (1 - fraction) / total + Z95**2 / (4 * total**2))
        scale = 1 + Z95**2 / total
        middle = fraction + Z95**2 / (2 * total)
        # At 0 and 1 a bound equals the fraction; rounding must not push it past.
        low = min((middle - spread) / scale, fraction) if right else 0.0
        high = max((middle + spread) / scale, fraction) if right < total else 1.0
        return cls(right, total, fraction, low, high)

    def within(self, attempts: int) -> float:
        """Chance that at least one of so many attempts is right, each at another image: 1 - (1 - fraction)^n."""
        return float(1 - (1 - self.fraction) ** attempts)

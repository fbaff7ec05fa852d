"""What each reader read of new images, with exact bounds, and what follows from all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

# From this fraction of images on a scheme counts as broken: Bursztein, Martin and Mitchell (2011), section 2.
BROKEN = 0.01
# Chance of a wrong "broken", and of a wrong "holds", at most.
ALPHA = 0.05
# How many times the images tried are thought of before no number is named.
MOST_TIMES = 1_000
# In so many steps, each an eighth more than the one before.
STEPS = 60


@dataclass(frozen=True)
class Reading:
    """What one reader read of new images: a trained network, or a program that learned nothing from these CAPTCHAs.

    Attributes:
        reader: Its name.
        labels: Labelled images of this CAPTCHA that it learned from; 0 for none.
        right: Images read right.
        total: Images tried, at least 1; it has seen none of them before.

    Example:
        >>> Reading("vgg from random weights", labels=250, right=450, total=1_000).fraction
        0.45
    """

    reader: str
    labels: int
    right: int
    total: int

    @property
    def fraction(self) -> float:
        """Images read right, 0 to 1."""
        return self.right / self.total

    @property
    def words(self) -> str:
        """The reader and the number of labels, for a sentence."""
        return (
            f"{self.reader}, {f'trained on {self.labels:,} labelled images' if self.labels else 'without one label'},"
        )


@dataclass(frozen=True)
class Judgement:
    """What the readings of all readers say about a limit.

    Attributes:
        level: "broken" (some reader reads at least the limit), "holds" (every reader reads less) or "undecided".
        reading: The reading that decides: with "broken" the one with the highest lower bound, else with the highest
            upper bound.
        low: Its lower bound, which holds for all readings at once with a probability of 95 %.
        high: Its upper bound, with 95 % for this reading alone.
        fewest: The reading with the fewest labels that shows the limit to be reached; None if none does.
        readings: How many readings there are.
        needed: Test images that would decide if this reader went on reading as many of them; None if it is decided, or
            if no reasonable number would.

    Example:
        >>> judge([Reading("vgg", 250, 20, 1_000), Reading("vgg", 1_000, 800, 1_000)]).reading.labels
        1000
    """

    level: str
    reading: Reading
    low: float
    high: float
    fewest: Reading | None
    readings: int
    needed: int | None


def bounds(readings: Sequence[Reading], comparisons: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The exact one-sided bounds of each reading (Clopper and Pearson), at 95 % for all comparisons together.

    Args:
        readings: The readings.
        comparisons: Among how many the error of 5 % is divided (Bonferroni).

    Returns:
        Lower and upper bounds, `(N,)` each.

    Example:
        >>> low, high = bounds([Reading("vgg", 250, 0, 298)])
        >>> low.tolist(), high.round(4).tolist()
        ([0.0], [0.01])
    """
    right, total = (np.array([getattr(each, name) for each in readings]) for name in ("right", "total"))
    return _lower(right, total, comparisons), 1 - _lower(total - right, total, comparisons)


def judge(readings: Sequence[Reading], limit: float = BROKEN) -> Judgement:
    """Decide whether some reader reads at least `limit` of the images, whether every one reads less, or neither.

    "Broken" takes one lower bound above the limit. With many readings one of them may lie there by chance, so
    that these bounds divide the error among all (Bonferroni; Holm's procedure begins with the same step and so comes to
    the same verdict, but has no bounds to show). "Holds" takes every upper bound below the limit: wrong only if that of
    the best reader is, so that nothing has to be divided.

    Example:
        >>> judge([Reading("OCR", 0, 10, 1_000)]).level, judge([Reading("OCR", 0, 0, 1_000)]).level
        ('undecided', 'holds')
    """
    lows, _ = bounds(readings, len(readings))
    _, highs = bounds(readings)
    above = lows > limit
    level = "broken" if above.any() else "holds" if (highs < limit).all() else "undecided"
    place = int(np.argmax(lows if level == "broken" else highs))
    showing = [reading for reading, shows in zip(readings, above, strict=True) if shows]
    reading = readings[place]
    return Judgement(
        level=level,
        reading=reading,
        low=float(lows[place]),
        high=float(highs[place]),
        fewest=min(showing, key=lambda each: each.labels, default=None),
        readings=len(readings),
        needed=_needed(reading, limit, len(readings)) if level == "undecided" else None,
    )


def _needed(reading: Reading, limit: float, readings: int) -> int | None:
    """About the fewest images, in whole times of those tried, of which the same fraction would decide."""
    times = np.unique(np.geomspace(1, MOST_TIMES, STEPS).round().astype(int))
    right, total = times * reading.right, times * reading.total
    decided = (_lower(right, total, readings) > limit) | (1 - _lower(total - right, total, 1) < limit)
    return int(total[decided.argmax()]) if decided.any() else None


def _lower(right: NDArray[np.integer], total: NDArray[np.integer], comparisons: int) -> NDArray[np.float64]:
    # SciPy's quantile is not defined where nothing was right; the bound is 0 there.
    return np.where(right > 0, beta.ppf(ALPHA / comparisons, np.maximum(right, 1), total - right + 1), 0.0)

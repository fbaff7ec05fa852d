"""Whether a network's confidence can be believed, and what is read if only sure predictions count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captcha_keras.evaluation.rates import Rate

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
# Of the logarithm of the temperature.
TOLERANCE = 1e-4
SMALLEST = 1e-30


@dataclass(frozen=True)
class Bin:
    """Predictions of similar confidence.

    Attributes:
        low: Lowest confidence of the bin, 0 to 1.
        high: Highest.
        count: Predictions in it, at least 1.
        confidence: Their mean confidence.
        right: Fraction of them that is right.

    Example:
        >>> reliability(np.array([0.25, 0.75, 1.0]), np.array([False, True, True]), bins=2)[1]
        Bin(low=0.5, high=1.0, count=2, confidence=0.875, right=1.0)
    """

    low: float
    high: float
    count: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Selection:
    """What is read if predictions below a confidence are left out.

    Attributes:
        threshold: The confidence from which on a prediction counts.
        fraction: Fraction of the images that are read, 0 to 1.
        precision: Rate of right ones among these; None if there are none.

    Example:
        >>> selection = select(0.7, np.array([0.25, 0.75, 0.8, 0.9]), np.array([False, False, True, True]))
        >>> selection.fraction, selection.precision.right, selection.precision.total
        (0.75, 2, 3)
    """

    threshold: float
    fraction: float
    precision: Rate | None


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """The points of a reliability diagram: bins of equal width, empty ones left out.

    Args:
        confidence: Of each prediction, `(N,)`, 0 to 1.
        right: Whether it is right, `(N,)`.
        bins: Number of bins.

    Example:
        >>> points = reliability(np.array([0.25, 0.75, 1.0]), np.array([False, True, True]), bins=4)
        >>> [(point.confidence, point.right) for point in points]
        [(0.25, 0.0), (0.875, 1.0)]
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return tuple(
        Bin(
            low=number / bins,
            high=(number + 1) / bins,
            count=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            right=float(right[inside].mean()),
        )
        for number in range(bins)
        if (inside := place == number).any()
    )


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance of confidence and accuracy over the bins, weighted by their counts (Guo et al. 2017).

    Example:
        >>> expected_calibration_error(reliability(np.array([0.5, 1.0]), np.array([False, True])))
        0.25
    """
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.confidence - each.right) for each in bins) / total


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature at which the labels are likeliest (temperature scaling, Guo et al. 2017).

    Args:
        probabilities: `(N, L, K)`.
        labels: Class ids `(N, L)`.

    Returns:
        0.05 to 20; above 1 the network was too sure.

    Example:
        >>> probabilities = np.array([[[0.9, 0.1]]] * 4)  # 90 % sure, but right three times in four
        >>> temperature = fit_temperature(probabilities, np.array([[0], [0], [0], [1]]))
        >>> scaled(probabilities, temperature)[0].round(2)
        array([[0.75, 0.25]])
    """

    def loss(logarithm: float) -> float:
        of_label = np.take_along_axis(_logarithms(probabilities, math.exp(logarithm)), labels[..., np.newaxis], axis=-1)
        return -float(np.mean(of_label))

    # The loss has one minimum: it is convex in 1 / temperature.
    low, high = math.log(COLDEST), math.log(HOTTEST)
    while high - low > TOLERANCE:
        third = (high - low) / 3
        if loss(low + third) <= loss(high - third):
            high -= third
        else:
            low += third
    return math.exp((low + high) / 2)


def scaled(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Probabilities at another temperature; the order of the classes stays.

    Example:
        >>> scaled(np.array([[[0.8, 0.2]]]), temperature=2.0).round(3)
        array([[[0.667, 0.333]]])
    """
    return np.asarray(np.exp(_logarithms(probabilities, temperature)))


def _logarithms(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """The logarithms of the probabilities at another temperature."""
    logits = np.log(np.maximum(probabilities, SMALLEST), dtype=np.float64) / temperature
    logits -= logits.max(axis=-1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))


def threshold_for(precision: float, confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float | None:
    """The lowest confidence from which on at least this fraction of the predictions is right.

    Choose it on validation images and measure what it gives on others (`select`).

    Args:
        precision: 0 to 1.
        confidence: Of each prediction, `(N,)`.
        right: Whether it is right, `(N,)`.

    Returns:
        A confidence that occurs; None if the surest predictions do not have this precision either.

    Example:
        >>> threshold_for(1.0, np.array([0.6, 0.7, 0.9]), np.array([False, True, True]))
        0.7
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    enough = np.cumsum(right[order]) >= precision * np.arange(1, len(order) + 1)
    # Predictions of the same confidence are taken together.
    last = np.append(ordered[1:] != ordered[:-1], True)
    found = np.flatnonzero(enough & last)
    return float(ordered[found[-1]]) if len(found) else None


def select(threshold: float, confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> Selection:
    """Measure what is read if predictions below a confidence are left out.

    Example:
        >>> select(0.7, np.array([0.6, 0.7]), np.array([False, True])).fraction
        0.5
    """
    read = confidence >= threshold
    precision = Rate.of(right[read]) if read.any() else None
    return Selection(threshold, float(read.mean()), precision)

"""The confidence of an audit's networks: its calibration, and what is read if only sure predictions count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captcha_keras.audit.trial import Result
from captcha_keras.evaluation.calibration import Bin, expected_calibration_error, reliability
from captcha_keras.evaluation.rates import Rate


@dataclass(frozen=True)
class Calibration:
    """The calibration of the networks' confidence, before and after temperature scaling.

    Attributes:
        before: The reliability diagram of the confidences as they are.
        after: The same at the fitted temperature.
        error_before: Expected calibration error, 0 to 1.
        error_after: The same at the fitted temperature.
        temperatures: The fitted one of each repetition; above 1 the network was too sure.

    Example:
        >>> bins = (Bin(low=0.9, high=1.0, count=100, confidence=0.95, right=0.75),)
        >>> Calibration(before=bins, after=bins, error_before=0.2, error_after=0.2, temperatures=(1.5,)).temperatures
        (1.5,)
    """

    before: tuple[Bin, ...]
    after: tuple[Bin, ...]
    error_before: float
    error_after: float
    temperatures: tuple[float, ...]


@dataclass(frozen=True)
class Sure:
    """What is read if unsure predictions are left out, so that 99 % of the others should be right.

    Attributes:
        precision: How many of those given are right; None if none is given.
        answered: Fraction of the images for which one is given.

    Example:
        >>> sure = Sure(precision=Rate.count(79, 80), answered=Rate.count(80, 100))
        >>> sure.precision.fraction, sure.answered.fraction
        (0.9875, 0.8)
    """

    precision: Rate | None
    answered: Rate


def calibration(done: Sequence[Result]) -> Calibration:
    """The calibration over the repetitions at one number of samples.

    Example:
        >>> from types import SimpleNamespace
        >>> right, confidence = np.array([False, True]), (0.5, 1.0)
        >>> result = SimpleNamespace(right=right, confidence=confidence, scaled_confidence=confidence, temperature=1.5)
        >>> calibration([result]).error_before  # `result` stands for a Result
        0.25
    """
    right = np.concatenate([result.right for result in done])
    before = reliability(np.concatenate([result.confidence for result in done]), right)
    after = reliability(np.concatenate([result.scaled_confidence for result in done]), right)
    return Calibration(
        before=before,
        after=after,
        error_before=expected_calibration_error(before),
        error_after=expected_calibration_error(after),
        temperatures=tuple(result.temperature for result in done),
    )


def sure_predictions(done: Sequence[Result]) -> Sure:
    """The sure predictions of the repetitions, each with the threshold that its validation images chose.

    Example:
        >>> from types import SimpleNamespace
        >>> right, confidence = np.array([False, True]), (0.5, 1.0)
        >>> result = SimpleNamespace(texts=("AB", "CD"), right=right, scaled_confidence=confidence, threshold=0.9)
        >>> sure = sure_predictions([result])  # `result` stands for a Result
        >>> sure.precision.fraction, sure.answered.fraction
        (1.0, 0.5)
    """
    given, right, total = 0, 0, 0
    for result in done:
        total += len(result.texts)
        if result.threshold is not None:
            answered = np.array(result.scaled_confidence) >= result.threshold
            given += int(answered.sum())
            right += int(result.right[answered].sum())
    return Sure(Rate.count(right, given) if given else None, Rate.count(given, total))

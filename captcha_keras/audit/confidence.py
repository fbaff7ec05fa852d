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
    """

    precision: Rate | None
    answered: Rate


def calibration(done: Sequence[Result]) -> Calibration:
    """The calibration over the repetitions at one number of samples."""
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
    """The sure predictions of the repetitions, each with the threshold that its validation images chose."""
    given, right, total = 0, 0, 0
    for result in done:
        total += len(result.texts)
        if result.threshold is not None:
            answered = np.array(result.scaled_confidence) >= result.threshold
            given += int(answered.sum())
            right += int(result.right[answered].sum())
    return Sure(Rate.count(right, given) if given else None, Rate.count(given, total))

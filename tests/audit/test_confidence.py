from __future__ import annotations

from dataclasses import replace

import pytest

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.confidence import calibration, sure_predictions
from captcha_keras.audit.plan import Trial
from captcha_keras.audit.subject import Drawn
from captcha_keras.audit.trial import Result
from captcha_keras.spec import CaptchaSpec
from tests.audit.results import made_up


def result(right: str, scaled: tuple[float, ...], threshold: float | None) -> Result:
    """Predictions that are right where a 1 stands."""
    trial = Trial(Drawn(CaptchaSpec("AB", 1, 1)), 250, 0, Budget((250,), 1, 320, test=10))
    return replace(
        made_up(trial, 1),
        texts=("A",) * len(right),
        predictions=tuple("A" if each == "1" else "B" for each in right),
        confidence=(0.95,) * len(right),
        scaled_confidence=scaled,
        threshold=threshold,
    )


def test_sure_predictions_by_hand() -> None:
    one = result("1101", (0.9, 0.8, 0.7, 0.3), threshold=0.7)
    other = result("11", (0.6, 0.5), threshold=0.55)
    found = sure_predictions([one, other])
    assert (found.answered.right, found.answered.total) == (4, 6)
    assert found.precision is not None
    assert (found.precision.right, found.precision.total) == (3, 4)


def test_no_threshold_answers_nothing() -> None:
    found = sure_predictions([result("0000", (0.9, 0.8, 0.7, 0.3), threshold=None)])
    assert found.precision is None
    assert (found.answered.right, found.answered.total) == (0, 4)


def test_calibration_before_and_after() -> None:
    found = calibration([result("1111100000", (0.5,) * 10, 0.5), result("1010101010", (0.5,) * 10, 0.5)])
    assert found.error_before == pytest.approx(0.45)
    assert found.error_after == pytest.approx(0.0)
    assert found.temperatures == (1.5, 1.5)
    assert sum(each.count for each in found.before) == 20

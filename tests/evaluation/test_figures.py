from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.evaluation.confusion import Confusion
from captcha_keras.evaluation.figures import score
from captcha_keras.evaluation.rates import Rate
from captcha_keras.spec import CaptchaSpec

SPEC = CaptchaSpec("0OX", 2, 2)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # Computed with R: binom::binom.confint(x, n, methods = "wilson"); 81/263 is Newcombe's (1998) example.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_intervals_of_newcombe(right: int, total: int, low: float, high: float) -> None:
    rate = Rate.count(right, total)
    assert rate.fraction == right / total
    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share_and_solves_its_equation(right: int, total: int) -> None:
    if right > total:
        with pytest.raises(ValueError, match="0 <= right <= total"):
            Rate.count(right, total)
        return
    rate = Rate.count(right, total)
    assert 0 <= rate.low <= rate.fraction <= rate.high <= 1
    for bound in (rate.low, rate.high):
        # A Wilson bound p satisfies |fraction - p| = z sqrt(p (1 - p) / n).
        distance = 1.959963984540054 * math.sqrt(bound * (1 - bound) / total)
        assert abs(rate.fraction - bound) == pytest.approx(distance, abs=1e-7)


def labels(*texts: str) -> np.ndarray:
    return SPEC.encode_all(texts)


def test_every_figure_by_hand() -> None:
    truth = labels("00", "0O", "OX", "XX", "OO")
    read = labels("00", "00", "XX", "X0", "0O")
    evaluation = score(read, truth, SPEC, 0.001)
    assert (evaluation.characters.right, evaluation.characters.total) == (6, 10)
    assert [rate.right for rate in evaluation.positions] == [3, 3]
    assert (evaluation.images.right, evaluation.images.total) == (1, 5)
    assert evaluation.zero_o is not None
    assert evaluation.zero_o.table == {"0": {"0": 3, "O": 0}, "O": {"0": 2, "O": 1}}
    assert evaluation.zero_o.other == {"0": 0, "O": 1}
    assert evaluation.zero_o.fraction_of_errors == 0.5
    assert evaluation.zero_o.merged_characters.right == 8
    assert evaluation.zero_o.merged_images.right == 3
    assert evaluation.confusions == (Confusion("O", "0", 2), Confusion("O", "X", 1), Confusion("X", "0", 1))
    assert evaluation.confusion_matrix == ((3, 0, 0), (2, 1, 1), (1, 0, 2))
    assert evaluation.seconds_per_image == 0.001


def test_success_within_several_attempts() -> None:
    rate = Rate.count(1, 5)
    assert rate.within(1) == pytest.approx(0.2)
    assert rate.within(3) == pytest.approx(1 - 0.8**3)
    truth, read = labels("00", "0O", "OX", "XX", "OO"), labels("00", "00", "XX", "X0", "0O")
    assert score(read, truth, SPEC).within_three == pytest.approx(0.488)


def test_upper_and_lower_case_by_hand() -> None:
    spec = CaptchaSpec("cCsSxé7", 2, 2)
    truth = spec.encode_all(["cC", "sS", "xé", "7c", "CC"])
    read = spec.encode_all(["CC", "Ss", "xé", "7x", "sC"])
    case = score(read, truth, spec).letter_case
    assert case is not None
    assert (case.folded_characters.right, case.folded_characters.total) == (8, 10)
    assert (case.folded_images.right, case.folded_images.total) == (3, 5)
    assert case.fraction_of_errors == pytest.approx(3 / 5)
    assert case.confusions == (Confusion("c", "C", 1), Confusion("s", "S", 1), Confusion("S", "s", 1))
    perfect = score(truth, truth, spec).letter_case
    assert perfect is not None
    assert (perfect.fraction_of_errors, perfect.confusions) == (None, ())
    assert score(labels("0O"), labels("0O"), SPEC).letter_case is None


def test_numbers_of_characters_by_hand() -> None:
    spec = CaptchaSpec("AB", 1, 3)
    truth = spec.encode_all(["AB", "A", "ABA", "BB", "B", "AA"])
    read = spec.encode_all(["BA", "AB", "AB", "BB", "B", "A"])
    read[4] = 2  # nothing at all
    lengths = score(read, truth, spec).lengths
    assert lengths is not None
    assert (lengths.right.right, lengths.right.total) == (2, 6)
    assert (lengths.too_few, lengths.too_many, lengths.none) == (2, 1, 1)
    assert score(labels("0O"), labels("0O"), SPEC).lengths is None


def test_a_perfect_reading() -> None:
    truth = labels("0O", "XX")
    evaluation = score(truth, truth, SPEC)
    assert evaluation.images.fraction == 1
    assert evaluation.confusions == ()
    assert evaluation.zero_o is not None
    assert evaluation.zero_o.fraction_of_errors is None


def test_without_0_and_o_there_are_no_such_figures() -> None:
    spec = CaptchaSpec("0X", 2, 2)
    assert score(np.array([[0, 1]]), np.array([[0, 0]]), spec).zero_o is None


def test_no_character_is_a_class_of_its_own() -> None:
    spec = CaptchaSpec("AB", 1, 2)
    evaluation = score(spec.encode_all(["AB"]), spec.encode_all(["A"]), spec)
    assert evaluation.confusions == (Confusion("", "B", 1),)
    assert evaluation.images.right == 0
    # The text has one character, and that was read.
    assert (evaluation.characters.right, evaluation.characters.total) == (1, 1)


def test_only_ten_confusions_and_json_round_trip() -> None:
    spec = CaptchaSpec("ABCDEFGHIJKLMNOPQR", 1, 1)
    truth = np.repeat(np.arange(17), np.arange(1, 18))[:, None]
    evaluation = score(truth + 1, truth, spec)
    assert [confusion.count for confusion in evaluation.confusions] == list(range(17, 7, -1))
    value = json.loads(json.dumps(evaluation.to_json()))
    assert value["characters"]["right"] == 0
    assert value["confusions"][0] == {"truth": "Q", "prediction": "R", "count": 17}


@given(st.integers(0, 2**32 - 1))
def test_the_counts_agree_with_each_other(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, read = random.integers(0, 3, (2, 30, 2))
    evaluation = score(read, truth, SPEC)
    matrix = np.array(evaluation.confusion_matrix)
    assert matrix.sum() == evaluation.characters.total == 60
    assert np.trace(matrix) == evaluation.characters.right == sum(rate.right for rate in evaluation.positions)
    assert evaluation.images.right == sum((read == truth).all(axis=1))
    zero_o = evaluation.zero_o
    assert zero_o is not None
    swapped = zero_o.table["0"]["O"] + zero_o.table["O"]["0"]
    assert zero_o.merged_characters.right == evaluation.characters.right + swapped


@pytest.mark.parametrize("shape", [(0, 2), (4,), (3, 2)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two equal shapes"):
        score(np.zeros(shape, int), np.zeros((4, 2) if shape != (0, 2) else shape, int), SPEC)

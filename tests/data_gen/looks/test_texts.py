from __future__ import annotations

import pytest

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.looks.dice import Dice
from data_gen.looks.settings import ANY_SPEC
from data_gen.looks.texts import LookTexts


def drawn(texts: LookTexts, count: int = 1500) -> list[str]:
    return [texts.draw(Dice(number)) for number in range(count)]


def test_texts_have_every_length_and_kind() -> None:
    texts = drawn(LookTexts(ANY_SPEC))
    lengths = [len(text) for text in texts]
    assert set(lengths) == set(range(1, 11))
    assert sum(4 <= length <= 7 for length in lengths) > 0.7 * len(texts)
    assert set("".join(texts)) == set(ANY_SPEC.alphabet)
    long = [text for text in texts if len(text) > 4]
    for kind in (str.isdigit, lambda text: text.isalpha() and text.isupper(), lambda text: text.isalpha()):
        assert 0.05 < sum(map(kind, long)) / len(long) < 0.6
    assert sum(not set(text) & set("0O1Il") for text in long) / len(long) > 0.2


@pytest.mark.parametrize("alphabet", ["0123456789", "AB", "abcxyz789", "O"])
def test_texts_stay_within_the_spec(alphabet: str) -> None:
    texts = drawn(LookTexts(CaptchaSpec(alphabet, 2, 3)), 600)
    assert set("".join(texts)) == set(alphabet)
    assert {len(text) for text in texts} == {2, 3}


def test_distinct_texts_repeat_nothing() -> None:
    texts = drawn(LookTexts(CaptchaSpec("0123456789abc", 6, 9), distinct=True), 400)
    assert all(len(set(text)) == len(text) for text in texts)


def test_weights_draw_a_character_more_often() -> None:
    texts = "".join(drawn(LookTexts(CaptchaSpec("0123456789", 5, 5), weights={"7": 10})))
    assert 0.45 < texts.count("7") / len(texts) < 0.6


def test_texts_mix_the_two_of_a_pair_more_often_than_chance_does() -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    texts = [text for text in drawn(LookTexts(CaptchaSpec(alphabet, 6, 6))) if set("0O") <= set(text)]
    assert 0.025 * 1500 < len(texts) < 0.1 * 1500
    # Chance alone, as in distinct texts, seldom draws both.
    distinct = drawn(LookTexts(CaptchaSpec(alphabet, 6, 6), distinct=True))
    assert sum(set("0O") <= set(text) for text in distinct) < 0.0125 * 1500


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        (CaptchaSpec("abä+", 2, 2), {}, "Random looks show 0-9, A-Z and a-z, not ä, +."),
        (CaptchaSpec("ab", 3, 3), {"distinct": True}, "need an alphabet of at least as many, got 2."),
        (CaptchaSpec("ab", 3, 3), {"weights": {"c": 2}}, "The weight of 'c' is of no character"),
    ],
)
def test_what_cannot_be_drawn_is_refused(spec: CaptchaSpec, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        LookTexts(spec, **options)
    assert message in str(caught.value)

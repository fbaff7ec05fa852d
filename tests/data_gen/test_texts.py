from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import Series, TextSource, parse_weights
from data_gen.randomness import SeededSecrets

SPEC = CaptchaSpec("0123456789", 4, 8)


def texts(source: TextSource, count: int) -> list[str]:
    return [source.draw(SeededSecrets(0, index)) for index in range(count)]


def test_distinct_texts_repeat_no_character_and_use_all() -> None:
    found = texts(TextSource(SPEC, distinct=True), 500)
    assert all(len(set(text)) == len(text) for text in found)
    assert set("".join(found)) == set(SPEC.alphabet)
    assert {len(text) for text in found} == {4, 5, 6, 7, 8}
    assert any(len(set(text)) < len(text) for text in texts(TextSource(SPEC), 500))


def test_the_whole_alphabet_can_be_a_distinct_text() -> None:
    for text in texts(TextSource(CaptchaSpec("ABC", 3, 3), distinct=True), 20):
        assert sorted(text) == ["A", "B", "C"]
    with pytest.raises(InputError, match="Texts of 4 distinct characters need an alphabet of at least as many, got 3"):
        TextSource(CaptchaSpec("ABC", 4, 4), distinct=True)


def test_weights_change_how_often_a_character_is_drawn() -> None:
    source = TextSource(CaptchaSpec("0O12", 4, 4), weights={"0": 5, "O": 5})
    counts = Counter("".join(texts(source, 3000)))
    # 12,000 draws; five standard deviations of a fraction of 5/12 are 270.
    assert counts["0"] == pytest.approx(5000, abs=270)
    assert counts["O"] == pytest.approx(5000, abs=270)
    assert counts["1"] == pytest.approx(1000, abs=150)


def test_weights_of_one_leave_the_texts_as_they_are() -> None:
    assert texts(TextSource(SPEC, weights={"3": 1}), 50) == texts(TextSource(SPEC), 50)
    assert texts(TextSource(SPEC, weights={"3": 2}), 50) != texts(TextSource(SPEC), 50)


def test_weighted_images_show_weighted_texts() -> None:
    spec = CaptchaSpec("0O", 2, 2, 60, 40)
    source = Series(spec, 0, weights=(("0", 1000),)).source()
    assert [source.draw(index).text for index in range(5)] == ["00"] * 5


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"A": 2}, "'A' is of no character of the alphabet"),
        ({"0": 0}, "'0' must be 1 to 1,000, got 0"),
        ({"0": 1001}, "'0' must be 1 to 1,000, got 1001"),
        ({"01": 2}, "'01' is of no character"),
    ],
)
def test_wrong_weights_are_one_sentence(weights: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as caught:
        TextSource(SPEC, weights=weights)
    assert message in str(caught.value)


@given(st.dictionaries(st.characters(codec="utf-8"), st.integers(0, 10**6), min_size=1, max_size=6))
def test_weights_of_any_character_are_read_back(weights: dict[str, int]) -> None:
    assert parse_weights(",".join(f"{character}={weight}" for character, weight in weights.items())) == weights


@pytest.mark.parametrize("text", ["0", "0=", "=5", "0=5,", "0=x", "0=-1", "00=5", "0=5;O=5", ",", "0=٣"])
def test_what_are_no_weights_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Weights must look like 0=5,O=5"):
        parse_weights(text)

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.spec import (
    DEFAULT_ALPHABET,
    CaptchaSpec,
    SpecError,
    parse_alphabet,
    parse_length,
)

CHARACTERS = st.characters(exclude_categories=["M", "Z", "C"])
ALPHABETS = st.lists(CHARACTERS, min_size=1, max_size=40, unique=True).map("".join)


@st.composite
def specs_with_texts(draw: st.DrawFn) -> tuple[CaptchaSpec, str]:
    alphabet = draw(ALPHABETS)
    shortest = draw(st.integers(1, 8))
    longest = draw(st.integers(shortest, 10))
    spec = CaptchaSpec(alphabet, shortest, longest)
    return spec, draw(st.text(st.sampled_from(alphabet), min_size=shortest, max_size=longest))


@given(specs_with_texts())
def test_decode_gives_back_what_encode_took(case: tuple[CaptchaSpec, str]) -> None:
    spec, text = case
    numbers = spec.encode(text)
    assert numbers.shape == (spec.max_length,)
    assert numbers.dtype == np.int32
    assert numbers.max() < spec.num_classes
    assert spec.decode(numbers) == text


@given(specs_with_texts())
def test_json_round_trip(case: tuple[CaptchaSpec, str]) -> None:
    spec, _ = case
    assert CaptchaSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_class_numbers_follow_the_alphabet_order() -> None:
    spec = CaptchaSpec("BA", 1, 3)
    assert spec.encode("AB").tolist() == [1, 0, 2]
    assert spec.classes == ("B", "A", "")
    assert spec.num_classes == 3
    assert CaptchaSpec("BA", 3, 3).num_classes == 2


def test_no_character_is_nothing_wherever_it_stands() -> None:
    assert CaptchaSpec("AB", 1, 3).decode([0, 2, 1]) == "AB"


def test_head_names_are_in_order_of_position() -> None:
    assert CaptchaSpec(max_length=12).head_names[9:] == ("char_9", "char_10", "char_11")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ABC", "'ABC' has 3 characters, expected 4"),
        ("ABCDE", "'ABCDE' has 5 characters, expected 4"),
        ("ABcÄ", "'ABcÄ' has 'c', 'Ä' outside the alphabet"),
    ],
)
def test_encode_names_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        CaptchaSpec().encode(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("numbers", [[0, 0, 0], [0, 0, 0, 36], [0, 0, 0, -1]])
def test_decode_refuses_what_is_no_row(numbers: list[int]) -> None:
    with pytest.raises(SpecError):
        CaptchaSpec().decode(numbers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alphabet": ""}, "empty"),
        ({"alphabet": "ABA"}, "'A' more than once"),
        ({"alphabet": "A B"}, "' ', which cannot be drawn"),
        ({"alphabet": "A\u0301"}, "cannot be drawn"),
        ({"alphabet": "A\ud800"}, "cannot be drawn"),
        ({"min_length": 0}, "got 0-4"),
        ({"min_length": 5}, "got 5-4"),
        ({"max_length": 33}, "got 4-33"),
        ({"width": 0}, "width must be 1 to 4096"),
        ({"height": 4097}, "height must be 1 to 4096"),
        ({"width": 1.5}, "width must be a whole number"),
        ({"max_length": True}, "max_length must be a whole number"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        CaptchaSpec(**arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "unknown 'colour'"),
        ({"alphabet": 5}, "alphabet must be a text"),
        ({"width": "170"}, "width must be a whole number"),
    ],
)
def test_from_json_refuses_what_to_json_cannot_write(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        CaptchaSpec.from_json({**CaptchaSpec().to_json(), **change})
    with pytest.raises(SpecError, match="lacks 'alphabet'"):
        CaptchaSpec.from_json({k: v for k, v in CaptchaSpec().to_json().items() if k != "alphabet"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(CaptchaSpec().to_json())), json_values))
def test_from_json_of_foreign_values_gives_a_spec_or_a_spec_error(change: dict[str, object]) -> None:
    try:
        spec = CaptchaSpec.from_json({**CaptchaSpec().to_json(), **change})
    except SpecError:
        return
    assert spec.to_json() == {**CaptchaSpec().to_json(), **change}


def test_parse_alphabet() -> None:
    assert parse_alphabet(["digits", "upper"]) == DEFAULT_ALPHABET
    assert parse_alphabet(["upper", "digits"]) != DEFAULT_ALPHABET
    assert parse_alphabet(["digits", "ÄÖ"]) == "0123456789ÄÖ"
    with pytest.raises(SpecError, match="'1' more than once"):
        parse_alphabet(["digits", "1"])


@pytest.mark.parametrize(("text", "expected"), [("4", (4, 4)), ("4-8", (4, 8)), ("12", (12, 12))])
def test_parse_length(text: str, expected: tuple[int, int]) -> None:
    assert parse_length(text) == expected


@given(st.text(max_size=12))
def test_parse_length_of_any_text_gives_numbers_or_a_spec_error(text: str) -> None:
    try:
        shortest, longest = parse_length(text)
    except SpecError:
        return
    assert text.replace("-", "").isascii()
    assert text in {f"{shortest}", f"{shortest}-{longest}"} or text.lstrip("0") != text or "-0" in text


@given(CHARACTERS)
def test_every_character_of_these_categories_can_be_in_an_alphabet(character: str) -> None:
    assert unicodedata.category(character)[0] in "LNPS"
    assert CaptchaSpec(character).alphabet == character


def test_how_images_are_fitted_is_written_where_they_keep_their_proportions() -> None:
    kept = CaptchaSpec("AB", 2, 2, keep_aspect=True)
    assert kept.to_json()["keep_aspect"] is True
    assert CaptchaSpec.from_json(kept.to_json()) == kept
    assert "keep_aspect" not in CaptchaSpec("AB", 2, 2).to_json()
    assert CaptchaSpec.from_json(CaptchaSpec("AB", 2, 2).to_json()) == CaptchaSpec("AB", 2, 2)
    with pytest.raises(SpecError, match="keep_aspect must be true or false, got 1"):
        CaptchaSpec.from_json({**kept.to_json(), "keep_aspect": 1})

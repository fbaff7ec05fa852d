"""What a label may be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.errors import InputError
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.spec import CaptchaSpec, SpecError


@given(st.text(max_size=40))
def test_an_entry_is_a_text_that_can_be_trained_on_or_refused(entry: str) -> None:
    try:
        text = Limits().check(entry)
    except InputError:
        return
    assert Limits().check(text) == text
    CaptchaSpec("".join(set(text)), len(text), len(text)).encode(text)
    # It can be a line of a file.
    assert text.encode().decode() == text


@pytest.mark.parametrize(
    ("limits", "entry", "message"),
    [
        (Limits(), "  ", "A label has at least one character."),
        (Limits(), "A B", "'A B' has blanks or signs that are no letter, digit, mark or symbol."),
        (Limits(), "A" * 33, "has 33 characters, expected 1-32."),
        (Limits("0123"), "01X", "'01X' has 'X' outside the alphabet '0123'."),
        (Limits(None, (4, 6)), "ABC", "'ABC' has 3 characters, expected 4-6."),
        (Limits("AB", (2, 2)), "ABA", "'ABA' has 3 characters, expected 2."),
    ],
)
def test_what_is_no_label_is_said_in_one_sentence(limits: Limits, entry: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        limits.check(entry)


def test_an_accent_that_was_typed_apart_is_joined() -> None:
    assert Limits("é", (1, 1)).check("e\N{COMBINING ACUTE ACCENT}") == "é"


def test_impossible_limits_are_refused_at_once() -> None:
    for limits in ({"length": (5, 4)}, {"length": (0, 4)}, {"alphabet": "AA"}):
        with pytest.raises(SpecError):
            Limits(**limits)


def test_a_network_keeps_the_part_of_the_limits_that_it_knows() -> None:
    spec = CaptchaSpec("0123", 2, 5)
    assert Limits().within(spec) == {"alphabet": None, "length": None}
    assert Limits("3AB1", (4, 9)).within(spec) == {"alphabet": "31", "length": (4, 5)}
    # What it does not know at all stays, for the network to say so.
    assert Limits("AB", (6, 6)).within(spec) == {"alphabet": "AB", "length": (6, 6)}

"""Properties, slices, the people's side: each by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.people import peoples_side
from captcha_keras.audit.plan import Trial
from captcha_keras.audit.properties import contrast_ratios
from captcha_keras.audit.slices import characters, slices
from captcha_keras.audit.subject import Drawn
from captcha_keras.spec import CaptchaSpec
from tests.audit.results import made_up

BUDGET = Budget((250,), 1, 320, test=200)


def image(ground: tuple[int, int, int], ink: tuple[int, int, int]) -> np.ndarray:
    pixels = np.full((40, 80, 3), ground, np.uint8)
    pixels[10:20, 10:40] = ink
    return pixels


def test_contrast_ratios_of_wcag() -> None:
    images = np.stack(
        [
            image((255, 255, 255), (0, 0, 0)),
            image((255, 255, 255), (118, 118, 118)),  # the grey that just has 4.54 on white
            image((0, 0, 0), (255, 255, 255)),
            image((255, 255, 255), (255, 0, 0)),  # pure red: 4.00
            image((200, 200, 200), (200, 200, 200)),
        ]
    )
    assert contrast_ratios(images) == pytest.approx([21, 4.54, 21, 4.0, 1], abs=0.01)


def test_slices_by_a_property() -> None:
    trial = Trial(Drawn(CaptchaSpec("ABC", 2, 2)), 250, 0, BUDGET)
    result = made_up(trial, 0.6)
    found = slices([result], ["One"])
    # Squeeze is the same for all images and says nothing; one font neither.
    assert {each.name for each in found} == {"contrast"}
    assert [(each.words, each.read.value) for each in found] == [("2.00 to 6.00", pytest.approx(result.right.mean()))]
    values = np.linspace(1, 9, 200)
    sloped = replace(result, properties={"contrast": tuple(values)}, predictions=result.texts[:100] + ("",) * 100)
    found = slices([sloped], [])
    assert [each.words for each in found] == ["1.00 to 3.00", "3.00 to 5.00", "5.00 to 7.00", "7.00 to 9.00"]
    assert [each.read.value for each in found] == [1, 1, 0, 0]
    # Each has 50 images: the bounds of all four hold at once.
    assert 0.7 < found[0].read.low < 0.99
    assert found[0].read.high == 1


def test_a_training_is_a_cluster() -> None:
    trial = Trial(Drawn(CaptchaSpec("ABC", 2, 2)), 250, 0, BUDGET)
    values = (4.0,) * 199 + (4.1,)
    # One training reads nearly all of them, the other few: 200 images of two trainings are not 400.
    results = [
        replace(made_up(trial, share, seed), properties={"contrast": values}) for seed, share in ((1, 0.95), (2, 0.3))
    ]
    one, *_ = slices(results, [])
    assert one.read.low < 0.3
    assert one.read.high > 0.95
    assert one.read.values == pytest.approx([result.right.mean() for result in results])


def test_slices_by_font_count_characters() -> None:
    trial = Trial(Drawn(CaptchaSpec("ABC", 2, 3)), 250, 0, BUDGET)
    result = replace(
        made_up(trial, 1),
        texts=("AB", "ABC", "CC"),
        predictions=("AC", "AB", "CCA"),
        properties={},
        fonts=((0, 1, -1), (0, 0, 1), (1, 1, -1)),
        confidence=(0.5,) * 3,
    )
    found = {each.words: each.read.value for each in slices([result], ["One", "Two", "Three"])}
    assert found == {"One": 1, "Two": 0.5}


def test_characters_the_worst_first() -> None:
    matrix = np.array([[8, 2, 0, 0], [0, 10, 0, 0], [3, 1, 6, 0], [0, 0, 0, 40]])
    found = characters([matrix], ("A", "B", "C", ""))
    assert [(each.character, each.read.value, each.mostly_as) for each in found] == [
        ("C", 0.6, "A"),
        ("A", 0.8, "B"),
        ("B", 1.0, ""),
    ]
    # Ten of each say nothing for sure.
    assert {each.effect for each in found} == {"none"}
    many = characters([100 * matrix] * 3, ("A", "B", "C", ""))
    assert [each.effect for each in many] == ["harder", "none", "easier"]


def test_the_peoples_side_by_hand() -> None:
    spec = CaptchaSpec("0OXY1I", 2, 2)
    texts = ["0X", "XX", "O1", "YY"]
    predictions = ["OX", "XY", "01", "YX"]
    side = peoples_side(spec.encode_all(predictions), spec.encode_all(texts), np.array([2.9, 3.0, 21, 1]), spec)
    assert side.groups == ("0O", "1I")
    assert side.images_with == 0.5
    assert side.fraction_of_errors == 0.5
    assert side.merged == 0.5
    assert side.faint == 0.5
    clear = CaptchaSpec("AXM", 2, 2)
    side = peoples_side(clear.encode_all(["AX"]), clear.encode_all(["AX"]), np.array([9.0]), clear)
    assert (side.groups, side.images_with, side.fraction_of_errors, side.merged) == ((), 0.0, None, 1.0)


def test_no_character_is_nobodys_look_alike() -> None:
    spec = CaptchaSpec("XY0O", 1, 3)
    side = peoples_side(spec.encode_all(["X", "0"]), spec.encode_all(["XY", "O"]), np.ones(2), spec)
    assert side.images_with == 0.5
    assert side.fraction_of_errors == 0.5

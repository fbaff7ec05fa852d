from __future__ import annotations

import json

import pytest

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Settings, Style
from data_gen.settings import first_difference
from tests.data_gen.folders import SETTINGS


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": -1}, "The seed must be at least 0, got -1."),
        ({"image_format": "gif"}, "The image_format must be jpeg or png, got 'gif'."),
        ({"spec": CaptchaSpec(width=9)}, "Images must be at least 10x10 pixels to be drawn, got 9x80."),
        ({"spec": CaptchaSpec(height=9)}, "Images must be at least 10x10 pixels to be drawn, got 170x9."),
        ({"spec": CaptchaSpec("AB", 3, 3), "distinct": True}, "need an alphabet of at least as many, got 2."),
        ({"style": Style(gap=40)}, "4 characters with 40 empty columns between them need a width of at least 216"),
        ({"weights": (("ä", 2),)}, "The weight of 'ä' is of no character of the alphabet."),
        ({"weights": (("0", 1001),)}, "The weight of '0' must be 1 to 1,000, got 1001."),
    ],
)
def test_a_series_that_cannot_be_drawn_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Series(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"count": 0}, "The number of images must be at least 1, got 0."),
        ({"storage": "zip"}, "The storage must be files or tfrecord, got 'zip'."),
        ({"series": Series(seed="page")}, "The seed of a data set must be a number, got 'page'."),
        ({"series": Series(weights=(("0", 5),))}, "The characters of a data set cannot be weighted"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**fields)
    assert message in str(caught.value)


def test_the_narrowest_width_for_a_gap_is_allowed() -> None:
    assert Series(CaptchaSpec(width=216), style=Style(gap=40)).source().draw(0).pixels.shape == (80, 216, 3)


def test_the_description_has_every_setting_once_and_in_order() -> None:
    description = Settings(Series(CaptchaSpec("AB", 2, 2), 7, "png", Style(gap=1), distinct=True), 9).description()
    assert list(description) == (
        ["format_version", "spec", "count", "seed", "image_format", "storage", "distinct", "fonts", "style", "versions"]
    )
    assert json.loads(json.dumps(description)) == description
    values = {name: description[name] for name in ("spec", "count", "seed", "image_format", "storage", "distinct")}
    assert values == {
        "spec": {"alphabet": "AB", "min_length": 2, "max_length": 2, "width": 170, "height": 80},
        "count": 9,
        "seed": 7,
        "image_format": "png",
        "storage": "files",
        "distinct": True,
    }
    assert description["style"]["gap"] == 1


def test_another_library_release_is_a_difference() -> None:
    here = SETTINGS.description()
    there = {**here, "versions": {**here["versions"], "captcha": "0.3"}}
    difference = first_difference(there, here)
    assert difference is not None
    assert difference.startswith("captcha is '0.3' there")

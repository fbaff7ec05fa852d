from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from captcha.image import DEFAULT_FONTS

from captcha_keras.errors import InputError
from captcha_keras.fresh import series_like
from captcha_keras.spec import CaptchaSpec
from data_gen import Settings, Style

SPEC = CaptchaSpec("0123456789", 3, 5, 120, 50)


def test_new_images_look_like_the_data_set_and_are_others() -> None:
    settings = Settings(SPEC, 10, 3, "png", Style(noise_dots=2, character_rotate=(-4, 4.5), gap=3), distinct=True)
    series = series_like(settings.description(), SPEC, 4)
    assert series.style == settings.style
    assert (series.image_format, series.distinct) == ("png", True)
    same = series_like(settings.description(), SPEC, "3").source()
    # The name "3" and the number 3 are one series: this is the image that the data set has.
    assert same.draw(2) == settings.source().draw(2)
    assert series.source().text(2) != settings.source().text(2)


def test_new_images_have_the_lengths_and_the_alphabet_of_the_data_set() -> None:
    reads = CaptchaSpec("ABC0123456789", 1, 5, 120, 50)
    assert series_like(Settings(SPEC, 10, 3).description(), reads, 4).spec == SPEC
    assert series_like(None, reads, 4).spec == reads


def test_images_of_others_are_taken_for_the_library_s() -> None:
    series = series_like(None, SPEC, 0)
    assert series.style == Style()
    assert series.image_format == "jpeg"


def test_the_seed_of_the_data_set_is_refused() -> None:
    with pytest.raises(InputError, match="Seed 3 drew the training images; choose another --fresh-seed"):
        series_like(Settings(SPEC, 10, 3).description(), SPEC, 3)


def test_own_fonts_must_be_given_and_be_the_same(tmp_path: Path) -> None:
    own = tmp_path / "own.ttf"
    # A font of other bytes: anything may follow the tables.
    own.write_bytes(Path(DEFAULT_FONTS[0]).read_bytes() + b"\0")
    settings = Settings(SPEC, 10, style=Style(fonts=(str(own),)))
    with pytest.raises(InputError, match=r"The fonts are not those .*: give them with --fonts \(own.ttf\)"):
        series_like(settings.description(), SPEC, 1)
    assert series_like(settings.description(), SPEC, 1, [str(own)]).style.fonts == (str(own),)
    plain = replace(settings, style=Style()).description()
    with pytest.raises(InputError, match="The fonts are not those that the training images were drawn with"):
        series_like(plain, SPEC, 1, [str(own)])

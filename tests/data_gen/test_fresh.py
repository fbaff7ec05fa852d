from __future__ import annotations

from pathlib import Path

import pytest
from captcha.image import DEFAULT_FONTS

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Settings, Style, series_like

SPEC = CaptchaSpec("0123456789", 3, 5, 120, 50)


def test_new_images_look_like_the_data_set_and_are_others() -> None:
    style = Style(noise_dots=2, character_rotate=(-4, 4.5), gap=3)
    drawn = Series(SPEC, 3, "png", style, distinct=True)
    description = Settings(drawn, 10).description()
    new = series_like(description, 4)
    assert new == Series(SPEC, 4, "png", style, distinct=True)
    assert new.source().text(2) != drawn.source().text(2)
    # The name "3" and the number 3 are one series: this is the image that the data set has.
    assert series_like(description, "3").source().draw(2) == drawn.source().draw(2)


def test_images_that_were_not_drawn_here_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        series_like(None, 4)
    assert str(caught.value) == ("These images were not drawn by data_gen.py, so new ones like them cannot be drawn.")


def test_the_seed_of_the_data_set_is_refused() -> None:
    with pytest.raises(InputError, match="Seed 3 drew the training images; choose another --fresh-seed"):
        series_like(Settings(Series(SPEC, 3), 10).description(), 3)


def test_own_fonts_must_be_given_and_be_the_same(tmp_path: Path) -> None:
    own = tmp_path / "own.ttf"
    # A font of other bytes: anything may follow the tables.
    own.write_bytes(Path(DEFAULT_FONTS[0]).read_bytes() + b"\0")
    drawn = Settings(Series(SPEC, style=Style(fonts=(str(own),))), 10).description()
    with pytest.raises(InputError, match=r"The fonts are not those .*: give them with --fonts \(own.ttf\)"):
        series_like(drawn, 1)
    assert series_like(drawn, 1, [str(own)]).style.fonts == (str(own),)
    plain = Settings(Series(SPEC), 10).description()
    with pytest.raises(InputError, match="The fonts are not those that the training images were drawn with"):
        series_like(plain, 1, [str(own)])

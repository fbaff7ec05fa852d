"""The fast renderer draws the library's pixels: both draw from the same random numbers, the bytes are compared."""

from __future__ import annotations

import random
import secrets
from pathlib import Path

import pytest
from captcha.image import DEFAULT_FONTS, ImageCaptcha
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen import Style, renderer
from data_gen.fast_captcha import FastCaptcha
from data_gen.randomness import SeededSecrets, seeded
from data_gen.renderer import make_renderer
from data_gen.styled_captcha import StyledCaptcha, library_captcha

# Latin, digits, umlauts, Cyrillic, Greek, characters that the font lacks, blanks, a line end, a combining mark.
CHARACTERS = st.one_of(st.sampled_from("0O8BjgQWil.,-_|'\" \nÄñßЖΩ漢\u0301"), st.characters(codec="utf-8"))
SEEDS = st.integers(0, 2**32)


def pairs(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    one = st.floats(low, high) if isinstance(low, float) else st.integers(int(low), int(high))
    return st.tuples(one, one).map(lambda pair: (min(pair), max(pair)))


LIBRARY_STYLES = st.builds(
    Style,
    font_sizes=st.lists(st.integers(6, 90), min_size=1, max_size=3).map(tuple),
    character_offset_dx=pairs(0, 12),
    character_offset_dy=pairs(0, 12),
    # Angles at which Pillow does not interpolate are among them.
    character_rotate=st.one_of(pairs(-180.0, 180.0), st.sampled_from([(0, 0), (90, 90), (-180, -180), (270, 270)])),
    character_warp_dx=st.one_of(pairs(0.0, 1.0), st.just((0.0, 0.0))),
    character_warp_dy=st.one_of(pairs(0.0, 1.0), st.just((0.0, 0.0))),
    word_space_probability=st.floats(0, 1),
    word_offset_dx=st.floats(0, 1),
    lookup_factor=st.floats(0, 5),
)
COLORS = st.one_of(
    st.none(),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.tuples(*[st.integers(0, 255)] * 4),
    st.sampled_from(["teal", "#12345678"]),
)
BACKGROUNDS = st.one_of(st.none(), st.tuples(*[st.integers(0, 255)] * 3))
SIZES = st.integers(10, 300)
CASES = {
    "width": SIZES,
    "height": SIZES,
    "style": LIBRARY_STYLES,
    "text": st.text(CHARACTERS, min_size=1, max_size=9),
    "seed": SEEDS,
    "color": COLORS,
    "background": BACKGROUNDS,
}


def draw(captcha: ImageCaptcha, text: str, seed: int, color: object = None, background: object = None) -> Image.Image:
    with seeded(SeededSecrets(seed, 0)):
        return captcha.generate_image(text, background, color)


def assert_same_bytes(fast: FastCaptcha, slow: ImageCaptcha, *how: object) -> None:
    try:
        expected = draw(slow, *how)
    except Exception as error:
        # Control characters, and what is warped to nothing: the library cannot draw them.
        with pytest.raises(type(error)):
            draw(fast, *how)
        return
    drawn = draw(fast, *how)
    assert drawn.mode == expected.mode
    assert drawn.size == expected.size
    assert drawn.tobytes() == expected.tobytes()


def check(width: int, height: int, style: Style, text: str, seed: int, color: object, background: object) -> None:
    fast, library = FastCaptcha(width, height, style), library_captcha(width, height, style)
    assert_same_bytes(fast, library, text, seed, color, background)


@settings(max_examples=200)
@given(**CASES)
def test_any_text_and_parameters_give_the_library_s_bytes(**case: object) -> None:
    check(**case)


@pytest.mark.long
@settings(max_examples=10_000)
@given(**CASES)
def test_ten_thousand_cases_give_the_library_s_bytes(**case: object) -> None:
    check(**case)


@pytest.mark.parametrize("seed", range(5))
def test_the_defaults_give_the_bytes_of_an_untouched_library(seed: int) -> None:
    for fast in (FastCaptcha(170, 80), StyledCaptcha(170, 80)):
        assert draw(fast, "0O8B", seed).tobytes() == draw(ImageCaptcha(170, 80), "0O8B", seed).tobytes()


def test_several_fonts(tmp_path: Path) -> None:
    # The same glyphs from another file are another font: mixing them up would show in the random draws.
    other = tmp_path / "other.ttf"
    other.write_bytes(Path(DEFAULT_FONTS[0]).read_bytes())
    style = Style(fonts=(DEFAULT_FONTS[0], str(other)), font_sizes=(30, 70))
    library = ImageCaptcha(170, 80, list(style.fonts), style.font_sizes)
    for seed in range(20):
        assert draw(FastCaptcha(170, 80, style), "AB12", seed).tobytes() == draw(library, "AB12", seed).tobytes()


@settings(max_examples=60)
@given(
    noise_dots=st.integers(0, 60),
    noise_dot_width=st.integers(1, 12),
    noise_curves=st.integers(0, 3),
    smooth=st.booleans(),
    gap=st.one_of(st.none(), st.integers(0, 6)),
    background=pairs(0, 255),
    opacity=pairs(0, 255),
    text=st.text(CHARACTERS, min_size=1, max_size=6),
    seed=SEEDS,
)
def test_what_the_library_has_no_parameter_for_is_drawn_alike_by_both(text: str, seed: int, **fields: object) -> None:
    style = Style(**fields)
    assert_same_bytes(FastCaptcha(120, 60, style), StyledCaptcha(120, 60, style), text, seed)


def test_it_draws_from_the_kernel_s_randomness_as_the_library_does() -> None:
    captcha = FastCaptcha(170, 80)
    first, second = captcha.generate("AB12").getvalue(), captcha.generate("AB12").getvalue()
    assert first != second
    assert secrets.token_bytes  # the module was never replaced


def test_auto_is_the_fast_one_here() -> None:
    assert type(make_renderer(CaptchaSpec(), Style())) is FastCaptcha
    assert type(make_renderer(CaptchaSpec(), Style(), "library")) is ImageCaptcha
    assert type(make_renderer(CaptchaSpec(), Style(gap=4), "library")) is StyledCaptcha


@pytest.mark.parametrize("fault", ["another pixel", "an error"])
def test_auto_is_the_library_where_the_fast_one_differs(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(FastCaptcha):
        def generate_image(self, chars: str, bg_color: object = None, fg_color: object = None) -> Image.Image:
            if fault == "an error":
                raise AttributeError("core")
            image = super().generate_image(chars, bg_color, fg_color)
            place = (random.Random(0).randrange(image.width), 3)
            image.putpixel(place, tuple(255 - value for value in image.getpixel(place)))
            return image

    monkeypatch.setattr(renderer, "FastCaptcha", Other)
    assert type(make_renderer(CaptchaSpec(), Style())) is ImageCaptcha
    assert type(make_renderer(CaptchaSpec(), Style(), "fast")) is Other

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from captcha.image import DEFAULT_FONTS
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Style, read_captcha
from data_gen.style import PRESETS, StyleError
from tests.data_gen.test_fast_captcha import LIBRARY_STYLES


@given(LIBRARY_STYLES, st.one_of(st.none(), st.integers(0, 9)), st.booleans())
def test_a_style_survives_json(style: Style, gap: int | None, smooth: bool) -> None:
    fields = json.loads(json.dumps(style.to_json())) | {"gap": gap, "smooth": smooth}
    again = Style.from_mapping(fields)
    assert again.to_json() == fields
    assert again.in_library == (gap is None and smooth)


@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_file_is_a_style_or_a_style_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8")
    try:
        _, style = read_captcha(str(path))
    except StyleError as error:
        message = str(error)
    else:
        message = f"{path} is {style}"
    assert message.startswith(str(path))


def test_a_file_changes_what_it_names_and_finds_fonts_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(Path(DEFAULT_FONTS[0]).read_bytes())
    path = tmp_path / "own.toml"
    path.write_text('base = "separated"\nnoise_dots = 5\ncharacter_rotate = [-3.5, 3]\nfonts = ["font.ttf"]\n')
    _, style = read_captcha(str(path))
    assert style.noise_dots == 5
    assert style.character_rotate == (-3.5, 3)
    assert style.fonts == (str(tmp_path / "font.ttf"),)
    assert style.gap == PRESETS["separated"].gap
    assert style.noise_curves == 0
    assert style.font_sizes == Style().font_sizes


def test_a_file_may_hold_texts_and_size_too(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('length = "5-6"\nalphabet = ["digits", "xyz"]\nwidth = 200\n')
    assert read_captcha(str(path)) == (CaptchaSpec("0123456789xyz", 5, 6, 200, 80), Style())
    path.write_text('length = 7\nalphabet = "digits"\n')
    assert read_captcha(str(path))[0] == CaptchaSpec("0123456789", 7, 7)
    assert read_captcha("separated") == (CaptchaSpec(), PRESETS["separated"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noise_dotes = 3", "has unknown noise_dotes, expected some of alphabet, background"),
        ("noise_dots = -1", "noise_dots must be a whole number from 0 to 10,000, got -1"),
        ("noise_dots = true", "noise_dots must be a whole number from 0 to 10,000, got True"),
        ("noise_dots = [1, 2]", "noise_dots must be a single value, got (1, 2)"),
        ("foreground = 3", "foreground must be a list, got 3"),
        ("foreground = [3]", "foreground must be two whole numbers from 0 to 255"),
        ("foreground = [9, 3]", "the smaller first, got [9, 3]"),
        ("foreground = [0, 256]", "from 0 to 255"),
        ("foreground = [0.5, 3]", "two whole numbers"),
        ("character_rotate = ['a', 'b']", "character_rotate must be two numbers"),
        ("character_rotate = [nan, 3]", "character_rotate must be two numbers"),
        ("font_sizes = []", "font_sizes must be whole numbers from 1 to 1000"),
        ("word_offset_dx = 1.5", "word_offset_dx must be a number from 0 to 1"),
        ("smooth = 1", "smooth must be true or false"),
        ("gap = 'wide'", "gap must be a whole number"),
        ('base = "fancy"', "base must be library or separated, got 'fancy'"),
        ("base = 3", "base must be library or separated, got 3"),
        ('fonts = "a.ttf"', "fonts must be a list of paths"),
        ('fonts = ["none.ttf"]', "none.ttf is no readable TrueType font"),
        ("[noise]\ndots = 3", "has unknown noise"),
        ("noise_dots =", "is no TOML file"),
        ("length = true", "The length must look like 4 or 4-8, got 'True'"),
        ('length = "8-4"', "The length must be 1 to 32 characters, the shortest first"),
        ("length = 4.5", "The length must look like 4 or 4-8, got '4.5'"),
        ("alphabet = 7", "alphabet must be a text or a list of texts, got 7"),
        ('alphabet = ["digits", "0"]', "The alphabet has '0' more than once"),
        ('width = "wide"', "width must be a whole number, got 'wide'"),
        ("height = 0", "The height must be 1 to 4096 pixels, got 0"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(StyleError) as caught:
        read_captcha(str(path))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_what_is_neither_preset_nor_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StyleError, match=r"must be library, separated or a .toml file, got 'fancy'"):
        read_captcha("fancy")
    with pytest.raises(StyleError, match=r"none.toml cannot be read: No such file"):
        read_captcha(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    with pytest.raises(StyleError, match=r"latin.toml is no TOML file"):
        read_captcha(str(tmp_path / "latin.toml"))


def runs_of_ink(pixels: np.ndarray) -> int:
    """How many groups of columns hold something darker than the background."""
    inked = (np.abs(pixels.astype(int) - pixels[0, 0]).max(axis=(0, 2)) > 0).astype(int)
    return int((np.diff(np.concatenate([[0], inked, [0]])) == 1).sum())


@pytest.mark.parametrize("width", [80, 170, 300])
def test_separated_characters_have_empty_columns_between_them(width: int) -> None:
    # I, not i or ": those have gaps of their own.
    spec = CaptchaSpec("0O8BWMI7", 1, 6, width, 60)
    source = Series(spec, 0, "png", PRESETS["separated"]).source()
    for index in range(60):
        drawing = source.draw(index)
        assert runs_of_ink(drawing.pixels) == len(drawing.text)
    library = Series(spec, 0, "png", Style(noise_dots=0, noise_curves=0)).source()
    assert any(runs_of_ink(library.draw(index).pixels) < len(library.text(index)) for index in range(60))


def test_separated_characters_fill_the_width_at_random() -> None:
    source = Series(CaptchaSpec("A", 1, 1, 300, 60), 0, "png", PRESETS["separated"]).source()
    firsts = []
    for index in range(40):
        pixels = source.draw(index).pixels
        columns = np.flatnonzero(np.abs(pixels.astype(int) - pixels[0, 0]).max(axis=(0, 2)))
        assert columns[0] >= 2
        assert columns[-1] <= 297
        firsts.append(columns[0])
    assert min(firsts) < 60
    assert max(firsts) > 180


@pytest.mark.parametrize(
    "changes",
    [
        {"noise_dots": 0},
        {"noise_curves": 2},
        {"noise_dot_width": 6},
        {"character_rotate": (0, 0)},
        {"foreground": (0, 9)},
        {"smooth": False},
    ],
)
def test_every_setting_changes_the_pixels(changes: dict[str, object]) -> None:
    plain, changed = (Series(CaptchaSpec(), 0, "png", style).source() for style in (Style(), Style(**changes)))
    assert plain.text(0) == changed.text(0)
    assert (plain.draw(0).pixels != changed.draw(0).pixels).any()

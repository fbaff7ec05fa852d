from __future__ import annotations

import pytest
from captcha.image import DEFAULT_FONTS

from captcha_keras.spec import CaptchaSpec
from data_gen import ImageSource, Series, Style
from data_gen.layout import mean_overlap


def source(style: Style | None = None, width: int = 170, renderer: str = "fast") -> ImageSource:
    return Series(CaptchaSpec(width=width), 5, style=style or Style()).source(renderer)


def test_overlap_by_hand() -> None:
    assert mean_overlap([(0, 40), (30, 40), (75, 40)]) == pytest.approx(10 / 2 / 40)
    assert mean_overlap([(0, 40), (50, 40)]) == 0
    assert mean_overlap([(7, 40)]) == 0


def layouts(drawer: ImageSource, count: int = 40) -> list[tuple[float, float, tuple[int, ...]]]:
    found = []
    for index in range(count):
        text, image, layout = drawer.image_and_layout(index)
        assert layout is not None
        assert len(layout.fonts) == len(text)
        assert (text, image.tobytes()) == (drawer.image(index)[0], drawer.image(index)[1].tobytes())
        found.append((layout.squeeze, layout.overlap, layout.fonts))
    return found


def test_a_wide_image_squeezes_no_text_and_a_narrow_one_every() -> None:
    assert {squeeze for squeeze, _, _ in layouts(source(width=600))} == {1.0}
    assert all(squeeze < 1 for squeeze, _, _ in layouts(source(width=90)))


def test_more_overlap_is_seen() -> None:
    def mean(overlap: float) -> float:
        found = layouts(source(Style(word_offset_dx=overlap, word_space_probability=1)))
        return sum(each for _, each, _ in found) / len(found)

    assert mean(0) == 0
    # Up to half of a cell, evenly distributed.
    assert 0.2 < mean(0.5) < 0.3
    assert mean(0.1) < mean(0.25) < mean(0.5)


def test_each_character_has_the_number_of_its_font() -> None:
    font = DEFAULT_FONTS[0]
    fonts = {number for _, _, numbers in layouts(source(Style(fonts=(font, font, font)))) for number in numbers}
    assert fonts == {0, 1, 2}
    assert {number for _, _, numbers in layouts(source()) for number in numbers} == {0}


@pytest.mark.parametrize(("style", "renderer"), [(None, "library"), (Style(gap=4), "fast")])
def test_no_layout_is_made_up(style: Style | None, renderer: str) -> None:
    assert source(style, renderer=renderer).image_and_layout(0)[2] is None

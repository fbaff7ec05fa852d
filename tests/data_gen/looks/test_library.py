"""The library's look among the random ones."""

from __future__ import annotations

import numpy as np
from captcha.image import DEFAULT_FONTS, ImageCaptcha

from data_gen.looks.dice import Dice
from data_gen.looks.fonts import Face
from data_gen.looks.library import HEIGHTS, LEAST_WIDTH, library_image, random_style
from data_gen.looks.look import Look, Step
from data_gen.randomness import SeededSecrets, seeded
from data_gen.style import Style
from tests.data_gen.looks.plain import FONTS

LOOK = Look("AB8gh", (Face(FONTS[0]), Face(FONTS[1]), Face(FONTS[0]), Face(FONTS[0]), Face(FONTS[1])))


def test_half_of_the_images_are_the_librarys_own_at_another_size() -> None:
    own = 0
    for seed in range(60):
        image = library_image(LOOK, Step("library", seed))
        dice = Dice(seed)
        dice.pick(HEIGHTS), dice.between(0, 1), dice.between(0, 1)
        if not dice.chance(50):
            continue
        with seeded(SeededSecrets("look", dice.seed())):
            expected = ImageCaptcha(*image.size).generate_image("AB8gh")
        assert image.tobytes() == expected.tobytes()
        own += 1
    assert 20 <= own <= 40


def test_sizes_follow_the_text() -> None:
    sizes = {n: [library_image(look_of(n), Step("library", seed)).size for seed in range(80)] for n in (1, 4, 10)}
    assert {height for _, height in sizes[4]} == set(HEIGHTS)
    assert min(width for width, _ in sizes[1]) == LEAST_WIDTH
    means = [np.mean([width / height for width, height in sizes[n]]) for n in (1, 4, 10)]
    assert means[0] < means[1] < means[2]
    assert 1.8 < means[1] < 2.6


def look_of(length: int) -> Look:
    return Look("A" * length, (Face(DEFAULT_FONTS[0]),) * length)


def test_random_styles_differ_and_some_use_the_fonts_of_the_look() -> None:
    styles = [random_style(LOOK, 60, Dice(seed)) for seed in range(100)]
    assert len(set(styles)) == 100
    assert Style() not in styles
    assert {style.fonts for style in styles} == {(), tuple(sorted({FONTS[0], FONTS[1]}))}
    assert 5 < sum(style.background[1] < 100 for style in styles) < 30
    assert {style.noise_curves for style in styles} == {0, 1, 2, 3}


def test_dark_paper_has_light_text_that_can_be_seen() -> None:
    images = [np.asarray(library_image(LOOK, Step("library", seed)).convert("L")) for seed in range(150)]
    dark = [image for image in images if np.median(image) < 90]
    assert len(dark) >= 4
    assert all(np.percentile(image, 98) > np.median(image) + 60 for image in dark)

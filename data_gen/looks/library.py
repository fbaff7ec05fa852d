"""The look of the library `captcha`: its own drawing, as it comes or with parameters drawn at random."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from data_gen.fast_captcha import FastCaptcha
from data_gen.looks.dice import Dice
from data_gen.looks.look import Look, Step
from data_gen.randomness import SeededSecrets, seeded
from data_gen.style import Style

# As the library and its users have it most often, then anything between.
HEIGHTS = (60, 60, 80, 80, 50, 70, 90, 100)
LEAST_WIDTH = 60
# Instances that keep their measured glyphs; sizes and the library's own style come again and again.
CACHED_CAPTCHAS = 64
# Of a hundred images so many have the library's own parameters, whatever their size.
OWN_PARAMETERS = 65


def library_image(look: Look, step: Step) -> Image.Image:
    """Draw the text of a look as the library does; only its text and its fonts are used.

    Args:
        look: Text, and a font for each character.
        step: Decides size and style.

    Returns:
        An RGB image.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> library_image(Look("AB12", (Face(DEFAULT_FONTS[0]),) * 4), Step("library", 1)).mode
        'RGB'
    """
    dice = Dice(step.seed)
    height = dice.pick(HEIGHTS)
    # A multiple of ten: few sizes, so that most of them are still cached.
    width = max(LEAST_WIDTH, (len(look.text) * dice.between(28, 46) * height // 80 + dice.between(5, 45)) // 10 * 10)
    style = Style() if dice.chance(OWN_PARAMETERS) else random_style(look, height, dice)
    with seeded(SeededSecrets("look", dice.seed())):
        return _captcha(width, height, style).generate_image(look.text)


def random_style(look: Look, height: int, dice: Dice) -> Style:
    """A style of the library with every parameter drawn at random.

    Args:
        look: Its fonts are used in half of the images, the library's own font in the others.
        height: Of the image in pixels; the font's sizes depend on it.
        dice: Random numbers.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> random_style(Look("AB", (Face(DEFAULT_FONTS[0]),) * 2), 60, Dice(3)).font_sizes
        (26, 29, 33)
    """
    size, turn = height * dice.between(45, 90) // 100, dice.between(0, 40)
    wide, tall = dice.between(0, 40), dice.between(0, 40)
    dark = dice.chance(15)
    return Style(
        font_sizes=(size * 9 // 10, size) if dice.chance(50) else (size * 8 // 10, size * 9 // 10, size),
        character_offset_dx=(0, dice.between(0, 8)),
        character_offset_dy=(0, dice.between(0, 12)),
        character_rotate=(-turn, turn),
        character_warp_dx=(wide / 200, wide / 100),
        character_warp_dy=(tall / 200, tall / 100),
        word_space_probability=dice.between(20, 100) / 100,
        word_offset_dx=dice.between(0, 35) / 100,
        background=(0, 60) if dark else (dice.between(190, 250), 255),
        foreground=(160, 255) if dark else (dice.between(0, 30), dice.between(60, 200)),
        noise_dots=dice.between(0, 70),
        noise_dot_width=dice.pick((1, 2, 3, 3, 4)),
        noise_curves=dice.pick((0, 1, 1, 2, 3)),
        smooth=dice.chance(75),
        fonts=tuple(sorted({face.path for face in look.faces})) if dice.chance(50) else (),
    )


@lru_cache(CACHED_CAPTCHAS)
def _captcha(width: int, height: int, style: Style) -> FastCaptcha:
    return FastCaptcha(width, height, style)

"""What lies under the strokes of the text: shadows and relief, drawn before the text itself."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageFilter

from data_gen.looks.colors import color_of, luminance, mixed
from data_gen.looks.dice import Dice
from data_gen.looks.look import Look

# Draws into the image; takes the mask of the text, the look and random numbers.
Shadow = Callable[[Image.Image, Image.Image, Look, Dice], None]


def _shadow(image: Image.Image, mask: Image.Image, look: Look, dice: Dice) -> None:
    """The text once more in another color, a little aside, sharp or soft."""
    most = 1 + look.size // 18
    dx, dy = dice.pick((-1, 1, 1)) * dice.between(1, most), dice.pick((-1, 1, 1)) * dice.between(0, most)
    if dice.chance(25):
        mask = mask.filter(ImageFilter.BoxBlur(1))
    tone = luminance(look.paper[0])
    # Nearer to the paper than to the ink, so that the text stands out.
    if dice.chance(70):
        color = mixed(look.paper[0], look.inks[0], dice.between(20, 50))
    else:
        color = color_of(dice, (2 * tone + luminance(look.inks[0])) // 3, 120)
    image.paste(color, (dx, dy, dx + mask.width, dy + mask.height), mask)


def _relief(image: Image.Image, mask: Image.Image, look: Look, dice: Dice) -> None:
    """A light edge on one side of the strokes and a dark one on the other."""
    far, tone = 1 + (look.size >= 36), luminance(look.paper[0])
    dark, light = color_of(dice, tone * 2 // 3, 10), color_of(dice, min(255, tone + 70), 10)
    sign = dice.pick((-1, 1))
    for color, way in ((light, -sign * far), (dark, sign * far)):
        image.paste(color, (way, way, way + mask.width, way + mask.height), mask)


SHADOWS: dict[str, Shadow] = {"shadow": _shadow, "relief": _relief}

"""Colors of text and paper that can be told apart."""

from __future__ import annotations

from data_gen.looks.dice import Dice, Table
from data_gen.looks.look import Color, Look

# Luminance of the paper, from and to: white most often, then any light one, then a middle one.
LIGHT = Table({(255, 255): 30, (238, 254): 30, (205, 240): 28, (150, 205): 12})
DARK = Table({(0, 0): 18, (4, 30): 34, (20, 70): 36, (60, 105): 12})
# How far the channels of a color lie from its luminance.
SATURATION = Table({0: 30, 40: 25, 90: 25, 160: 20})
# Channels that are cut off at 0 or 255 move the luminance away again: after so many rounds by next to nothing.
ROUNDS = 12


def luminance(color: Color) -> int:
    """Luminance of a color, 0 to 255.

    Example:
        >>> luminance((255, 255, 255)), luminance((0, 0, 255))
        (255, 29)
    """
    return (299 * color[0] + 587 * color[1] + 114 * color[2]) // 1000


def color_of(dice: Dice, wanted: int, saturation: int) -> Color:
    """A random color of about this luminance.

    Args:
        dice: Random numbers.
        wanted: The luminance, 0 to 255.
        saturation: How far its channels may lie from one another, 0 for grey.

    Example:
        >>> color = color_of(Dice(0), 120, 90)
        >>> color, luminance(color)
        ((171, 88, 156), 120)
    """
    channels = [wanted + dice.between(-saturation, saturation) for _ in range(3)]
    for _ in range(ROUNDS):
        red, green, blue = (min(255, max(0, channel)) for channel in channels)
        move = wanted - luminance((red, green, blue))
        if -2 < move < 2:
            break
        channels = [red + move, green + move, blue + move]
    return red, green, blue


def mixed(one: Color, other: Color, percent: int) -> Color:
    """A color between two: 0 is the first, 100 the second.

    Example:
        >>> mixed((0, 0, 0), (200, 100, 50), 10)
        (20, 10, 5)
    """
    red, green, blue = (a + (b - a) * percent // 100 for a, b in zip(one, other, strict=True))
    return red, green, blue


def colored(look: Look, dice: Dice) -> Look:
    """The look with colors of text and paper that differ by its contrast.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> look = colored(Look("AB", (Face(DEFAULT_FONTS[0]),) * 2, dark=True), Dice(0))
        >>> luminance(look.inks[0]) - luminance(look.paper[0]) >= 90
        True
    """
    low, high = dice.draw(DARK if look.dark else LIGHT)
    base, saturation = dice.between(low, high), dice.draw(SATURATION)
    paper = [color_of(dice, base, min(saturation, 40))]
    # Three more for gradients and patterns, nearer to the middle.
    for _ in range(3):
        away = dice.between(12, 60)
        paper.append(color_of(dice, base + away if look.dark else base - away, min(saturation, 60)))
    tones = [luminance(color) for color in paper]
    nearest = max(tones) + look.contrast if look.dark else min(tones) - look.contrast
    many = look.inking != "one"
    strength, saturation = dice.between(0, 100), max(dice.draw(SATURATION), 90 if many else 0)
    inks = []
    for _ in look.text if many else "1":
        # Black and white, or near to them, most often; and anything as far from the paper as it must be.
        share = strength * strength // 100 if not many or dice.chance(50) else dice.between(0, 100)
        end = 255 if look.dark else 0
        inks.append(color_of(dice, end + (nearest - end) * share // 100, saturation))
    return look._replace(paper=tuple(paper), inks=tuple(inks))

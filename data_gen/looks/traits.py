"""How characters stand and what colors they have: each trait changes a look that was plain before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data_gen.looks.dice import ONE, STEPS, Dice, Table, sine
from data_gen.looks.fonts import Face
from data_gen.looks.look import Look

Families = Sequence[Sequence[Face]]
Trait = Callable[[Look, Dice, Families], Look]

# Font sizes, from and to; and what part of the widest image a character may take on average, in fiftieths.
SIZES = Table({(14, 20): 14, (21, 30): 36, (31, 44): 34, (45, 64): 16})
WIDEST_TEXT = 240
SPACINGS = Table({"advance": 55, "ink": 30, "cells": 15})


def plain_look(text: str, dice: Dice, families: Families) -> Look:
    """A text in one font on white paper, without any trait.

    Example:
        >>> from data_gen.looks.fonts import families_of, installed_fonts
        >>> look = plain_look("AB12", Dice(0), families_of(installed_fonts()))
        >>> len(set(look.faces)), look.turns, look.disturbances
        (1, (), ())
    """
    low, high = dice.draw(SIZES)
    size = min(dice.between(low, high), WIDEST_TEXT * 100 // (len(text) * 62))
    face = dice.pick(dice.pick(families))
    across, down = dice.between(3, max(5, size // 2)), dice.between(3, max(4, size // 3))
    spacing = dice.draw(SPACINGS)
    widest = size // 6
    gaps = [dice.between(1 if spacing == "ink" else 0, max(1, widest))] * (len(text) - 1)
    # Standing on the line shows what is upper and what lower case; centring everything hides some of it.
    centred = dice.chance(12 if _mixes_cases(text) else 35)
    return Look(
        text,
        (face,) * len(text),
        size=size,
        spacing=spacing,
        gaps=tuple(gaps),
        centred=centred,
        room=(across, down, across, down),
    )


def _fonts(look: Look, dice: Dice, families: Families) -> Look:
    """Several fonts in one image."""
    few = [dice.pick(dice.pick(families)) for _ in range(dice.pick((2, 2, 3, 4)))]
    return look._replace(faces=tuple(dice.pick(few) for _ in look.text))


def _rotation(look: Look, dice: Dice, families: Families) -> Look:
    """Each character turned by another angle."""
    most = dice.between(4, 20 if _mixes_cases(look.text) else 35) * STEPS // 360
    return look._replace(turns=tuple(dice.between(-most, most) for _ in look.text))


def _slant(look: Look, dice: Dice, families: Families) -> Look:
    """Characters leaning to one side, all alike or each its own way."""
    most = ONE * dice.between(10, 40) // 100
    common = dice.between(-most, most)
    own = dice.chance(40)
    return look._replace(slants=tuple(dice.between(-most, most) if own else common for _ in look.text))


def _scale(look: Look, dice: Dice, families: Families) -> Look:
    """Each character in a size of its own."""
    most = dice.between(4, 9 if _mixes_cases(look.text) else 25)
    return look._replace(scales=tuple(100 + dice.between(-most, most) for _ in look.text))


def _stretch(look: Look, dice: Dice, families: Families) -> Look:
    """Characters wider or narrower than their font has them, all alike or each its own way."""
    common, own = dice.between(70, 145), dice.chance(40)
    return look._replace(stretches=tuple(dice.between(75, 140) if own else common for _ in look.text))


def _rise(look: Look, dice: Dice, families: Families) -> Look:
    """Each character at a height of its own."""
    most = max(1, look.size * dice.between(4, 28) // 100)
    return look._replace(rises=tuple(dice.between(-most, most) for _ in look.text))


def _slope(look: Look, dice: Dice, families: Families) -> Look:
    """The line of the text rising or falling."""
    most = max(1, look.size // max(3, len(look.text)))
    return look._replace(slope=dice.pick((-1, 1)) * dice.between(1, most))


def _tilt(look: Look, dice: Dice, families: Families) -> Look:
    """The whole line turned."""
    turn = dice.pick((-1, 1)) * dice.between(3, 14) * STEPS // 360
    return look._replace(turns=(turn,) * len(look.text), slope=look.size * 3 * sine(turn) // (5 * ONE))


def _wide(look: Look, dice: Dice, families: Families) -> Look:
    """Much space between characters, the same or not."""
    low, high = max(1, look.size // 8), max(2, look.size * dice.between(25, 80) // 100)
    even = dice.between(low, high)
    uneven = dice.chance(50)
    return look._replace(gaps=tuple(dice.between(low, high) if uneven else even for _ in look.text[1:]))


def _overlap(look: Look, dice: Dice, families: Families) -> Look:
    """Neighbours that touch or overlap."""
    most = max(1, look.size * dice.between(4, 16) // 100)
    return look._replace(spacing="ink", gaps=tuple(-dice.between(0, most) for _ in look.text[1:]))


def _tight(look: Look, dice: Dice, families: Families) -> Look:
    """Hardly any empty pixels around the text."""
    left, top, right, bottom = (dice.between(0, 2) for _ in range(4))
    return look._replace(room=(left, top, right, bottom))


def _roomy(look: Look, dice: Dice, families: Families) -> Look:
    """A small text in a large image."""
    across, down = dice.between(10, 80), dice.between(6, 30)
    return look._replace(size=min(look.size, 34), room=(across, down, across, down))


def _off_centre(look: Look, dice: Dice, families: Families) -> Look:
    """The text nearer to one side than to the other."""
    left, top, right, bottom = look.room
    across, down = left + right, top + bottom
    # At the left edge most often: there a simple program begins to write.
    x = dice.between(0, min(across, 8)) if dice.chance(50) else dice.between(0, across)
    y = dice.between(0, down)
    return look._replace(room=(x, y, across - x, down - y))


def _cut(look: Look, dice: Dice, families: Families) -> Look:
    """The outermost pixels of the text cut off at one side."""
    sides = [0, 0, 0, 0]
    side = dice.below(4)
    sides[side] = look.room[side] + max(1, look.size * dice.between(2, 8) // 100)
    left, top, right, bottom = sides
    return look._replace(cut=(left, top, right, bottom))


def _light_on_dark(look: Look, dice: Dice, families: Families) -> Look:
    return look._replace(dark=True)


def _low_contrast(look: Look, dice: Dice, families: Families) -> Look:
    """Text hardly darker, or lighter, than the paper."""
    return look._replace(contrast=dice.between(42, 70))


def _colors(look: Look, dice: Dice, families: Families) -> Look:
    """Each character in a color of its own."""
    return look._replace(inking="each")


def _shaded(look: Look, dice: Dice, families: Families) -> Look:
    """The color of the text going over into another."""
    return look._replace(inking="shaded")


# For each trait of how many of a hundred images it is a part; the later wins where two say something about the same.
STANDING: dict[str, tuple[int, Trait]] = {
    "fonts": (22, _fonts),
    "rotation": (48, _rotation),
    "slant": (14, _slant),
    "scale": (24, _scale),
    "stretch": (18, _stretch),
    "rise": (34, _rise),
    "slope": (6, _slope),
    "tilt": (6, _tilt),
    "wide": (20, _wide),
    "overlap": (14, _overlap),
    "tight": (10, _tight),
    "roomy": (12, _roomy),
    "off_centre": (20, _off_centre),
    "cut": (2, _cut),
}
COLORING: dict[str, tuple[int, Trait]] = {
    "light_on_dark": (22, _light_on_dark),
    "low_contrast": (8, _low_contrast),
    "shaded": (6, _shaded),
    "colors": (22, _colors),
}


def _mixes_cases(text: str) -> bool:
    """Whether size and height tell which case a letter has."""
    return any(c.islower() for c in text) and any(c.isupper() or c.isdigit() for c in text)

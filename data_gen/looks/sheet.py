"""A contact sheet of random looks, ingredient by ingredient: `python -m data_gen.looks.sheet docs/looks.png`."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from captcha.image import DEFAULT_FONTS
from PIL import Image, ImageDraw, ImageFont

from captcha_keras.files import write_atomically
from data_gen.looks.compose import INGREDIENTS, draw_look, look_with
from data_gen.looks.dice import Dice
from data_gen.looks.fonts import families_of, installed_fonts
from data_gen.looks.render import rendered
from data_gen.looks.settings import ANY_SPEC
from data_gen.looks.texts import LookTexts
from data_gen.looks.traits import Families

PAPER = (225, 225, 225)
CELL = 128, 52
GAP, CAPTION = 6, 84
EXAMPLES, BLOCKS, WHOLE = 4, 2, 90


def sheet(seed: int = 0) -> Image.Image:
    """A row of examples for each ingredient, and whole looks below.

    Args:
        seed: Of the examples.

    Returns:
        An RGB image about 1,200 pixels wide.

    Example:
        >>> sheet().mode
        'RGB'
    """
    families, texts = families_of(installed_fonts()), LookTexts(ANY_SPEC)
    ingredients = _ingredients(families, texts, seed)
    dices = [Dice(f"sheet {seed} {number}") for number in range(WHOLE)]
    whole = [rendered(draw_look(texts.draw(dice), dice, families)) for dice in dices]
    places, height = _flowing([image.size for image in whole], ingredients.width, ingredients.height + 2 * GAP)
    result = Image.new("RGB", (ingredients.width, height), PAPER)
    result.paste(ingredients, (0, 0))
    for image, place in zip(whole, places, strict=True):
        result.paste(image, place)
    return result


def _ingredients(families: Families, texts: LookTexts, seed: int) -> Image.Image:
    names = [name for family in INGREDIENTS.values() for name in family]
    rows = -(-len(names) // BLOCKS)
    width, height = CELL[0] + GAP, CELL[1] + GAP
    block = CAPTION + EXAMPLES * width
    image = Image.new("RGB", (BLOCKS * block + GAP, rows * height + GAP), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.truetype(DEFAULT_FONTS[0], 11)
    for number, name in enumerate(names):
        left, top = GAP + number // rows * block, GAP + number % rows * height
        draw.text((left, top + CELL[1] // 2), name, fill="black", font=font, anchor="lm")
        for column, example in enumerate(_examples(name, families, texts, seed)):
            x = left + CAPTION + column * width + (CELL[0] - example.width) // 2
            image.paste(example, (x, top + (CELL[1] - example.height) // 2))
    return image


def _examples(name: str, families: Families, texts: LookTexts, seed: int) -> list[Image.Image]:
    """Looks with one ingredient that are no larger than a cell."""
    found: list[Image.Image] = []
    for number in count():
        dice = Dice(f"sheet {seed} {name} {number}")
        image = rendered(look_with(name, texts.draw(dice), dice, families))
        if image.width <= CELL[0] and image.height <= CELL[1]:
            found.append(image)
            if len(found) == EXAMPLES:
                break
    return found


def _flowing(sizes: list[tuple[int, int]], width: int, top: int) -> tuple[list[tuple[int, int]], int]:
    """Places of images in rows from `top` on, and where the last row ends."""
    places: list[tuple[int, int]] = []
    left, tallest = GAP, 0
    for across, down in sizes:
        if left + across + GAP > width:
            left, top, tallest = GAP, top + tallest + GAP, 0
        places.append((left, top))
        left, tallest = left + across + GAP, max(tallest, down)
    return places, top + tallest + GAP


if __name__ == "__main__":
    write_atomically(Path(sys.argv[1]), sheet().save)

"""What a model reads of random looks, ingredient by ingredient, and a picture of what it misreads.

python -m benchmarks.looks_read [--model any] [--picture docs/misread.png]

Each image is of a series that no training draws. The model knows of each which kind of characters it may have and how
many, as an attacker who looks at a site does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from captcha.image import DEFAULT_FONTS
from PIL import Image, ImageDraw, ImageFont

from benchmarks.measure import environment, write_results
from captcha_keras.evaluation.rates import Rate
from captcha_keras.files import write_atomically
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import NAMED_ALPHABETS
from data_gen.looks.compose import INGREDIENTS
from data_gen.looks.drawer import LookDrawer
from data_gen.looks.look import Look
from data_gen.looks.render import rendered
from data_gen.looks.settings import ANY_SPEC, LookSettings
from data_gen.looks.texts import LookTexts

SEED = 4_000_037
BATCH = 256
CELL, CAPTION, COLUMNS, GAP = (190, 70), 16, 6, 6


@dataclass(frozen=True)
class Reading:
    """An image, and what the model made of it.

    Attributes:
        look: Everything decided for the image.
        image: The image.
        text: What the model read.
    """

    look: Look
    image: Image.Image
    text: str

    @property
    def right(self) -> bool:
        """Whether every character is right, case included."""
        return self.text == self.look.text


def ingredients(look: Look) -> set[str]:
    """The ingredients of a look that were drawn by number, or "library"; those of characters have no name in a look."""
    if look.library is not None:
        return {"library"}
    steps = [look.background, *look.effects, *(mark.step for mark in look.disturbances), *look.finishing]
    return {step.name for step in (*steps, look.warp) if step is not None and step.name != "plain"}


def kind(text: str) -> str:
    """The characters of the kinds that a text has: digits, capitals, lower-case letters."""
    return "".join(group for group in NAMED_ALPHABETS.values() if set(group) & set(text))


def readings(recognizer: Recognizer, count: int) -> list[Reading]:
    """Read the first images of the series."""
    drawer = LookDrawer(LookTexts(ANY_SPEC), SEED, LookSettings())
    looks = [drawer.look(index) for index in range(count)]
    result = []
    for look in looks:
        image = rendered(look)
        read = recognizer.read(image, alphabet=kind(look.text), length=len(look.text))
        result.append(Reading(look, image, read.text))
    return result


def rates(found: Sequence[Reading]) -> dict[str, Rate]:
    """The fraction read right of all images, and of those that have an ingredient, or none."""
    groups: dict[str, list[bool]] = {"all": [], "all, case folded": [], "none of them": []}
    for reading in found:
        groups["all"].append(reading.right)
        groups["all, case folded"].append(reading.text.lower() == reading.look.text.lower())
        for name in ingredients(reading.look) or {"none of them"}:
            groups.setdefault(name, []).append(reading.right)
    order = ["all", "all, case folded", "none of them", *(name for family in INGREDIENTS.values() for name in family)]
    return {name: Rate.of(np.array(groups[name])) for name in order if groups.get(name)}


def picture(found: Sequence[Reading], rows: int) -> Image.Image:
    """The first misread images, with what they say and what was read."""
    wrong = [reading for reading in found if not reading.right][: rows * COLUMNS]
    width, height = CELL[0] + GAP, CELL[1] + CAPTION + GAP
    result = Image.new("RGB", (COLUMNS * width + GAP, -(-len(wrong) // COLUMNS) * height + GAP), (235, 235, 235))
    draw, font = ImageDraw.Draw(result), ImageFont.truetype(DEFAULT_FONTS[0], 12)
    for number, reading in enumerate(wrong):
        left, top = GAP + number % COLUMNS * width, GAP + number // COLUMNS * height
        image = reading.image.copy()
        image.thumbnail(CELL)
        result.paste(image, (left + (CELL[0] - image.width) // 2, top + (CELL[1] - image.height) // 2))
        caption = f"{reading.look.text} read {reading.text}"
        draw.text((left + CELL[0] // 2, top + CELL[1] + 2), caption, fill="black", font=font, anchor="ma")
    return result


def main() -> None:
    """Measure, print the table, write it and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="any", metavar="MODEL", help="a pretrained model, a run, a version (any)")
    parser.add_argument("--count", type=int, default=6000, metavar="N", help="images (%(default)s)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw what is misread")
    given = parser.parse_args()
    found = readings(Recognizer.load(given.model), given.count)
    rows: dict[str, Any] = {}
    for name, rate in rates(found).items():
        print(f"{name:20}{rate.total:7,}{rate.fraction:9.1%}   {rate.low:.1%} - {rate.high:.1%}")
        rows[name] = rate.__dict__
    if given.picture:
        write_atomically(given.picture, picture(found, rows=12).save)
    packages = environment(["captcha", "pillow", "tensorflow", "keras"])
    write_results("looks_read", {**packages, "model": given.model, "seed": SEED, "rows": rows})


if __name__ == "__main__":
    main()

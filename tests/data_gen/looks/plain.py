"""Fonts and looks that do not depend on which packages are installed."""

from __future__ import annotations

from pathlib import Path

from data_gen.looks.dice import Dice
from data_gen.looks.fonts import families_of, installed_fonts
from data_gen.looks.look import Look
from data_gen.looks.traits import plain_look

NAMES = ("DroidSansMono.ttf", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf")
FONTS = tuple(path for path in installed_fonts() if Path(path).name in NAMES)
FAMILIES = families_of(FONTS)
PAPER = ((250, 250, 240), (200, 220, 250), (230, 190, 200), (210, 240, 190))


def plain(text: str = "AB12", seed: int = 0, size: int = 36) -> Look:
    """A text in one font, black on its paper."""
    return plain_look(text, Dice(seed), FAMILIES)._replace(size=size, paper=PAPER)

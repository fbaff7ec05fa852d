"""Draws image k of a series of random looks."""

from __future__ import annotations

from PIL import Image

from data_gen.looks.compose import draw_look
from data_gen.looks.dice import Dice
from data_gen.looks.fonts import families_of
from data_gen.looks.look import Look
from data_gen.looks.render import rendered
from data_gen.looks.settings import LookSettings
from data_gen.looks.texts import LookTexts


class LookDrawer:
    """Draws image k: a function of the seed, k, the texts and the settings alone.

    Args:
        texts: What draws the texts.
        seed: Seed of the series, or its name.
        settings: Ingredients and fonts.

    Example:
        >>> from data_gen.looks.settings import ANY_SPEC
        >>> drawer = LookDrawer(LookTexts(ANY_SPEC), 0, LookSettings())
        >>> drawer.text(3), drawer.look(3).text, drawer.image(3)[0]
        ('OOEOD', 'OOEOD', 'OOEOD')
    """

    def __init__(self, texts: LookTexts, seed: int | str, settings: LookSettings) -> None:
        self._texts, self._seed = texts, seed
        self._families = families_of(settings.fonts)
        self._without = frozenset(settings.without)

    def text(self, index: int) -> str:
        """The text of image `index`."""
        return self._texts.draw(self._dice(index))

    def look(self, index: int) -> Look:
        """Everything decided for image `index`."""
        dice = self._dice(index)
        return draw_look(self._texts.draw(dice), dice, self._families, self._without)

    def image(self, index: int) -> tuple[str, Image.Image]:
        """Text and picture of image `index`, RGB, of a size of its own."""
        look = self.look(index)
        return look.text, rendered(look)

    def _dice(self, index: int) -> Dice:
        return Dice(f"captcha-keras {self._seed} {index}")

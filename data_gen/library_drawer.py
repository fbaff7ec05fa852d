"""Draws image k of a series that has one style."""

from __future__ import annotations

from functools import cached_property

from captcha.image import ImageCaptcha
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen.fast_captcha import FastCaptcha
from data_gen.layout import Layout
from data_gen.randomness import SeededSecrets, seeded
from data_gen.renderer import make_renderer
from data_gen.style import Style
from data_gen.texts import TextSource


class LibraryDrawer:
    """Draws image k with the code of `captcha`, or with ours that gives the same pixels.

    Args:
        texts: What draws the texts.
        seed: Seed of the series, or its name.
        spec: Texts and size.
        style: The look.
        renderer: "auto", "fast" or "library"; see `make_renderer`.

    Example:
        >>> spec = CaptchaSpec()
        >>> drawer = LibraryDrawer(TextSource(spec), 0, spec, Style())
        >>> drawer.text(0), drawer.image(0)[0]
        ('ETQR', 'ETQR')
    """

    def __init__(
        self, texts: TextSource, seed: int | str, spec: CaptchaSpec, style: Style, renderer: str = "auto"
    ) -> None:
        self._texts, self._seed, self._spec, self._style = texts, seed, spec, style
        self._renderer_name = renderer

    @cached_property
    def renderer(self) -> ImageCaptcha:
        """What draws; made when it is first needed, for texts alone need none."""
        return make_renderer(self._spec, self._style, self._renderer_name)

    @property
    def layout(self) -> Layout | None:
        """The layout of the text drawn last; None where the library's own code draws."""
        return self.renderer.layout if isinstance(self.renderer, FastCaptcha) else None

    def text(self, index: int) -> str:
        """The text of image `index`."""
        return self._texts.draw(SeededSecrets(self._seed, index))

    def image(self, index: int) -> tuple[str, Image.Image]:
        """Text and picture of image `index`."""
        secrets = SeededSecrets(self._seed, index)
        text = self._texts.draw(secrets)
        with seeded(secrets):
            return text, self.renderer.generate_image(text)

"""(settings, index) -> text and image. Pure: the same arguments give the same bytes everywhere."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from captcha.image import ImageCaptcha
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen.fast_captcha import FastCaptcha
from data_gen.layout import Layout
from data_gen.randomness import SeededSecrets, seeded
from data_gen.renderer import make_renderer
from data_gen.style import Style
from data_gen.texts import TextSource

SAVE_OPTIONS: dict[str, dict[str, int]] = {
    # 4:4:4: the colour of a thin stroke survives; quality 95 costs about 10 kB an image.
    "jpeg": {"quality": 95, "subsampling": 0},
    # Level 6, Pillow's own, takes longer than drawing for files a tenth smaller (benchmarks/encoding_speed.py).
    "png": {"compress_level": 1},
}


@dataclass(frozen=True)
class Drawing:
    """One drawn CAPTCHA.

    Attributes:
        text: Its text.
        content: The bytes of the image file.
    """

    text: str
    content: bytes

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The decoded file: uint8 RGB, shape `(height, width, 3)`."""
        with Image.open(io.BytesIO(self.content)) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True)
class Series:
    """What decides an endless series of images; see `ImageSource` for the fields.

    Attributes:
        spec: Alphabet, length and size of the images.
        seed: Seed of the series.
        image_format: "jpeg" or "png".
        style: The look.
        distinct: Whether no character occurs twice in a text.
        weights: Characters that are drawn more often, each with its weight.
    """

    spec: CaptchaSpec
    seed: int | str
    image_format: str = "jpeg"
    style: Style = field(default_factory=Style)
    distinct: bool = False
    weights: tuple[tuple[str, int], ...] = ()

    def source(self, renderer: str = "auto") -> ImageSource:
        """What draws it."""
        return ImageSource(
            self.spec,
            self.seed,
            self.image_format,
            self.style,
            distinct=self.distinct,
            weights=dict(self.weights),
            renderer=renderer,
        )


class ImageSource:
    """Draws image k of an endless series; each image depends on the arguments and k alone.

    Args:
        spec: Alphabet, length and size of the images.
        seed: Seed of the series; a name makes a series apart from every numbered one.
        image_format: "jpeg" (quality 95, no chroma subsampling) or "png".
        style: The look.
        distinct: Whether no character occurs twice in a text.
        weights: How many times as often a character is drawn; see `TextSource`.
        renderer: "auto", "fast" or "library"; the bytes are the same.
    """

    def __init__(
        self,
        spec: CaptchaSpec,
        seed: int | str,
        image_format: str = "jpeg",
        style: Style | None = None,
        *,
        distinct: bool = False,
        weights: Mapping[str, int] | None = None,
        renderer: str = "auto",
    ) -> None:
        self.spec = spec
        self.seed = seed
        self.image_format = image_format
        self.style = style or Style()
        self._texts = TextSource(spec, distinct=distinct, weights=weights)
        self._renderer_name = renderer

    @cached_property
    def renderer(self) -> ImageCaptcha:
        """What draws; made when it is first needed, for texts alone need none."""
        return make_renderer(self.spec, self.style, self._renderer_name)

    def text(self, index: int) -> str:
        """The text of image `index`, without drawing it."""
        return self._texts.draw(SeededSecrets(self.seed, index))

    def image(self, index: int) -> tuple[str, Image.Image]:
        """Text and picture of image `index`, not encoded."""
        secrets = SeededSecrets(self.seed, index)
        text = self._texts.draw(secrets)
        with seeded(secrets):
            return text, self.renderer.generate_image(text)

    def image_and_layout(self, index: int) -> tuple[str, Image.Image, Layout | None]:
        """Text, picture and layout of image `index`; no layout where the library's own code draws."""
        text, image = self.image(index)
        return text, image, self.renderer.layout if isinstance(self.renderer, FastCaptcha) else None

    def draw(self, index: int) -> Drawing:
        """Draw image `index` and encode it."""
        text, image = self.image(index)
        content = io.BytesIO()
        image.save(content, self.image_format, **SAVE_OPTIONS[self.image_format])
        return Drawing(text, content.getvalue())

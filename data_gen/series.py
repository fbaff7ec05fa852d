"""An endless series of images: (series, index) to text and image, the same bytes everywhere."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.fast_captcha import FastCaptcha
from data_gen.layout import Layout
from data_gen.library_drawer import LibraryDrawer
from data_gen.looks.drawer import LookDrawer
from data_gen.looks.settings import LookSettings
from data_gen.looks.texts import LookTexts
from data_gen.style import Style
from data_gen.texts import TextSource

SAVE_OPTIONS: dict[str, dict[str, int]] = {
    # 4:4:4: the colour of a thin stroke survives; quality 95 costs about 10 kB an image.
    "jpeg": {"quality": 95, "subsampling": 0},
    # Level 6, Pillow's own, takes longer than drawing for files a tenth smaller (benchmarks/encoding_speed.py).
    "png": {"compress_level": 1},
}
IMAGE_FORMATS = tuple(SAVE_OPTIONS)
# captcha draws its noise curve with a height and a width of at least a fifth of the image.
MIN_SIDE = 10
MIN_GLYPH_WIDTH = 4


@dataclass(frozen=True)
class Drawing:
    """One drawn CAPTCHA.

    Attributes:
        text: Its text.
        content: The bytes of the image file.
        size: Its width and height in pixels.

    Example:
        >>> from data_gen import Series
        >>> drawing = Series().source().draw(0)
        >>> drawing.text, drawing.content[6:10], drawing.pixels.shape
        ('ETQR', b'JFIF', (80, 170, 3))
    """

    text: str
    content: bytes
    size: tuple[int, int]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The decoded file: uint8 RGB, shape `(height, width, 3)`."""
        with Image.open(io.BytesIO(self.content)) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True)
class Series:
    """An endless series of images; image k depends on these fields and k alone.

    Attributes:
        spec: Alphabet, length and size of the images.
        seed: Seed of the series, at least 0; a name makes a series apart from every numbered one.
        image_format: "jpeg" (quality 95, no chroma subsampling) or "png".
        style: The look, or the settings of random looks, whose images have sizes of their own.
        distinct: Whether no character occurs twice in a text.
        weights: How many times as often a character is drawn, as pairs; see `TextSource`.

    Raises:
        InputError: A field is out of range, or the texts do not fit into the images.

    Example:
        >>> from captcha_keras import CaptchaSpec
        >>> from data_gen import Series
        >>> source = Series(CaptchaSpec("0123456789", 2, 4), seed=3).source()
        >>> [source.text(index) for index in range(3)]
        ['0191', '721', '30']
    """

    spec: CaptchaSpec = field(default_factory=CaptchaSpec)
    seed: int | str = 0
    image_format: str = "jpeg"
    style: Style | LookSettings = field(default_factory=Style)
    distinct: bool = False
    weights: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        spec, gap = self.spec, self.style.gap if isinstance(self.style, Style) else None
        if isinstance(self.seed, int) and self.seed < 0:
            raise InputError(f"The seed must be at least 0, got {self.seed}.")
        if self.image_format not in IMAGE_FORMATS:
            raise InputError(f"The image_format must be {' or '.join(IMAGE_FORMATS)}, got {self.image_format!r}.")
        if spec.width < MIN_SIDE or spec.height < MIN_SIDE:
            raise InputError(
                f"Images must be at least {MIN_SIDE}x{MIN_SIDE} pixels to be drawn, got {spec.width}x{spec.height}."
            )
        if gap is not None and spec.width < (needed := spec.max_length * (MIN_GLYPH_WIDTH + gap) + gap):
            raise InputError(
                f"{spec.max_length} characters with {gap} empty columns between them need a width of at least "
                f"{needed} pixels, got {spec.width}."
            )
        if isinstance(self.style, LookSettings) and not spec.keep_aspect:
            raise InputError("Random looks have sizes of their own: their spec needs keep_aspect=True.")
        self.drawer()

    def source(self, renderer: str = "auto") -> ImageSource:
        """Make what draws the images; see `ImageSource`."""
        return ImageSource(self, renderer)

    def drawer(self, renderer: str = "auto") -> LibraryDrawer | LookDrawer:
        """Make what draws text and picture of an image; see `ImageSource`, which also encodes it."""
        options: dict[str, Any] = {"distinct": self.distinct, "weights": dict(self.weights)}
        if isinstance(self.style, LookSettings):
            return LookDrawer(LookTexts(self.spec, **options), self.seed, self.style)
        return LibraryDrawer(TextSource(self.spec, **options), self.seed, self.spec, self.style, renderer)


class ImageSource:
    """Draws image k of a series.

    Args:
        series: The series.
        renderer: "auto", "fast" or "library"; the bytes are the same. See `make_renderer`.

    Attributes:
        series: The series.

    Example:
        >>> from data_gen import Series
        >>> source = Series(seed=0, image_format="png").source()
        >>> text, image = source.image(0)
        >>> text, image.size
        ('ETQR', (170, 80))
        >>> source.draw(0).text == source.text(0) == text
        True
    """

    def __init__(self, series: Series, renderer: str = "auto") -> None:
        self.series = series
        self._drawer = series.drawer(renderer)

    @property
    def falls_back(self) -> bool:
        """Whether the library's own code draws, because the fast renderer would draw otherwise."""
        return isinstance(self._drawer, LibraryDrawer) and not isinstance(self._drawer.renderer, FastCaptcha)

    def text(self, index: int) -> str:
        """The text of image `index`, without drawing it."""
        return self._drawer.text(index)

    def image(self, index: int) -> tuple[str, Image.Image]:
        """Text and picture of image `index`, not encoded; a picture of a random look has a size of its own."""
        return self._drawer.image(index)

    def image_and_layout(self, index: int) -> tuple[str, Image.Image, Layout | None]:
        """Text, picture and layout of image `index`; no layout of random looks, and where the library's code draws."""
        text, image = self.image(index)
        return text, image, self._drawer.layout if isinstance(self._drawer, LibraryDrawer) else None

    def draw(self, index: int) -> Drawing:
        """Draw image `index` and encode it."""
        text, image = self.image(index)
        content, image_format = io.BytesIO(), self.series.image_format
        image.save(content, image_format, **SAVE_OPTIONS[image_format])
        return Drawing(text, content.getvalue(), image.size)

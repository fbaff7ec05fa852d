"""The library's pixels, drawn faster.

What saves time: the image of a character before it is rotated is drawn once (the crop that follows makes it depend on
font and character alone), blanks are counted and not drawn, dots are points of a known shape, the smoothing filter is
computed in whole numbers, and Pillow's C functions are called without their Python wrappers (`pillow_core.py`).
Everything else, the order of the random draws included, is `captcha.image.ImageCaptcha`'s;
`tests/data_gen/test_fast_captcha.py` compares the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from captcha import image as captcha_image
from captcha.image import ColorTuple
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.ImageFont import FreeTypeFont

from data_gen.layout import Layout, mean_overlap
from data_gen.pillow_core import BICUBIC, CORE, DITHER, NEAREST, QUAD, Core, quad_coefficients, rotated
from data_gen.style import Style
from data_gen.styled_captcha import StyledCaptcha

CACHED_GLYPHS = 4096
# From this alpha on, no pixel of a glyph vanishes when its coverage is multiplied by it: below, the crop differs.
MIN_ALPHA = 128
# 32 random bits divided by it are a fraction from 0 to below 1, as the library draws one.
RANDOM_RANGE = 2**32


@dataclass(frozen=True)
class _Warped:
    """A character rotated and warped: its RGBA image (None for a blank), its size, the number of its font."""

    ink: Core | None
    width: int
    height: int
    font: int


@dataclass(frozen=True)
class _Glyph:
    """A character in one font.

    Attributes:
        width: Its width in pixels, as the library measures it.
        height: Its height, likewise.
        coverage: 8-bit coverage of the box around its ink; None for a blank.
        box: Left, top, right and bottom of that box from where the text starts.
    """

    width: int
    height: int
    coverage: Image.Image | None
    box: tuple[int, int, int, int]

    def fits(self, dx: int, dy: int) -> bool:
        """Whether nothing of it is cut off when it is drawn at (dx, dy) as the library does."""
        left, top, right, bottom = self.box
        return left + dx >= 0 and top + dy >= 0 and right <= self.width and bottom <= self.height


class FastCaptcha(StyledCaptcha):
    """`StyledCaptcha` at two to three times its speed, with the same bytes from the same random numbers.

    Args:
        width: Width of an image in pixels.
        height: Height of an image in pixels.
        style: How it looks; the library's look by default.

    Example:
        >>> from data_gen.randomness import SeededSecrets, seeded
        >>> def draw(captcha):
        ...     with seeded(SeededSecrets(seed=0, index=5)):
        ...         return captcha.generate_image("AB12").tobytes()
        >>> draw(FastCaptcha(170, 80)) == draw(captcha_image.ImageCaptcha(170, 80))
        True
    """

    def __init__(self, width: int, height: int, style: Style | None = None) -> None:
        super().__init__(width, height, style)
        # Of the text that was drawn last: its width, and left edge, width and font of each character.
        self._placed: tuple[int, list[tuple[int, int, int]]] | None = None
        self._glyph = lru_cache(CACHED_GLYPHS)(_measure)
        self._dot = _dot_shape(self.style.noise_dot_width)
        # Cached between images: arrays of this size made anew each time cost more in page faults than in arithmetic.
        self._buffers = lru_cache(1)(_smoothing_buffers)

    @property
    def layout(self) -> Layout | None:
        """Of the text that was drawn last; None before the first, and for a style with a `gap`."""
        if self._placed is None:
            return None
        text_width, places = self._placed
        return Layout(
            squeeze=min(1.0, self._width / text_width),
            overlap=mean_overlap([(left, width) for left, width, _ in places]),
            fonts=tuple(font for _, _, font in places),
        )

    def create_captcha_image(self, chars: str, color: ColorTuple, background: ColorTuple) -> Image.Image:
        """Draw the text alone."""
        if self.style.gap is not None:
            return super().create_captcha_image(chars, color, background)
        secrets = captcha_image.secrets
        glyphs: list[_Warped] = []
        for character in chars:
            if secrets.randbits(32) / RANDOM_RANGE > self.word_space_probability:
                glyphs.append(self._warped(" ", color))
            glyphs.append(self._warped(character, color))
        text_width = sum(glyph.width for glyph in glyphs)
        average = int(text_width / len(chars))
        overlap = int(self.word_offset_dx * average)
        left = int(average * 0.1)
        # Wide enough from the start: the library resizes an empty image, which changes no pixel's colour.
        image = Image.new("RGB", (max(text_width, self._width), self._height), background)
        places = []
        for glyph in glyphs:
            if glyph.ink is not None:
                top = int((self._height - glyph.height) / 2)
                mask = glyph.ink.convert("L", DITHER).point(self.lookup_table, None)
                image.im.paste(glyph.ink, (left, top, left + glyph.width, top + glyph.height), mask)
                places.append((left, glyph.width, glyph.font))
            left += glyph.width - secrets.randbelow(overlap + 1)
        self._placed = text_width, places
        return image.resize((self._width, self._height)) if text_width > self._width else image

    def draw_noise(self, image: Image.Image, color: ColorTuple) -> None:
        """Draw dots and curves into the image."""
        randbelow = captcha_image.secrets.randbelow
        width, height = image.size
        places = [(randbelow(width + 1), randbelow(height + 1)) for _ in range(self.style.noise_dots)]
        if places:
            pixels = np.array(places, np.float32)[:, None] + self._dot
            # Pillow reads a float32 array as it is, where a list would be unpacked number by number.
            points: Any = pixels.ravel()
            ImageDraw.Draw(image).point(points, fill=color)
        for _ in range(self.style.noise_curves):
            self.create_noise_curve(image, color)

    def smoothed(self, image: Image.Image) -> Image.Image:
        """The image filtered as by Pillow's SMOOTH: the sum of a pixel's neighbours and five times itself, by 13.

        Pillow computes it in floating point and rounds; the exact value lies at least 1/26 from where rounding
        turns, so that whole numbers give the same. It leaves the outermost pixels as they are.
        """
        width, height = image.size
        if width < 3 or height < 3:
            return super().smoothed(image)
        # Pillow keeps RGB in four bytes; taking them as they are saves the packing.
        rows = np.frombuffer(image.tobytes("raw", "RGBX"), np.uint8).reshape(height, width * 4)
        wide, columns, total, result = self._buffers(width, height)
        np.copyto(wide, rows)
        np.add(wide[:-2], wide[1:-1], out=columns)
        columns += wide[2:]
        np.add(columns[:, :-8], columns[:, 4:-4], out=total)
        total += columns[:, 8:]
        middle = wide[1:-1, 4:-4]
        middle <<= 2
        total += middle
        total += 6
        total //= 13
        np.copyto(result, rows)
        np.copyto(result[1:-1, 4:-4], total, casting="unsafe")
        return Image.frombytes("RGB", (width, height), result.tobytes(), "raw", "RGBX")

    def _draw_character(self, c: str, draw: ImageDraw.ImageDraw, color: ColorTuple) -> Image.Image:
        glyph = self._warped(c, color)
        image = Image.new("RGBA", (glyph.width, glyph.height))
        if glyph.ink is not None:
            image.im = glyph.ink
        return image

    def _warped(self, character: str, color: ColorTuple) -> _Warped:
        """A character rotated and warped."""
        secrets = captcha_image.secrets
        chosen = secrets.choice(range(len(self.truefonts)))
        font, number = self.truefonts[chosen], chosen // len(self.style.font_sizes)
        glyph = self._glyph(font, character)
        width, height = glyph.width, glyph.height
        low, high = self.character_offset_dx
        dx = secrets.randbelow(high - low + 1) + low
        low, high = self.character_offset_dy
        dy = secrets.randbelow(high - low + 1) + low
        randbits = secrets.randbits
        if glyph.coverage is None:
            for _ in range(7):
                randbits(32)
            return _Warped(None, width, height, number)
        turn, wide, tall, east1, south1, east2, south2 = [randbits(32) / RANDOM_RANGE for _ in range(7)]

        start, end = self.character_rotate
        image = rotated(_ink(glyph, font, character, color, dx, dy), (start + turn * (end - start)) % 360.0)

        # The library's own arithmetic, term by term: another order rounds differently.
        low_fraction, high_fraction = self.character_warp_dx
        reach_x = width * wide * (high_fraction - low_fraction) + low_fraction
        low_fraction, high_fraction = self.character_warp_dy
        reach_y = height * tall * (high_fraction - low_fraction) + low_fraction
        x1 = int(east1 * (reach_x - (-reach_x)) + (-reach_x))
        y1 = int(south1 * (reach_y - (-reach_y)) + (-reach_y))
        x2 = int(east2 * (reach_x - (-reach_x)) + (-reach_x))
        y2 = int(south2 * (reach_y - (-reach_y)) + (-reach_y))
        size = (width + abs(x1) + abs(x2), height + abs(y1) + abs(y2))
        resized = size != image.size
        if resized:
            image = image.convert("RGBa", DITHER).resize(size, BICUBIC, (0, 0, *image.size))
        corners = ((x1, y1), (-x1, size[1] - y2), (size[0] + x2, size[1] + y2), (size[0] - x2, -y1))
        warped = CORE.new(image.mode, (width, height))
        warped.transform((0, 0, width, height), image, QUAD, quad_coefficients(corners, width, height), NEAREST, True)
        # Taking the nearest pixel and dividing by alpha commute: the smaller image is converted.
        return _Warped(warped.convert("RGBA", DITHER) if resized else warped, width, height, number)


def _measure(font: FreeTypeFont, character: str) -> _Glyph:
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    _, _, right, bottom = draw.multiline_textbbox((1, 1), character, font=font)
    width, height = int(right), int(bottom)
    margin = max(width, height) + 8
    canvas = Image.new("L", (width + 2 * margin, height + 2 * margin))
    ImageDraw.Draw(canvas).text((margin, margin), character, font=font, fill=255)
    box = canvas.getbbox()
    if box is None:
        return _Glyph(width, height, None, (0, 0, 0, 0))
    left, top, right, bottom = (edge - margin for edge in box)
    return _Glyph(width, height, canvas.crop(box), (left, top, right, bottom))


def _ink(glyph: _Glyph, font: FreeTypeFont, character: str, color: ColorTuple, dx: int, dy: int) -> Core:
    """The character in its colour, RGBA, cropped to its ink."""
    opaque = isinstance(color, tuple) and (len(color) == 3 or color[3] >= MIN_ALPHA)
    if opaque and glyph.coverage is not None and glyph.fits(dx, dy):
        size = glyph.coverage.size
        image = CORE.new("RGBA", size)
        image.paste(color, (0, 0, *size), glyph.coverage.im)
        return image
    drawn = Image.new("RGBA", (glyph.width + dx, glyph.height + dy))
    ImageDraw.Draw(drawn).text((dx, dy), character, font=font, fill=color)
    return drawn.crop(drawn.getbbox()).im


def _smoothing_buffers(width: int, height: int) -> tuple[NDArray[Any], ...]:
    return (
        np.empty((height, width * 4), np.uint16),
        np.empty((height - 2, width * 4), np.uint16),
        np.empty((height - 2, width * 4 - 8), np.uint16),
        np.empty((height, width * 4), np.uint8),
    )


def _dot_shape(width: int) -> NDArray[np.float32]:
    """Where the pixels of a dot lie from its place: (columns, rows), shape `(N, 2)`."""
    middle = 4 * width + 4
    canvas = Image.new("L", (2 * middle, 2 * middle))
    ImageDraw.Draw(canvas).line(((middle, middle), (middle - 1, middle - 1)), fill=255, width=width)
    rows, columns = np.nonzero(np.asarray(canvas))
    return (np.stack([columns, rows], axis=1) - middle).astype(np.float32)

"""Pictures of single characters, rotated, sheared and scaled."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from data_gen.looks.dice import ONE, cosine, sine
from data_gen.looks.fonts import Face, font_of
from data_gen.pillow_core import AFFINE, BILINEAR, CORE, Core

# Empty pixels around a glyph, so that its edge is smooth where it is rotated.
MARGIN = 2
# Small text is drawn at its own size, sharp as a program draws it. Larger text is made from glyphs at two sizes, nearly
# all of which stay in a cache (80 MB if every font is used): drawing them took half of an image's time.
SHARP = 18
BASES = (32, 64)
CACHED_SHARP, CACHED_BASES = 2048, 32_768


class Glyph(NamedTuple):
    """A character of a font.

    Attributes:
        mask: Its 8-bit coverage with a margin, an image of Pillow's core.
        x: Twice the column of the mask's centre, from where the character begins.
        y: Twice the row of the mask's centre, from the line that it stands on; negative above.
        advance: Where the next character begins, in pixels.
    """

    mask: Core
    x: int
    y: int
    advance: int


def drawn_size(size: int) -> int:
    """The size in which glyphs are drawn that a text of some size is made from.

    Example:
        >>> drawn_size(18), drawn_size(30), drawn_size(50)
        (18, 32, 64)
    """
    return size if size <= SHARP else BASES[size > BASES[0] + 2]


def glyph_of(face: Face, size: int, character: str) -> Glyph:
    """The picture of a character at one of the drawn sizes.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> glyph = glyph_of(Face(DEFAULT_FONTS[0]), 32, "I")
        >>> glyph.mask.size, glyph.x, glyph.y, glyph.advance
        ((23, 27), 19, -23, 19)
    """
    return (_base if size in BASES else _sharp)(face, size, character)


def _glyph(face: Face, size: int, character: str) -> Glyph:
    font = font_of(face, size)
    coverage, (left, top) = font.getmask2(character, mode="L", anchor="ls")
    width, height = coverage.size
    mask = CORE.new("L", (width + 2 * MARGIN, height + 2 * MARGIN))
    mask.paste(coverage, (MARGIN, MARGIN, MARGIN + width, MARGIN + height))
    return Glyph(mask, 2 * left + width, 2 * top + height, round(font.getlength(character)))


_sharp = lru_cache(CACHED_SHARP)(_glyph)
_base = lru_cache(CACHED_BASES)(_glyph)


def transformed(mask: Core, wide: int, high: int, turn: int = 0, slant: int = 0) -> Core:
    """A glyph's mask scaled, sheared and rotated about its centre, which stays the centre.

    The inverse matrix is rounded to 1/4096: then every number that Pillow computes with is exact, on any processor.

    Args:
        mask: The mask.
        wide: Scale of its width in 1/4096.
        high: Scale of its height.
        turn: Counter-clockwise, in steps of 1/1024 turn.
        slant: How far the top moves to the right, in 1/4096 of the height.

    Example:
        >>> transformed(CORE.new("L", (20, 30)), ONE, ONE, turn=256).size
        (32, 22)
    """
    width, height = mask.size
    cos, sin = (cosine(turn), sine(turn)) if turn else (ONE, 0)
    # Down is positive: rotation times shear times scale, in units of 1/4096.
    a, b = cos * wide >> 12, (sin - (cos * slant >> 12)) * high >> 12
    c, d = -sin * wide >> 12, (cos + (sin * slant >> 12)) * high >> 12
    new_width = (abs(a) * width + abs(b) * height >> 12) + 2
    new_height = (abs(c) * width + abs(d) * height >> 12) + 2
    area = a * d - b * c
    e, f, g, h = (ONE * ONE * value // area for value in (d, -b, -c, a))
    x = width / 2 - (e * new_width + f * new_height) / (2 * ONE)
    y = height / 2 - (g * new_width + h * new_height) / (2 * ONE)
    result = CORE.new("L", (new_width, new_height))
    matrix = (e / ONE, f / ONE, x, g / ONE, h / ONE, y)
    result.transform((0, 0, new_width, new_height), mask, AFFINE, matrix, BILINEAR, True)
    return result

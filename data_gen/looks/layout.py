"""Where each character of a look stands, and how large its image is."""

from __future__ import annotations

from typing import NamedTuple

from data_gen.looks.dice import ONE
from data_gen.looks.glyphs import drawn_size, glyph_of, transformed
from data_gen.looks.look import Look
from data_gen.pillow_core import Core

MIN_WIDTH, MAX_WIDTH = 60, 280
MIN_HEIGHT, MAX_HEIGHT = 24, 110
MIN_SIZE = 9


class Place(NamedTuple):
    """A character in its place.

    Attributes:
        mask: Its coverage.
        left: First column of the mask in the image.
        top: First row of the mask in the image.
    """

    mask: Core
    left: int
    top: int


class Arrangement(NamedTuple):
    """A text in its image.

    Attributes:
        width: Of the image.
        height: Of the image.
        places: Its characters.
        box: Left, top, right and bottom of their ink.
    """

    width: int
    height: int
    places: tuple[Place, ...]
    box: tuple[int, int, int, int]


def arranged(look: Look) -> Arrangement:
    """Place the characters of a look; one that would make too large an image gets a smaller font.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> arrangement = arranged(Look("AB", (Face(DEFAULT_FONTS[0]),) * 2, room=(3, 4, 30, 6)))
        >>> arrangement.width, arrangement.height, arrangement.box[:2]
        (70, 33, (3, 4))
    """
    while True:
        places, (left, top, right, bottom) = _line(look)
        room_left, room_top, room_right, room_bottom = look.room
        cut_left, cut_top, cut_right, cut_bottom = look.cut
        width = right - left + room_left + room_right + 2 * look.reach
        height = bottom - top + room_top + room_bottom + 2 * look.reach
        if (width <= MAX_WIDTH and height <= MAX_HEIGHT) or look.size <= MIN_SIZE:
            break
        # Room and font shrink together, and a little more, so that few turns are needed.
        over = max(width * 100 // MAX_WIDTH, height * 100 // MAX_HEIGHT, 104)
        look = look._replace(
            size=max(MIN_SIZE, look.size * 98 // over),
            room=(room_left * 98 // over, room_top * 98 // over, room_right * 98 // over, room_bottom * 98 // over),
            gaps=tuple(gap * 98 // over for gap in look.gaps),
            reach=look.reach * 98 // over,
            cut=(cut_left * 98 // over, cut_top * 98 // over, cut_right * 98 // over, cut_bottom * 98 // over),
        )
    dx, dy = room_left + look.reach - left, room_top + look.reach - top
    if width < MIN_WIDTH:
        dx, width = dx + (MIN_WIDTH - width) // 2, MIN_WIDTH
    if height < MIN_HEIGHT:
        dy, height = dy + (MIN_HEIGHT - height) // 2, MIN_HEIGHT
    dx, dy, width, height = dx - cut_left, dy - cut_top, width - cut_left - cut_right, height - cut_top - cut_bottom
    moved = tuple(Place(mask, x + dx, y + dy) for mask, x, y in places)
    return Arrangement(width, height, moved, (left + dx, top + dy, right + dx, bottom + dy))


def _line(look: Look) -> tuple[list[Place], tuple[int, int, int, int]]:
    """The characters about a line that begins at (0, 0), and the box of their ink."""
    places: list[Place] = []
    boxes: list[tuple[int, int, int, int]] = []
    pen, cell, drawn = 0, look.size * 5 // 8, drawn_size(look.size)
    for number, (character, face) in enumerate(zip(look.text, look.faces, strict=True)):
        mask, x, y, advance = glyph_of(face, drawn, character)
        high = (look.scales[number] if look.scales else 100) * look.size * ONE // (100 * drawn)
        wide = high * look.stretches[number] // 100 if look.stretches else high
        turn = look.turns[number] if look.turns else 0
        slant = look.slants[number] if look.slants else 0
        if turn or slant or wide != ONE or high != ONE:
            mask = transformed(mask, wide, high, turn, slant)
        width, height = mask.size
        ink = mask.getbbox() or (0, 0, width, height)
        if number:
            pen += look.gaps[number - 1] if look.gaps else 0
        if look.spacing == "advance":
            left = pen + x * wide // (2 * ONE) - width // 2
            pen += advance * wide // ONE
        elif look.spacing == "ink":
            left = pen - ink[0]
            pen += ink[2] - ink[0]
        else:
            left = pen + (cell - width) // 2
            pen += cell
        middle = -look.size * 3 // 8 if look.centred else y * high // (2 * ONE)
        rise = (look.rises[number] if look.rises else 0) + look.slope * number
        top = middle - height // 2 - rise
        places.append(Place(mask, left, top))
        boxes.append((left + ink[0], top + ink[1], left + ink[2], top + ink[3]))
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return places, (min(lefts), min(tops), max(rights), max(bottoms))

"""What the paper is covered with: each background draws an RGB image in the colors of the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw
from PIL.Image import Resampling

from data_gen.looks.dice import Dice
from data_gen.looks.look import Color

Size = tuple[int, int]
Background = Callable[[Size, Sequence[Color], Dice], Image.Image]


def _plain(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    return Image.new("RGB", size, paper[0])


def _gradient(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """From one color into another, or four corners of their own."""
    first, second, third, fourth = paper
    shapes = (
        ((2, 1), (first, second)),
        ((1, 2), (first, second)),
        ((3, 1), (first, second, third)),
        ((1, 3), (second, first, second)),
        ((2, 2), (first, second, third, fourth)),
        ((2, 2), (first, second, second, first)),
    )
    shape, colors = dice.pick(shapes)
    return _pixels(shape, colors).resize(size, Resampling.BILINEAR)


def _noise(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Each pixel, or each small square, another mixture of two colors; or of four."""
    grain = dice.pick((1, 1, 1, 2, 2, 3))
    width, height = -(-size[0] // grain), -(-size[1] // grain)
    if dice.chance(30):
        few = Image.frombytes("P", (width, height), bytes(dice.bytes(width * height)).translate(_QUARTERS))
        few.putpalette([channel for color in paper for channel in color])
        return _enlarged(few.convert("RGB"), grain, size)
    mask = Image.frombytes("L", (width, height), dice.bytes(width * height))
    if dice.chance(40):
        mask = mask.point(_SPARSE)
    return _tinted(_enlarged(mask, grain, size), paper[0], paper[1])


def _clouds(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Soft blots."""
    cell = dice.between(8, 40)
    grid = (size[0] // cell + 2, size[1] // cell + 2)
    mask = Image.frombytes("L", grid, dice.bytes(grid[0] * grid[1])).resize(size, Resampling.BILINEAR)
    return _tinted(mask, paper[0], paper[dice.between(1, 3)])


def _stripes(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Parallel stripes: across, down or slanted."""
    image = Image.new("RGB", size, paper[0])
    draw, (width, height) = ImageDraw.Draw(image), size
    step = dice.between(4, 24)
    thick, lean = dice.between(1, max(1, step // 2)), dice.pick((0, 0, height // 2, height, -height))
    if dice.chance(40):
        for y in range(dice.below(step), height, step):
            draw.rectangle((0, y, width, y + thick - 1), fill=paper[1])
    else:
        for x in range(dice.below(step) - abs(lean), width + abs(lean), step):
            draw.line((x, height, x + lean, 0), fill=paper[1], width=thick)
    return image


def _checks(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """A chessboard."""
    cell = dice.between(3, 20)
    columns, rows = -(-size[0] // cell), -(-size[1] // cell)
    board = b"".join((b"\0\xff", b"\xff\0")[row % 2] * (columns // 2 + 1) for row in range(rows))
    mask = Image.frombytes("L", (2 * (columns // 2 + 1), rows), board)
    return _tinted(_enlarged(mask, cell, size), paper[0], paper[1])


def _hatching(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Thin lines that cross, at right angles or slanted."""
    image = Image.new("RGB", size, paper[0])
    draw, (width, height) = ImageDraw.Draw(image), size
    step, lean = dice.between(4, 16), dice.pick((0, height, height, height // 2))
    for x in range(dice.below(step) - lean, width + lean, step):
        draw.line((x, height, x + lean, 0), fill=paper[1])
        if lean:
            draw.line((x, 0, x + lean, height), fill=paper[1])
    if not lean:
        for y in range(dice.below(step), height, step):
            draw.line((0, y, width, y), fill=paper[1])
    return image


def _patches(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Rectangles of several colors, in a grid or anywhere."""
    if dice.chance(50):
        cell = dice.between(10, 60)
        grid = (-(-size[0] // cell), -(-size[1] // cell))
        colors = [dice.pick(paper) for _ in range(grid[0] * grid[1])]
        return _enlarged(_pixels(grid, colors), cell, size)
    image = Image.new("RGB", size, paper[0])
    draw = ImageDraw.Draw(image)
    for _ in range(dice.between(3, 14)):
        left, top = dice.below(size[0]), dice.below(size[1])
        draw.rectangle((left, top, left + dice.between(5, 70), top + dice.between(5, 40)), fill=dice.pick(paper[1:]))
    return image


def _blobs(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Discs of several sizes and colors."""
    image = Image.new("RGB", size, paper[0])
    draw = ImageDraw.Draw(image)
    largest = dice.between(6, max(8, size[1] // 2))
    for _ in range(dice.between(4, 30)):
        x, y, radius = dice.below(size[0]), dice.below(size[1]), dice.between(2, largest)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=dice.pick(paper[1:]))
    return image


def _paper(size: Size, paper: Sequence[Color], dice: Dice) -> Image.Image:
    """Weakly clouded, with grain and a few fibres."""
    image = _clouds(size, (paper[0], *(_weaker(paper[0], color) for color in paper[1:])), dice)
    grain = Image.frombytes("L", size, dice.bytes(size[0] * size[1])).point(_WEAK)
    image.paste(paper[1], (0, 0, *size), grain)
    draw = ImageDraw.Draw(image)
    for _ in range(dice.between(0, 12)):
        x, y = dice.below(size[0]), dice.below(size[1])
        draw.line((x, y, x + dice.around(9), y + dice.around(9)), fill=paper[2])
    return image


BACKGROUNDS: dict[str, Background] = {
    "plain": _plain,
    "gradient": _gradient,
    "noise": _noise,
    "clouds": _clouds,
    "stripes": _stripes,
    "checks": _checks,
    "hatching": _hatching,
    "patches": _patches,
    "blobs": _blobs,
    "paper": _paper,
}

_QUARTERS = bytes(value >> 6 for value in range(256))
_SPARSE = [0] * 170 + [255] * 86
_WEAK = [value // 4 for value in range(256)]


def _pixels(size: Size, colors: Sequence[Color]) -> Image.Image:
    return Image.frombytes("RGB", size, bytes(channel for color in colors for channel in color))


def _enlarged(image: Image.Image, times: int, size: Size) -> Image.Image:
    """Each pixel a square, and the whole cut to the size."""
    if times == 1:
        return image
    return image.resize(size, Resampling.NEAREST, (0, 0, size[0] / times, size[1] / times))


def _tinted(mask: Image.Image, low: Color, high: Color) -> Image.Image:
    """One color where the mask is 0, another where it is 255, mixtures between."""
    image = Image.new("RGB", mask.size, low)
    image.paste(high, (0, 0, *mask.size), mask)
    return image


def _weaker(base: Color, color: Color) -> Color:
    red, green, blue = (a + (b - a) // 2 for a, b in zip(base, color, strict=True))
    return red, green, blue

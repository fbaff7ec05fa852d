"""What happens to the strokes of the text: each effect makes a new mask of the text, uint8 `(height, width)`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data_gen.looks.dice import Dice

Mask = NDArray[np.uint8]
# Takes the mask, the size of the font and random numbers.
Effect = Callable[[Mask, int, Dice], Mask]
# How much of the text's ink must be left for it to be read, in hundredths.
MIN_LEFT = 45
# Smaller text cannot be read through holes.
MIN_TEXTURED = 24


def widened(mask: Mask, pixels: int = 1) -> Mask:
    """Strokes that are wider by so many pixels on every side.

    Example:
        >>> mask = np.zeros((5, 5), np.uint8)
        >>> mask[2, 2] = 200
        >>> int((widened(mask) > 0).sum())
        9
    """
    for _ in range(pixels):
        mask = _spread(mask, np.maximum)
    return mask


def _bold(mask: Mask, size: int, dice: Dice) -> Mask:
    """Wider strokes, to one side or all."""
    if size < 22 or dice.chance(50):
        result = mask.copy()
        np.maximum(result[:, 1:], mask[:, :-1], out=result[:, 1:])
        return result
    return widened(mask)


def _thin(mask: Mask, size: int, dice: Dice) -> Mask:
    """Thinner strokes."""
    result = mask.copy()
    np.minimum(result[:, 1:], mask[:, :-1], out=result[:, 1:])
    np.minimum(result[1:], result[:-1], out=result[1:])
    if not _enough(result, mask):
        return mask
    narrow = _spread(result, np.minimum)
    return narrow if size >= 40 and _enough(narrow, mask) else result


def _outline(mask: Mask, size: int, dice: Dice) -> Mask:
    """The edges of the letters alone."""
    outer = widened(mask, 2 if size >= 40 and dice.chance(50) else 1)
    return outer - np.minimum(outer, mask)


def _broken(mask: Mask, size: int, dice: Dice) -> Mask:
    """Cut by thin straight lines."""
    image = Image.fromarray(mask)
    draw, (width, height) = ImageDraw.Draw(image), image.size
    step = dice.between(max(4, size // 5), max(6, size // 2))
    lean, thick = dice.pick((0, height, -height, height // 3)), 1 + (size >= 44)
    if dice.chance(45):
        for y in range(dice.below(step), height, step):
            draw.line((0, y, width, y + dice.around(2)), fill=0, width=thick)
    else:
        for x in range(dice.below(step) - abs(lean), width + abs(lean), step):
            draw.line((x, height, x + lean, 0), fill=0, width=thick)
    result = np.asarray(image)
    return result if _enough(result, mask) else mask


def _eaten(mask: Mask, size: int, dice: Dice) -> Mask:
    """With holes, as a bad print has."""
    if size < MIN_TEXTURED:
        return mask
    height, width = mask.shape
    grain = 1 + (size >= 30 and dice.chance(50))
    shape = (-(-height // grain), -(-width // grain))
    holes = np.frombuffer(dice.bytes(shape[0] * shape[1]), np.uint8).reshape(shape) >= dice.between(30, 80)
    if grain > 1:
        holes = holes.repeat(grain, 0).repeat(grain, 1)[:height, :width]
    return mask * holes


def _dotted(mask: Mask, size: int, dice: Dice) -> Mask:
    """Of dots or thin stripes."""
    if size < MIN_TEXTURED:
        return mask
    height, width = mask.shape
    step = 2 if size < 34 else dice.between(2, 3)
    rows, columns = np.arange(height) % step > 0, np.arange(width) % step > 0
    kind = dice.below(3)
    keep = rows[:, None] | columns if kind == 0 else (rows[:, None] if kind == 1 else columns[None])
    result: Mask = mask * keep
    return result if _enough(result, mask) else mask


EFFECTS: dict[str, Effect] = {
    "bold": _bold,
    "thin": _thin,
    "outline": _outline,
    "broken": _broken,
    "eaten": _eaten,
    "dotted": _dotted,
}


def _spread(mask: Mask, pick: np.ufunc) -> Mask:
    """Each pixel the largest, or smallest, of itself and its eight neighbours."""
    across = mask.copy()
    pick(across[:, 1:], mask[:, :-1], out=across[:, 1:])
    pick(across[:, :-1], mask[:, 1:], out=across[:, :-1])
    result = across.copy()
    pick(result[1:], across[:-1], out=result[1:])
    pick(result[:-1], across[1:], out=result[:-1])
    return result


def _enough(result: Mask, mask: Mask) -> bool:
    return int(result.sum(dtype=np.int64)) * 100 >= MIN_LEFT * int(mask.sum(dtype=np.int64))

"""How a text, or a whole image, is bent: each warp says from where every pixel is taken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

from data_gen.looks.dice import ONE, SINE, STEPS, Dice

# Places are in sixteenths of a pixel.
UNIT = 16
Places = NDArray[np.int32]
# Takes width, height, the farthest that a pixel may move, and random numbers; gives how far right of and below a pixel
# lies what is put there, as arrays that broadcast to (height, width).
Warp = Callable[[int, int, int, Dice], tuple[Places, Places]]

_SINES = np.array(SINE, np.int32)


def _waves(width: int, height: int, reach: int, dice: Dice) -> tuple[Places, Places]:
    """Sine waves down, across, or both."""
    kind = dice.below(4)
    down = _wave(width, reach if kind != 1 else 0, dice)[None]
    across = _wave(height, reach if kind in (1, 2) else 0, dice)[:, None]
    return across, down


def _swirl(width: int, height: int, reach: int, dice: Dice) -> tuple[Places, Places]:
    """Turned about the middle, most of all there."""
    # In units of half pixels from the centre.
    x = (2 * _counted(width) + 1 - width)[None]
    y = (2 * _counted(height) + 1 - height)[:, None]
    radius = max(width, height)
    near = np.maximum(0, radius * radius - x * x - y * y) * 256 // (radius * radius)
    # At half of the radius, three quarters of the turn are left: there a pixel moves farthest.
    turn = dice.pick((-1, 1)) * min(90, dice.between(1, 2) * reach * STEPS * 2 // (3 * radius))
    angle = (near * turn) >> 8
    cos, sin = _SINES[(angle + STEPS // 4) % STEPS] - ONE, _SINES[angle % STEPS]
    limit = reach * UNIT
    across, down = (x * cos - y * sin) * (UNIT // 2) // ONE, (x * sin + y * cos) * (UNIT // 2) // ONE
    return np.clip(across, -limit, limit), np.clip(down, -limit, limit)


def _perspective(width: int, height: int, reach: int, dice: Dice) -> tuple[Places, Places]:
    """The four corners moved, all between them in proportion."""
    corners = [[dice.between(-reach, reach) * UNIT for _ in range(4)] for _ in range(2)]
    x = _counted(width)[None]
    y = _counted(height)[:, None]
    across, down = (
        ((a * (width - x) + b * x) * (height - y) + (c * (width - x) + d * x) * y) // (width * height)
        for a, b, c, d in corners
    )
    return across, down


def _bulge(width: int, height: int, reach: int, dice: Dice) -> tuple[Places, Places]:
    """Higher or lower in the middle, as on a barrel."""
    x = _counted(width)[None]
    y = 2 * _counted(height)[:, None] - height
    arch = x * (width - x) * 4 * UNIT // (width * width)
    sign = dice.pick((-1, 1))
    # The rows move together, or away from the middle.
    down = sign * reach * arch * (y if dice.chance(50) else np.full_like(y, height)) // height
    return np.zeros((1, 1), np.int32), down


def _wobble(width: int, height: int, reach: int, dice: Dice) -> tuple[Places, Places]:
    """Each part moved another way, smoothly."""
    cell = dice.between(12, 40)
    shape = (width // cell + 2, height // cell + 2)
    across, down = (_smooth(shape, (width, height), reach, dice) for _ in range(2))
    return across, down


WARPS: dict[str, Warp] = {
    "waves": _waves,
    "swirl": _swirl,
    "perspective": _perspective,
    "bulge": _bulge,
    "wobble": _wobble,
}


def taken(mask: NDArray[np.uint8], across: Places, down: Places) -> NDArray[np.uint8]:
    """A mask with each pixel taken from where a warp says, between pixels interpolated in whole numbers.

    Args:
        mask: uint8 `(height, width)`; 0 lies around it.
        across: How far right of it lies what each pixel shows, in 1/16 pixel.
        down: How far below.

    Example:
        >>> mask = np.array([[0, 160, 0, 0]], np.uint8)
        >>> taken(mask, np.full((1, 1), 8, np.int32), np.zeros((1, 1), np.int32)).tolist()
        [[80, 80, 0, 0]]
    """
    height, width = mask.shape
    padded = np.zeros((height + 3, width + 3), np.int32)
    padded[1 : height + 1, 1 : width + 1] = mask
    x = np.clip(across + _counted(width) * UNIT, -UNIT, width * UNIT) + UNIT
    y = np.clip(down + _counted(height)[:, None] * UNIT, -UNIT, height * UNIT) + UNIT
    place = (y >> 4) * (width + 3) + (x >> 4)
    right, below = x & (UNIT - 1), y & (UNIT - 1)
    flat = padded.ravel()
    top = flat.take(place) * (UNIT - right) + flat.take(place + 1) * right
    place += width + 3
    bottom = flat.take(place) * (UNIT - right) + flat.take(place + 1) * right
    return ((top * (UNIT - below) + bottom * below + UNIT * UNIT // 2) >> 8).astype(np.uint8)


def taken_nearest(image: Image.Image, across: Places, down: Places) -> Image.Image:
    """An RGB image with each pixel that of the nearest place; its edge goes on around it.

    Example:
        >>> image = Image.new("RGB", (3, 1))
        >>> image.putpixel((2, 0), (9, 9, 9))
        >>> taken_nearest(image, np.full((1, 1), 16, np.int32), np.zeros((1, 1), np.int32)).getpixel((1, 0))
        (9, 9, 9)
    """
    width, height = image.size
    pixels = np.frombuffer(image.tobytes("raw", "RGBX"), np.uint32)
    half = UNIT // 2
    x = np.clip((across + half >> 4) + _counted(width), 0, width - 1)
    y = np.clip((down + half >> 4) + _counted(height)[:, None], 0, height - 1)
    return Image.frombytes("RGB", (width, height), pixels.take(y * width + x).tobytes(), "raw", "RGBX")


def _counted(length: int) -> Places:
    return np.arange(length, dtype=np.int32)


def _wave(length: int, reach: int, dice: Dice) -> Places:
    period, phase = dice.between(24, 140), dice.below(STEPS)
    amplitude = dice.between(reach * UNIT // 2, reach * UNIT)
    return (amplitude * _SINES[(_counted(length) * STEPS // period + phase) % STEPS]) // ONE


def _smooth(shape: tuple[int, int], size: tuple[int, int], reach: int, dice: Dice) -> Places:
    """Random numbers from `-reach` to `reach` pixels at the points of a coarse grid, interpolated between."""
    grid = Image.frombytes("L", shape, dice.bytes(shape[0] * shape[1]))
    return (np.asarray(grid.resize(size, Resampling.BILINEAR), np.int32) - 128) * reach * UNIT // 128

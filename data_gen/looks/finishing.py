"""What happens to the whole image in the end: blur, compression, grain and the like; RGB images, their size is kept."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageFilter
from PIL.Image import Resampling

from data_gen.looks.dice import Dice


def _smooth(image: Image.Image, dice: Dice) -> Image.Image:
    """Each pixel a weighted mean of itself and its neighbours, in whole numbers."""
    pixels = np.asarray(image).astype(np.uint16)
    middle = dice.pick((2, 2, 4, 6))
    for axis in (0, 1):
        moved = np.moveaxis(pixels, axis, 0)
        total = moved * np.uint16(middle)
        total[1:] += moved[:-1]
        total[:-1] += moved[1:]
        total[0] += moved[0]
        total[-1] += moved[-1]
        pixels = np.moveaxis((total + np.uint16((middle + 2) // 2)) // np.uint16(middle + 2), 0, axis)
    return Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8)))


def _blur(image: Image.Image, dice: Dice) -> Image.Image:
    """The mean of a square, in tenths of a pixel wide; less on small images."""
    return image.filter(ImageFilter.BoxBlur(dice.between(4, 7 + image.height // 18) / 8))


def _pixelated(image: Image.Image, dice: Dice) -> Image.Image:
    """Made smaller and enlarged again, with squares or smoothly."""
    width, height = image.size
    least = 50 if height >= 60 else (62 if height >= 40 else 75)
    percent = dice.between(least, 90)
    small = image.resize((max(1, width * percent // 100), max(1, height * percent // 100)), Resampling.BOX)
    return small.resize((width, height), dice.pick((Resampling.NEAREST, Resampling.BILINEAR)))


def _jpeg(image: Image.Image, dice: Dice) -> Image.Image:
    """Written as JPEG and read again, once."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=dice.between(40, 95), subsampling=dice.pick((0, 2)))
    with Image.open(content) as read:
        return read.convert("RGB")


def _posterised(image: Image.Image, dice: Dice) -> Image.Image:
    """Few tones of each channel."""
    step = dice.pick((32, 48, 64))
    return image.point([min(255, value // step * step * 255 // (255 // step * step)) for value in range(256)] * 3)


def _one_bit(image: Image.Image, dice: Dice) -> Image.Image:
    """Black and white, split between the darkest and the lightest tone."""
    grey = image.convert("L")
    tones = grey.tobytes()
    middle = (min(tones) + max(tones)) // 2 + dice.around(10)
    return grey.point([255 * (value > middle) for value in range(256)]).convert("RGB")


def _grain(image: Image.Image, dice: Dice) -> Image.Image:
    """Noise added to every pixel, grey or in color."""
    strength, (width, height) = dice.between(6, 40), image.size
    table = [128 + (value - 128) * strength // 128 for value in range(256)]
    if dice.chance(60):
        noise = Image.frombytes("L", (width, height), dice.bytes(width * height)).point(table).convert("RGB")
    else:
        noise = Image.frombytes("RGB", (width, height), dice.bytes(3 * width * height)).point(table * 3)
    return ImageChops.add(image, noise, 1, -128)


def _speckle(image: Image.Image, dice: Dice) -> Image.Image:
    """Single pixels that are black, white, or of a random color."""
    width, height = image.size
    few = dice.between(2, 20)
    mask = Image.frombytes("L", (width, height), dice.bytes(width * height)).point([255] * few + [0] * (256 - few))
    result = image.copy()
    colors = (255,) * 3, (0,) * 3, tuple(dice.below(256) for _ in range(3))
    result.paste(dice.pick(colors), (0, 0, width, height), mask)
    return result


def _inverted(image: Image.Image, dice: Dice) -> Image.Image:
    return ImageChops.invert(image)


def _grey(image: Image.Image, dice: Dice) -> Image.Image:
    return image.convert("L").convert("RGB")


FINISHING: dict[str, Callable[[Image.Image, Dice], Image.Image]] = {
    "smooth": _smooth,
    "blur": _blur,
    "pixelated": _pixelated,
    "jpeg": _jpeg,
    "posterised": _posterised,
    "one_bit": _one_bit,
    "grain": _grain,
    "speckle": _speckle,
    "inverted": _inverted,
    "grey": _grey,
}

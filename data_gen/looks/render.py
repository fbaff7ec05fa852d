"""A look to its image: the same look gives the same pixels on every machine."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from data_gen.looks.backgrounds import BACKGROUNDS
from data_gen.looks.dice import Dice
from data_gen.looks.disturbances import DISTURBANCES, Pen
from data_gen.looks.effects import EFFECTS, Mask
from data_gen.looks.finishing import FINISHING
from data_gen.looks.layout import Arrangement, arranged
from data_gen.looks.library import library_image
from data_gen.looks.look import Disturbance, Look
from data_gen.looks.shadows import SHADOWS
from data_gen.looks.warps import WARPS, Places, taken, taken_nearest

_FILLED = [0] + [255] * 255


def rendered(look: Look) -> Image.Image:
    """The image of a look, RGB.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> rendered(Look("AB", (Face(DEFAULT_FONTS[0]),) * 2)).size
        (60, 39)
    """
    if look.library is not None:
        return library_image(look, look.library)
    arrangement = arranged(look)
    size = arrangement.width, arrangement.height
    image = BACKGROUNDS[look.background.name](size, look.paper, Dice(look.background.seed))
    _disturb(image, look, "behind")
    _write(image, look, arrangement)
    _disturb(image, look, "front")
    if look.warp is not None and look.warps_all:
        image = taken_nearest(image, *_places(look, size))
    for step in look.finishing:
        image = FINISHING[step.name](image, Dice(step.seed))
    return image


def text_mask(look: Look, arrangement: Arrangement) -> Image.Image:
    """Coverage of the text alone, neither hollowed nor bent: an image of mode L.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> look = Look("AB", (Face(DEFAULT_FONTS[0]),) * 2)
        >>> text_mask(look, arranged(look)).getbbox() == arranged(look).box
        True
    """
    mask = Image.new("L", (arrangement.width, arrangement.height))
    for core, left, top in arrangement.places:
        width, height = core.size
        mask.im.paste(255, (left, top, left + width, top + height), core)
    return mask


def _write(image: Image.Image, look: Look, arrangement: Arrangement) -> None:
    """Put the text into the image."""
    mask = text_mask(look, arrangement)
    for mark in look.disturbances:
        if mark.layer == "ink":
            DISTURBANCES[mark.step.name](Pen(mask, (255,), look.size, look.faces), Dice(mark.step.seed))
    ink = _ink(look, arrangement)
    inside = None
    bent = look.warp is not None and not look.warps_all
    steps = [step for step in look.effects if step.name in EFFECTS]
    if steps or bent:
        pixels: Mask = np.asarray(mask)
        for step in steps:
            if step.name == "outline" and step.seed % 3 == 0:
                inside = pixels
            pixels = EFFECTS[step.name](pixels, look.size, Dice(step.seed))
        if bent:
            places = _places(look, image.size)
            pixels = taken(pixels, *places)
            inside = inside if inside is None else taken(inside, *places)
            ink = taken_nearest(ink, *places) if isinstance(ink, Image.Image) else ink
        mask = Image.fromarray(pixels)
    for step in look.effects:
        if step.name in SHADOWS:
            SHADOWS[step.name](image, mask, look, Dice(step.seed))
    box = (0, 0, *image.size)
    if inside is not None:
        # Letters with an edge in another color than their inside.
        image.paste(look.paper[0], box, Image.fromarray(inside))
    image.paste(ink, box, mask)


def _ink(look: Look, arrangement: Arrangement) -> Image.Image | tuple[int, int, int]:
    """The color of the text, or an image of its colors."""
    size = arrangement.width, arrangement.height
    if look.inking == "shaded":
        pixels = bytes(channel for color in look.inks for channel in color)
        return Image.frombytes("RGB", (len(look.inks), 1), pixels).resize(size, Resampling.BILINEAR)
    if look.inking == "one":
        return look.inks[0]
    ink = Image.new("RGB", size, look.inks[0])
    for color, (core, left, top) in zip(look.inks, arrangement.places, strict=True):
        width, height = core.size
        ink.im.paste((*color, 255), (left, top, left + width, top + height), core.point(_FILLED, None))
    return ink


def _disturb(image: Image.Image, look: Look, layer: str) -> None:
    for mark in look.disturbances:
        if mark.layer == layer:
            _draw(image, look, mark)


def _draw(image: Image.Image, look: Look, mark: Disturbance) -> None:
    """Draw a disturbance: with smooth edges if it has one color, for every other seed."""
    disturb, dice = DISTURBANCES[mark.step.name], Dice(mark.step.seed + 1)
    if len(mark.colors) > 1 or mark.step.seed & 1:
        disturb(Pen(image, mark.colors, look.size, look.faces), dice)
        return
    mask = Image.new("L", (2 * image.width, 2 * image.height))
    disturb(Pen(mask, (255,), look.size, look.faces, times=2), dice)
    image.paste(mark.colors[0], (0, 0, *image.size), mask.reduce(2))


def _places(look: Look, size: tuple[int, int]) -> tuple[Places, Places]:
    assert look.warp is not None  # noqa: S101
    return WARPS[look.warp.name](*size, look.reach, Dice(look.warp.seed + 1))

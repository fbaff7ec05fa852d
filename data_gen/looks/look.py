"""Everything that is decided for one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from data_gen.looks.fonts import Face

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Step:
    """One ingredient of a look and the seed of its own random numbers.

    Attributes:
        name: The ingredient.
        seed: Decides its places, sizes and all else.

    Example:
        >>> Step("waves", 7).name
        'waves'
    """

    name: str
    seed: int


@dataclass(frozen=True)
class Disturbance:
    """Something drawn beside the text.

    Attributes:
        step: The ingredient.
        layer: "behind" the text, in "front" of it, or "ink": a part of it, bent and hollowed with it.
        colors: One for each of its strokes in turn.

    Example:
        >>> Disturbance(Step("lines", 7), "front", ((0, 0, 0),)).layer
        'front'
    """

    step: Step
    layer: str
    colors: tuple[Color, ...]


class Look(NamedTuple):
    """Everything decided for one image; lengths in pixels, angles in steps of 1/1024 turn, scales in hundredths.

    A tuple, since a look is changed many times while it is drawn: `dataclasses.replace` takes ten times as long.

    Attributes:
        text: What it says.
        faces: The font of each character.
        size: Of the font.
        scales: Of each character.
        stretches: Of the width of each character, besides.
        turns: Rotation of each character.
        slants: Shear of each character, in 1/4096 of its height.
        rises: How far each character stands above the line.
        slope: How much higher each character stands than the one before.
        spacing: "advance" (as the font says), "ink" (between the ink of neighbours) or "cells" (equal widths).
        gaps: Additional distance before each character but the first; negative ones make neighbours overlap.
        centred: Whether characters are centred on the line instead of standing on it.
        room: Empty pixels on the left, top, right and bottom of the text.
        cut: How much of the image is cut off at these sides.
        dark: Whether light text stands on dark paper.
        contrast: Smallest difference of luminance between text and paper, of 255.
        inking: "one" color for all characters, "each" its own, or "shaded" from one into another.
        inks: Colors of the text.
        paper: Colors of the background.
        background: What the paper is covered with.
        effects: What happens to the strokes of the text, in this order.
        warp: How the text is bent; None for not at all.
        warps_all: Whether paper and disturbances are bent with it.
        reach: How far the warp moves a pixel at most.
        disturbances: What is drawn behind the text, into it and in front of it.
        finishing: What happens to the whole image in the end, in this order.
        library: Draws the image in the look of the library `captcha`, which uses nothing else than text and fonts.

    Example:
        >>> from data_gen.looks.fonts import installed_fonts
        >>> look = Look("AB", (Face(installed_fonts()[0]),) * 2)
        >>> look.size, look.background.name
        (32, 'plain')
    """

    text: str
    faces: tuple[Face, ...]
    size: int = 32
    scales: tuple[int, ...] = ()
    stretches: tuple[int, ...] = ()
    turns: tuple[int, ...] = ()
    slants: tuple[int, ...] = ()
    rises: tuple[int, ...] = ()
    slope: int = 0
    spacing: str = "advance"
    gaps: tuple[int, ...] = ()
    centred: bool = False
    room: tuple[int, int, int, int] = (10, 8, 10, 8)
    cut: tuple[int, int, int, int] = (0, 0, 0, 0)
    dark: bool = False
    contrast: int = 90
    inking: str = "one"
    inks: tuple[Color, ...] = ((0, 0, 0),)
    paper: tuple[Color, ...] = ((255, 255, 255),)
    background: Step = Step("plain", 0)
    effects: tuple[Step, ...] = ()
    warp: Step | None = None
    warps_all: bool = False
    reach: int = 0
    disturbances: tuple[Disturbance, ...] = ()
    finishing: tuple[Step, ...] = ()
    library: Step | None = None

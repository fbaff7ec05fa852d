"""Pillow's functions in C, called without their Python wrappers, which take longer than the work on small images."""

from __future__ import annotations

from math import ceil, cos, floor, radians, sin
from typing import Any

from PIL import Image
from PIL.Image import Dither, Resampling, Transform, Transpose

# Pillow's images in C: private, but unchanged for years, and `renderer.py` compares pixels before it relies on them.
Core = Any
CORE: Any = vars(Image)["core"]

# As plain numbers: an enumeration's members are looked up anew at each use.
DITHER = int(Dither.FLOYDSTEINBERG)
AFFINE, QUAD = int(Transform.AFFINE), int(Transform.QUAD)
NEAREST, BILINEAR, BICUBIC = int(Resampling.NEAREST), int(Resampling.BILINEAR), int(Resampling.BICUBIC)
QUARTER_TURNS = {90: Transpose.ROTATE_90, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_270}


def rotated(image: Core, angle: float) -> Core:
    """`PIL.Image.Image.rotate(angle, BILINEAR, expand=True)` of an RGBA image; degrees, 0 to below 360.

    Example:
        >>> rotated(CORE.new("RGBA", (40, 20)), 45.0).size
        (44, 44)
    """
    if angle == 0:
        return image
    if angle in QUARTER_TURNS:
        return image.transpose(QUARTER_TURNS[int(angle)])
    width, height = image.size
    turn = -radians(angle)
    a = e = round(cos(turn), 15)
    b, d = round(sin(turn), 15), round(-sin(turn), 15)
    # About the centre; then the canvas grows until it holds the turned corners.
    c = a * (-width / 2) + b * (-height / 2) + 0.0 + width / 2
    f = d * (-width / 2) + e * (-height / 2) + 0.0 + height / 2
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    xs = [a * x + b * y + c for x, y in corners]
    ys = [d * x + e * y + f for x, y in corners]
    new_width, new_height = ceil(max(xs)) - floor(min(xs)), ceil(max(ys)) - floor(min(ys))
    x, y = -(new_width - width) / 2.0, -(new_height - height) / 2.0
    matrix = (a, b, a * x + b * y + c, d, e, d * x + e * y + f)
    turned = CORE.new("RGBa", (new_width, new_height))
    premultiplied = image.convert("RGBa", DITHER)
    turned.transform((0, 0, new_width, new_height), premultiplied, AFFINE, matrix, BILINEAR, True)
    return turned.convert("RGBA", DITHER)


def quad_coefficients(corners: tuple[tuple[int, int], ...], width: int, height: int) -> tuple[float, ...]:
    """Coefficients of Pillow's QUAD transform from the north-west, south-west, south-east and north-east corner.

    Example:
        >>> quad_coefficients(((0, 0), (0, 10), (20, 10), (20, 0)), 20, 10)
        (0, 1.0, 0.0, 0.0, 0, 0.0, 1.0, 0.0)
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    across, down = 1.0 / width, 1.0 / height
    return (
        x0,
        (x3 - x0) * across,
        (x1 - x0) * down,
        (x2 - x1 - x3 + x0) * across * down,
        y0,
        (y3 - y0) * across,
        (y1 - y0) * down,
        (y2 - y1 - y3 + y0) * across * down,
    )

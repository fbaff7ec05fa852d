"""The layout of the characters in a drawn image, which its pixels alone do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Layout:
    """The layout of a drawn text.

    Attributes:
        squeeze: Width of the image as a fraction of the text's, at most 1; below 1 the text was squeezed to fit.
        overlap: Mean overlap of neighbouring characters in fractions of the average width of a cell, 0 for none.
        fonts: For each character the number of its font among the style's.

    Example:
        >>> from data_gen import Series
        >>> _, _, layout = Series().source("fast").image_and_layout(0)
        >>> layout.fonts, round(layout.squeeze, 2), round(layout.overlap, 2)
        ((0, 0, 0, 0), 0.94, 0.16)
    """

    squeeze: float
    overlap: float
    fonts: tuple[int, ...]


def mean_overlap(places: Sequence[tuple[int, int]]) -> float:
    """Mean overlap of neighbours in fractions of the average width.

    Args:
        places: Left edge and width of each character's cell in pixels, from left to right.

    Example:
        >>> mean_overlap([(0, 40), (30, 40), (75, 40)])
        0.125
    """
    if len(places) < 2:
        return 0.0
    covered = [max(0, left + width - following) for (left, width), (following, _) in pairwise(places)]
    average = sum(width for _, width in places) / len(places)
    return sum(covered) / len(covered) / average

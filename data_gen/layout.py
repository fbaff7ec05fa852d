"""How the characters of an image lie: what its drawing knows and its pixels no longer tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Layout:
    """The layout of a drawn text.

    Attributes:
        squeeze: Width of the image as a share of the text's, at most 1; below 1 the text was squeezed to fit.
        overlap: Mean overlap of neighbouring characters in shares of the average width of a cell, 0 for none.
        fonts: For each character the number of its font among the style's.
    """

    squeeze: float
    overlap: float
    fonts: tuple[int, ...]


def mean_overlap(places: Sequence[tuple[int, int]]) -> float:
    """Mean overlap of neighbours in shares of the average width.

    Args:
        places: Left edge and width of each character's cell in pixels, from left to right.
    """
    if len(places) < 2:
        return 0.0
    covered = [max(0, left + width - following) for (left, width), (following, _) in pairwise(places)]
    average = sum(width for _, width in places) / len(places)
    return sum(covered) / len(covered) / average

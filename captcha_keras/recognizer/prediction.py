"""What a network reads in one image; loads nothing, for clients of a server use it too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prediction:
    """What a network reads in one image.

    Attributes:
        text: The text.
        confidence: Product of the heads' greatest probabilities, 0 to 1.
        char_confidence: The greatest probability of each head, shape `(L,)`.
    """

    text: str
    confidence: float
    char_confidence: tuple[float, ...]

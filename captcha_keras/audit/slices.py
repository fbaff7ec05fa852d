"""Accuracy by what an image, or a character, is like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.trial import Result
from captcha_keras.evaluation.rates import Rate

PARTS = 4
# What a slice is measured by, for people.
WORDS = {
    "contrast": "contrast ratio of text and background",
    "squeeze": "width of the image to that of its text",
    "overlap": "overlap of neighbours, in widths of a character",
}


@dataclass(frozen=True)
class Slice:
    """The accuracy on a part of the test images or of their characters.

    Attributes:
        name: "contrast", "squeeze", "overlap" or "font".
        words: Which part.
        rate: Images read right; of a font, characters.

    Example:
        >>> Slice("contrast", "3.00 to 4.50", Rate.count(80, 100)).rate.fraction
        0.8
    """

    name: str
    words: str
    rate: Rate


@dataclass(frozen=True)
class Character:
    """How a character of the alphabet is read.

    Attributes:
        character: The character.
        rate: How often it was read right.
        mostly_as: What it was misread as most often; empty if never, or if nothing was read.

    Example:
        >>> Character("0", Rate.count(60, 100), mostly_as="O").mostly_as
        'O'
    """

    character: str
    rate: Rate
    mostly_as: str


def slices(results: Sequence[Result], font_names: Sequence[str]) -> list[Slice]:
    """The accuracy on the quarters by each property, and by font, over the repetitions at one number of samples.

    Example:
        >>> from types import SimpleNamespace
        >>> right, contrast = np.array([False, False, True, True]), (2.0, 3.0, 8.0, 9.0)
        >>> result = SimpleNamespace(right=right, properties={"contrast": contrast}, fonts=None)  # in place of a Result
        >>> [each.rate.fraction for each in slices([result], font_names=[])]
        [0.0, 0.0, 1.0, 1.0]
    """
    right = np.concatenate([result.right for result in results])
    found: list[Slice] = []
    for name in results[0].properties:
        values = np.concatenate([result.properties[name] for result in results])
        found += _quarters(name, values, right)
    if results[0].fonts is not None and len(font_names) > 1:
        found += _fonts(results, font_names)
    return found


def _quarters(name: str, values: NDArray[np.floating], right: NDArray[np.bool_]) -> list[Slice]:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)))
    if len(edges) < 2:
        return []
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [
        Slice(name, f"{edges[part]:.2f} to {edges[part + 1]:.2f}", Rate.of(right[place == part]))
        for part in range(len(edges) - 1)
        if (place == part).any()
    ]


def _fonts(results: Sequence[Result], names: Sequence[str]) -> list[Slice]:
    counts = {number: [0, 0] for number in range(len(names))}
    for result in results:
        for text, prediction, fonts in zip(result.texts, result.predictions, result.fonts or (), strict=True):
            for place, (truth, font) in enumerate(zip(text, fonts, strict=False)):
                counts[font][0] += prediction[place : place + 1] == truth
                counts[font][1] += 1
    return [Slice("font", names[font], Rate.count(*pair)) for font, pair in counts.items() if pair[1]]


def characters(matrix: NDArray[np.int64], classes: Sequence[str]) -> list[Character]:
    """The accuracy of each character, the worst first.

    Args:
        matrix: `[truth][prediction]` counts in the order of the classes.
        classes: The text of each class; that of "no character" is empty and left out.

    Example:
        >>> [(each.character, each.mostly_as) for each in characters(np.array([[8, 2], [0, 9]]), "AB")]
        [('A', 'B'), ('B', '')]
    """
    found = []
    for class_id, name in enumerate(classes):
        total, right = int(matrix[class_id].sum()), int(matrix[class_id, class_id])
        if not name or not total:
            continue
        others = matrix[class_id].copy()
        others[class_id] = 0
        worst = int(others.argmax())
        found.append(Character(name, Rate.count(right, total), classes[worst] if others[worst] else ""))
    return sorted(found, key=lambda each: each.rate.fraction)

"""Accuracy by what an image, or a character, is like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.curve import Estimate, Spread
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
        read: Images read right, of a font characters; the intervals of all slices hold at once.

    Example:
        >>> Slice("contrast", "3.00 to 4.50", Estimate(0.8, 0.7, 0.9, (0.8,))).read.value
        0.8
    """

    name: str
    words: str
    read: Estimate


@dataclass(frozen=True)
class Character:
    """How a character of the alphabet is read.

    Attributes:
        character: The character.
        read: How often it was read right; the intervals of all characters hold at once.
        mostly_as: What it was misread as most often; empty if never, or if nothing was read.
        effect: "harder" if its interval lies below the mean of all characters, "easier" if above, else "none".

    Example:
        >>> Character("0", Estimate(0.6, 0.5, 0.7, (0.6,)), mostly_as="O", effect="harder").mostly_as
        'O'
    """

    character: str
    read: Estimate
    mostly_as: str
    effect: str


def slices(results: Sequence[Result], font_names: Sequence[str]) -> list[Slice]:
    """The accuracy on the quarters by each property, and by font, from the trainings at one number of samples.

    Each training is a cluster of its own: what lies between them is pooled over the parts of a property.

    Example:
        >>> from types import SimpleNamespace
        >>> right, contrast = np.array([False, False, True, True]), (2.0, 3.0, 8.0, 9.0)
        >>> result = SimpleNamespace(right=right, properties={"contrast": contrast}, fonts=None)  # in place of a Result
        >>> [each.read.value for each in slices([result], font_names=[])]
        [0.0, 0.0, 1.0, 1.0]
    """
    found = {name: _quarters(name, results) for name in results[0].properties}
    if results[0].fonts is not None and len(font_names) > 1:
        found["font"] = _fonts(results, font_names)
    count = sum(map(len, found.values()))
    return [
        Slice(name, words, spread.estimate(rates, count))
        for name, parts in found.items()
        for spread in [Spread.of(list(parts.values()))]
        for words, rates in parts.items()
    ]


def _quarters(name: str, results: Sequence[Result]) -> dict[str, list[Rate]]:
    """What each training reads of each quarter that has images."""
    every = [np.array(result.properties[name]) for result in results]
    edges = np.unique(np.quantile(np.concatenate(every), np.linspace(0, 1, PARTS + 1)))
    if len(edges) < 2:
        return {}
    places = [np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2) for values in every]
    parts = {
        f"{edges[part]:.2f} to {edges[part + 1]:.2f}": [
            Rate.of(result.right[place == part])
            for result, place in zip(results, places, strict=True)
            if (place == part).any()
        ]
        for part in range(len(edges) - 1)
    }
    return {words: rates for words, rates in parts.items() if rates}


def _fonts(results: Sequence[Result], names: Sequence[str]) -> dict[str, list[Rate]]:
    """What each training reads of the characters of each font."""
    found: dict[str, list[Rate]] = {name: [] for name in names}
    for result in results:
        counts = {number: [0, 0] for number in range(len(names))}
        for text, prediction, fonts in zip(result.texts, result.predictions, result.fonts or (), strict=True):
            for place, (truth, font) in enumerate(zip(text, fonts, strict=False)):
                counts[font][0] += prediction[place : place + 1] == truth
                counts[font][1] += 1
        for font, pair in counts.items():
            found[names[font]] += [Rate.count(*pair)] if pair[1] else []
    return {name: rates for name, rates in found.items() if rates}


def characters(matrices: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> list[Character]:
    """The accuracy of each character, the worst first.

    Args:
        matrices: `[truth][prediction]` counts of each training, in the order of the classes.
        classes: The text of each class; that of "no character" is empty and left out.

    Example:
        >>> [(each.character, each.mostly_as) for each in characters([np.array([[8, 2], [0, 9]])], "AB")]
        [('A', 'B'), ('B', '')]
    """
    matrix = np.sum(matrices, axis=0)
    shown = [class_id for class_id, name in enumerate(classes) if name and matrix[class_id].sum()]
    rates = [
        [Rate.count(int(each[class_id, class_id]), total) for each in matrices if (total := int(each[class_id].sum()))]
        for class_id in shown
    ]
    spread, mean = Spread.of(rates), matrix[shown, shown].sum() / max(matrix[shown].sum(), 1)
    found = []
    for class_id, each in zip(shown, rates, strict=True):
        others = matrix[class_id].copy()
        others[class_id] = 0
        worst = int(others.argmax())
        read = spread.estimate(each, len(shown))
        effect = "harder" if read.high < mean else "easier" if read.low > mean else "none"
        found.append(Character(classes[class_id], read, classes[worst] if others[worst] else "", effect))
    return sorted(found, key=lambda each: each.read.value)

"""Which classes are taken for which others, and which characters training draws more often for it.

Loads neither TensorFlow nor Keras: the evaluation counts with it too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.spec import CaptchaSpec

# A pair with this fraction of all misread characters or more counts as hard.
MIN_FRACTION = 0.05
# A group with all the errors is drawn this many times as often, in addition to once.
STRENGTH = 8


def confusion_matrix(
    predicted: NDArray[np.integer[Any]], labels: NDArray[np.integer[Any]], spec: CaptchaSpec
) -> NDArray[np.int64]:
    """How often each class was predicted as which.

    Args:
        predicted: Predicted class ids, of any shape.
        labels: True class ids, of the same shape.
        spec: Names the classes.

    Returns:
        int64 `(K, K)`: `[truth][prediction]` counts.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), CaptchaSpec(alphabet="AB"))
        array([[1, 1],
               [0, 1]])
    """
    matrix = np.zeros((spec.num_classes, spec.num_classes), np.int64)
    np.add.at(matrix, (labels.ravel(), predicted.ravel()), 1)
    return matrix


def hard_characters(matrix: NDArray[np.integer[Any]], spec: CaptchaSpec) -> dict[str, int]:
    """Weights of the characters that are confused with one another, equal within each group of them.

    A pair counts that has at least 5 % of all misread characters; pairs that share a character form a group. The
    weight of a group is one plus eight times its fraction of the misread characters, rounded.

    Args:
        matrix: `[truth][prediction]` counts.
        spec: Names the classes.

    Example:
        >>> hard_characters(np.array([[5, 3, 0], [1, 7, 0], [0, 0, 8]]), CaptchaSpec("0OX"))
        {'0': 9, 'O': 9}
    """
    characters = len(spec.alphabet)  # "no character" cannot be drawn more often
    wrong = np.array(matrix, np.float64)
    np.fill_diagonal(wrong, 0)
    errors = wrong.sum()
    if not errors:
        return {}
    pairs = (wrong + wrong.T)[:characters, :characters] / errors
    group = np.arange(characters)
    for first, second in np.argwhere(np.triu(pairs >= MIN_FRACTION)):
        group[group == group[second]] = group[first]
    weights: dict[str, int] = {}
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        fraction = pairs[np.ix_(members, members)].sum() / 2
        weight = 1 + round(STRENGTH * fraction)
        if weight > 1:
            weights |= {spec.alphabet[member]: weight for member in members}
    return weights

"""Which characters are taken for which others: 0 against O, upper against lower case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.evaluation.rates import Rate
from captcha_keras.spec import CaptchaSpec

# How many confusions a report names.
MAX_CONFUSIONS = 10


@dataclass(frozen=True)
class Confusion:
    """How often a class was read as another; an empty text is "no character".

    Example:
        >>> most_frequent_confusions(np.array([[8, 2], [0, 9]]), CaptchaSpec("AB"))
        (Confusion(truth='A', prediction='B', count=2),)
    """

    truth: str
    prediction: str
    count: int


@dataclass(frozen=True)
class ZeroO:
    """How often 0 and O are confused.

    Attributes:
        table: `table[truth][prediction]` counts for truth and prediction in "0", "O".
        other: `other[truth]` counts of what was read as something else.
        fraction_of_errors: Fraction of all character errors that are 0 read as O or O as 0; None without errors.
        merged_characters: Character accuracy if 0 and O counted as one.
        merged_images: Image accuracy if 0 and O counted as one.

    Example:
        >>> from captcha_keras.training.confusion import confusion_matrix
        >>> spec, predicted, labels = CaptchaSpec("0OX", 1, 1), np.array([[1], [1], [0]]), np.array([[0], [1], [2]])
        >>> figures = zero_o(predicted, labels, confusion_matrix(predicted, labels, spec), spec)
        >>> figures.fraction_of_errors, figures.merged_images.right
        (0.5, 2)
    """

    table: dict[str, dict[str, int]]
    other: dict[str, int]
    fraction_of_errors: float | None
    merged_characters: Rate
    merged_images: Rate


@dataclass(frozen=True)
class LetterCase:
    """How often the two cases of a letter are confused, for letters that the alphabet has in both.

    Attributes:
        fraction_of_errors: Fraction of all character errors where only the case is wrong; None without errors.
        confusions: The most frequent of these errors.
        folded_characters: Character accuracy if both cases of a letter counted as one.
        folded_images: Image accuracy if both cases of a letter counted as one.

    Example:
        >>> from captcha_keras.training.confusion import confusion_matrix
        >>> spec, predicted, labels = CaptchaSpec("aAb", 1, 1), np.array([[1], [1], [0]]), np.array([[0], [1], [2]])
        >>> figures = letter_case(predicted, labels, confusion_matrix(predicted, labels, spec), spec)
        >>> figures.fraction_of_errors, figures.confusions
        (0.5, (Confusion(truth='a', prediction='A', count=1),))
    """

    fraction_of_errors: float | None
    confusions: tuple[Confusion, ...]
    folded_characters: Rate
    folded_images: Rate


def zero_o(
    predicted: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    matrix: NDArray[np.int64],
    spec: CaptchaSpec,
) -> ZeroO | None:
    """Count how often 0 and O are confused; None if the alphabet lacks one of them.

    Args:
        predicted: Predicted class ids, `(N, L)`.
        labels: True class ids, `(N, L)`.
        matrix: Their `confusion_matrix`.
        spec: Names the classes.

    Example:
        >>> from captcha_keras.training.confusion import confusion_matrix
        >>> spec, predicted, labels = CaptchaSpec("0OX", 1, 1), np.array([[1], [0]]), np.array([[0], [0]])
        >>> zero_o(predicted, labels, confusion_matrix(predicted, labels, spec), spec).table["0"]
        {'0': 1, 'O': 1}
    """
    if not {"0", "O"} <= set(spec.alphabet):
        return None
    number = {name: spec.alphabet.index(name) for name in "0O"}
    table = {t: {r: int(matrix[number[t], number[r]]) for r in "0O"} for t in "0O"}
    errors = _errors(matrix)
    swapped = table["0"]["O"] + table["O"]["0"]
    merge = np.arange(spec.num_classes)
    merge[number["O"]] = number["0"]
    characters, images = _merged(merge, predicted, labels, spec)
    return ZeroO(
        table=table,
        other={t: int(matrix[number[t]].sum()) - sum(table[t].values()) for t in "0O"},
        fraction_of_errors=swapped / errors if errors else None,
        merged_characters=characters,
        merged_images=images,
    )


def letter_case(
    predicted: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    matrix: NDArray[np.int64],
    spec: CaptchaSpec,
) -> LetterCase | None:
    """Count how often only the case is wrong; None if the alphabet has no letter in both. Arguments as `zero_o`.

    Example:
        >>> from captcha_keras.training.confusion import confusion_matrix
        >>> spec, predicted, labels = CaptchaSpec("aA", 1, 1), np.array([[1], [0]]), np.array([[0], [0]])
        >>> letter_case(predicted, labels, confusion_matrix(predicted, labels, spec), spec).folded_images.fraction
        1.0
    """
    fold = np.arange(spec.num_classes)
    for number, character in enumerate(spec.alphabet):
        lower = character.lower()
        if lower != character and lower in spec.alphabet:
            fold[number] = spec.alphabet.index(lower)
    if np.array_equal(fold, np.arange(spec.num_classes)):
        return None
    same_letter = np.where(fold[:, np.newaxis] == fold, matrix, 0)
    errors = _errors(matrix)
    characters, images = _merged(fold, predicted, labels, spec)
    return LetterCase(
        fraction_of_errors=_errors(same_letter) / errors if errors else None,
        confusions=most_frequent_confusions(same_letter, spec),
        folded_characters=characters,
        folded_images=images,
    )


def most_frequent_confusions(matrix: NDArray[np.int64], spec: CaptchaSpec) -> tuple[Confusion, ...]:
    """The ten most frequent errors of a `confusion_matrix`, most frequent first.

    Example:
        >>> errors = most_frequent_confusions(np.array([[8, 1, 2], [0, 9, 0], [0, 0, 9]]), CaptchaSpec("ABC"))
        >>> [error.prediction for error in errors]
        ['C', 'B']
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    # Stable: equal counts stay in the order of the alphabet.
    order = np.argsort(-wrong.ravel(), kind="stable")[:MAX_CONFUSIONS]
    pairs = [divmod(int(place), spec.num_classes) for place in order]
    return tuple(
        Confusion(spec.classes[truth], spec.classes[prediction], int(wrong[truth, prediction]))
        for truth, prediction in pairs
        if wrong[truth, prediction]
    )


def _merged(
    classes: NDArray[np.int64],
    predicted: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    spec: CaptchaSpec,
) -> tuple[Rate, Rate]:
    """Character and image accuracy if class ids that `classes` maps to the same number counted as one."""
    right = classes[predicted] == classes[labels]
    return Rate.of(right[is_character(labels, spec)]), Rate.of(right.all(axis=1))


def is_character(class_ids: NDArray[np.integer[Any]], spec: CaptchaSpec) -> NDArray[np.bool_]:
    """Where there is a character: all but the class "no character" of a variable length.

    Example:
        >>> is_character(np.array([0, 1, 2]), CaptchaSpec("AB", 1, 3))
        array([ True,  True, False])
    """
    return np.asarray(class_ids < len(spec.alphabet))


def _errors(matrix: NDArray[np.int64]) -> int:
    return int(matrix.sum() - np.trace(matrix))

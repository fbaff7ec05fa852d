"""Every figure about a network's readings, as data."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.spec import CaptchaSpec

# An attempt more that a form grants to who misreads an image: success within so many is reported.
ATTEMPTS = 3
# Two-sided 95 % quantile of the normal distribution.
Z95 = 1.959963984540054
MOST_CONFUSIONS = 10


@dataclass(frozen=True)
class Rate:
    """A share of right answers with its 95 % Wilson score interval (Wilson 1927).

    Attributes:
        right: Number of right answers.
        total: Number of answers, at least 1.
        share: right / total, 0 to 1.
        low: Lower bound of the interval.
        high: Upper bound of the interval.
    """

    right: int
    total: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, right: NDArray[np.bool_]) -> Rate:
        """The rate of an array of answers."""
        return cls.count(int(np.sum(right)), int(np.size(right)))

    @classmethod
    def count(cls, right: int, total: int) -> Rate:
        """The rate of `right` in `total` answers.

        Raises:
            ValueError: There are no answers, or more right ones than answers.
        """
        if not 0 <= right <= total or total < 1:
            raise ValueError(f"Expected 0 <= right <= total and a total of at least 1, got {right}/{total}.")
        share = right / total
        spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
        scale = 1 + Z95**2 / total
        middle = share + Z95**2 / (2 * total)
        # At 0 and 1 a bound equals the share; rounding must not push it past.
        low = min((middle - spread) / scale, share) if right else 0.0
        high = max((middle + spread) / scale, share) if right < total else 1.0
        return cls(right, total, share, low, high)

    def within(self, attempts: int) -> float:
        """Chance that at least one of so many attempts, each at another image, is right: 1 - (1 - share)^attempts."""
        return float(1 - (1 - self.share) ** attempts)


@dataclass(frozen=True)
class Confusion:
    """How often a class was read as another; an empty text is "no character"."""

    truth: str
    reading: str
    count: int


@dataclass(frozen=True)
class ZeroO:
    """What happens to 0 and O.

    Attributes:
        table: `table[truth][reading]` for truth and reading in "0", "O".
        other: `other[truth]`: read as something else.
        share_of_errors: Share of all character errors that are 0 read as O or O as 0; None without errors.
        merged_characters: Character accuracy if 0 and O counted as one.
        merged_images: Image accuracy if 0 and O counted as one.
    """

    table: dict[str, dict[str, int]]
    other: dict[str, int]
    share_of_errors: float | None
    merged_characters: Rate
    merged_images: Rate


@dataclass(frozen=True)
class LetterCase:
    """What happens to letters that the alphabet has in both cases.

    Attributes:
        share_of_errors: Share of all character errors that are a letter read in the other case; None without errors.
        confusions: The most frequent of these errors.
        folded_characters: Character accuracy if both cases of a letter counted as one.
        folded_images: Image accuracy if both cases of a letter counted as one.
    """

    share_of_errors: float | None
    confusions: tuple[Confusion, ...]
    folded_characters: Rate
    folded_images: Rate


@dataclass(frozen=True)
class Lengths:
    """How many characters were read, where texts differ in length or characters are cut out.

    Attributes:
        right: Images with the right number.
        too_few: Images with fewer, but some.
        too_many: Images with more.
        none: Images of which no character was read.
    """

    right: Rate
    too_few: int
    too_many: int
    none: int


@dataclass(frozen=True)
class Evaluation:
    """The figures.

    Attributes:
        characters: Characters read right, of those that the texts have.
        positions: Readings right at each position, "no character" at the end of a short text included.
        images: Images of which every character was read right.
        within_three: Chance that at least one of three attempts is right, each at another image.
        zero_o: The 0/O figures; None if the alphabet lacks one of them.
        letter_case: Figures about upper and lower case; None if the alphabet has no letter in both.
        lengths: Numbers of characters; None if every text has the same and is read as such.
        confusions: The ten most frequent misreadings, most frequent first.
        confusion_matrix: `[truth][reading]` counts in the order of the classes.
        seconds_per_image: Time of the network on one image, in batches; None if not measured.
    """

    characters: Rate
    positions: tuple[Rate, ...]
    images: Rate
    within_three: float
    zero_o: ZeroO | None
    letter_case: LetterCase | None
    lengths: Lengths | None
    confusions: tuple[Confusion, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    seconds_per_image: float | None

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return dataclasses.asdict(self)


def evaluate(
    readings: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    spec: CaptchaSpec,
    seconds_per_image: float | None = None,
) -> Evaluation:
    """Compare readings with the truth.

    Args:
        readings: Class numbers that were read, `(N, L)`.
        labels: Class numbers of the truth, `(N, L)`.
        spec: Names the classes.
        seconds_per_image: Passed through.

    Raises:
        ValueError: The shapes differ, or there are no images.
    """
    if readings.shape != labels.shape or labels.ndim != 2 or not len(labels):
        raise ValueError(f"Expected two equal shapes (N, L), got {readings.shape} and {labels.shape}.")
    right = readings == labels
    there = _there(labels, spec)
    matrix = np.zeros((spec.num_classes, spec.num_classes), np.int64)
    np.add.at(matrix, (labels.ravel(), readings.ravel()), 1)
    images = Rate.of(right.all(axis=1))
    return Evaluation(
        characters=Rate.of(right[there]),
        positions=tuple(Rate.of(column) for column in right.T),
        images=images,
        within_three=images.within(ATTEMPTS),
        letter_case=_letter_case(readings, labels, matrix, spec),
        lengths=_lengths(readings, labels, spec),
        zero_o=_zero_o(readings, labels, matrix, spec),
        confusions=_confusions(matrix, spec),
        confusion_matrix=tuple(tuple(row) for row in matrix.tolist()),
        seconds_per_image=seconds_per_image,
    )


def _there(numbers: NDArray[np.integer[Any]], spec: CaptchaSpec) -> NDArray[np.bool_]:
    """Where there is a character: all but the class "no character" of a variable length."""
    return np.asarray(numbers < len(spec.alphabet))


def _errors(matrix: NDArray[np.int64]) -> int:
    return int(matrix.sum() - np.trace(matrix))


def _merged(
    classes: NDArray[np.int64],
    readings: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    spec: CaptchaSpec,
) -> tuple[Rate, Rate]:
    """Character and image accuracy if those with the same number in `classes` counted as one."""
    right = classes[readings] == classes[labels]
    return Rate.of(right[_there(labels, spec)]), Rate.of(right.all(axis=1))


def _zero_o(
    readings: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    matrix: NDArray[np.int64],
    spec: CaptchaSpec,
) -> ZeroO | None:
    if not {"0", "O"} <= set(spec.alphabet):
        return None
    number = {name: spec.alphabet.index(name) for name in "0O"}
    table = {t: {r: int(matrix[number[t], number[r]]) for r in "0O"} for t in "0O"}
    errors = _errors(matrix)
    swapped = table["0"]["O"] + table["O"]["0"]
    merge = np.arange(spec.num_classes)
    merge[number["O"]] = number["0"]
    characters, images = _merged(merge, readings, labels, spec)
    return ZeroO(
        table=table,
        other={t: int(matrix[number[t]].sum()) - sum(table[t].values()) for t in "0O"},
        share_of_errors=swapped / errors if errors else None,
        merged_characters=characters,
        merged_images=images,
    )


def _letter_case(
    readings: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    matrix: NDArray[np.int64],
    spec: CaptchaSpec,
) -> LetterCase | None:
    fold = np.arange(spec.num_classes)
    for number, character in enumerate(spec.alphabet):
        lower = character.lower()
        if lower != character and lower in spec.alphabet:
            fold[number] = spec.alphabet.index(lower)
    if np.array_equal(fold, np.arange(spec.num_classes)):
        return None
    same_letter = np.where(fold[:, np.newaxis] == fold, matrix, 0)
    errors = _errors(matrix)
    characters, images = _merged(fold, readings, labels, spec)
    return LetterCase(
        share_of_errors=_errors(same_letter) / errors if errors else None,
        confusions=_confusions(same_letter, spec),
        folded_characters=characters,
        folded_images=images,
    )


def _lengths(readings: NDArray[np.integer[Any]], labels: NDArray[np.integer[Any]], spec: CaptchaSpec) -> Lengths | None:
    if not spec.variable_length:
        return None
    found, there = (_there(numbers, spec).sum(axis=1) for numbers in (readings, labels))
    return Lengths(
        right=Rate.of(found == there),
        too_few=int(np.sum((found < there) & (found > 0))),
        too_many=int(np.sum(found > there)),
        none=int(np.sum((found == 0) & (there > 0))),
    )


def _confusions(matrix: NDArray[np.int64], spec: CaptchaSpec) -> tuple[Confusion, ...]:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    # Stable: equal counts stay in the order of the alphabet.
    order = np.argsort(-wrong.ravel(), kind="stable")[:MOST_CONFUSIONS]
    pairs = [divmod(int(place), spec.num_classes) for place in order]
    return tuple(
        Confusion(spec.classes[truth], spec.classes[reading], int(wrong[truth, reading]))
        for truth, reading in pairs
        if wrong[truth, reading]
    )

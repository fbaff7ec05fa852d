"""Every figure about a network's predictions, as data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.evaluation.confusion import (
    Confusion,
    LetterCase,
    ZeroO,
    is_character,
    letter_case,
    most_frequent_confusions,
    zero_o,
)
from captcha_keras.evaluation.rates import Rate
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.confusion import confusion_matrix

# A form usually grants another attempt after a misread image; success within this many is reported.
ATTEMPTS = 3


@dataclass(frozen=True)
class Lengths:
    """How often the number of characters was right, where texts differ in length or characters are cut out.

    Attributes:
        right: Images with the right number.
        too_few: Images with fewer, but some.
        too_many: Images with more.
        none: Images of which no character was read.

    Example:
        >>> lengths = score(np.array([[0, 2], [0, 1]]), np.array([[0, 1], [0, 1]]), CaptchaSpec("AB", 1, 2)).lengths
        >>> lengths.right.fraction, lengths.too_few
        (0.5, 1)
    """

    right: Rate
    too_few: int
    too_many: int
    none: int


@dataclass(frozen=True)
class Evaluation:
    """Every figure about the predictions on a set of images.

    Attributes:
        characters: Characters read right, of those that the texts have.
        positions: Predictions right at each position, "no character" at the end of a short text included.
        images: Images of which every character was read right.
        within_three: Chance that at least one of three attempts is right, each at another image.
        zero_o: The 0/O figures; None if the alphabet lacks one of them.
        letter_case: Figures about upper and lower case; None if the alphabet has no letter in both.
        lengths: Numbers of characters; None if every text has the same and is read as such.
        confusions: The ten most frequent misreadings, most frequent first.
        confusion_matrix: `[truth][prediction]` counts in the order of the classes.
        seconds_per_image: Time of the network on one image, in batches; None if not measured.

    Example:
        >>> evaluation = score(np.array([[0, 1]]), np.array([[0, 0]]), CaptchaSpec("AB", 2, 2))
        >>> [rate.fraction for rate in evaluation.positions], evaluation.confusion_matrix
        ([1.0, 0.0], ((1, 1), (0, 0)))
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


def evaluate(recognizer: Recognizer, data: Dataset | LabelledImages) -> Evaluation:
    """Measure how well a recognizer reads labelled images.

    Args:
        recognizer: Reads them.
        data: A data set, whose images are resized to the network's size, or images of this size with class ids of the
            recognizer's spec.

    Raises:
        DatasetError: An image or label is bad.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from captcha_keras import Recognizer, open_dataset
        >>> from data_gen import Series, Settings, generate_dataset
        >>> folder = Path(tempfile.mkdtemp()) / "captcha"
        >>> drawn = generate_dataset(Settings(Series(seed=5), count=20), folder)
        >>> evaluate(Recognizer.from_pretrained("captcha"), open_dataset(folder)).images.right >= 18
        True
    """
    labelled = data if isinstance(data, LabelledImages) else data.images(recognizer.spec, resize=True)
    probabilities, seconds = recognizer.timed_probabilities(labelled.images)
    return score(probabilities.argmax(axis=-1), labelled.labels, recognizer.spec, seconds)


def score(
    predicted: NDArray[np.integer[Any]],
    labels: NDArray[np.integer[Any]],
    spec: CaptchaSpec,
    seconds_per_image: float | None = None,
) -> Evaluation:
    """Compare predictions with the truth.

    Args:
        predicted: Predicted class ids, `(N, L)`.
        labels: True class ids, `(N, L)`.
        spec: Names the classes.
        seconds_per_image: Passed through.

    Raises:
        ValueError: The shapes differ, or there are no images.

    Example:
        >>> spec = CaptchaSpec(alphabet="AB", min_length=2, max_length=2)
        >>> figures = score(np.array([[0, 1], [1, 1]]), np.array([[0, 1], [0, 1]]), spec)
        >>> figures.characters.fraction, figures.images.fraction
        (0.75, 0.5)
    """
    if predicted.shape != labels.shape or labels.ndim != 2 or not len(labels):
        raise ValueError(f"Expected two equal shapes (N, L), got {predicted.shape} and {labels.shape}.")
    right = predicted == labels
    matrix = confusion_matrix(predicted, labels, spec)
    images = Rate.of(right.all(axis=1))
    return Evaluation(
        characters=Rate.of(right[is_character(labels, spec)]),
        positions=tuple(Rate.of(column) for column in right.T),
        images=images,
        within_three=images.within(ATTEMPTS),
        letter_case=letter_case(predicted, labels, matrix, spec),
        lengths=_lengths(predicted, labels, spec),
        zero_o=zero_o(predicted, labels, matrix, spec),
        confusions=most_frequent_confusions(matrix, spec),
        confusion_matrix=tuple(tuple(row) for row in matrix.tolist()),
        seconds_per_image=seconds_per_image,
    )


def _lengths(
    predicted: NDArray[np.integer[Any]], labels: NDArray[np.integer[Any]], spec: CaptchaSpec
) -> Lengths | None:
    if not spec.variable_length:
        return None
    found, there = (is_character(numbers, spec).sum(axis=1) for numbers in (predicted, labels))
    return Lengths(
        right=Rate.of(found == there),
        too_few=int(np.sum((found < there) & (found > 0))),
        too_many=int(np.sum(found > there)),
        none=int(np.sum((found == 0) & (there > 0))),
    )

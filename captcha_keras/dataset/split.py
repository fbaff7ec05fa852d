"""The seeded split into training, validation and test images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import DatasetError

# More validation images tell hardly more, and each is one less to learn from.
MOST_VALIDATION = 1_000


@dataclass(frozen=True)
class Split:
    """The indices of the training, validation and test images, each array sorted, each index in one of them.

    Example:
        >>> parts = split_indices(20, seed=0)
        >>> len(parts.train), len(parts.validation), len(parts.test)
        (16, 2, 2)
        >>> parts.digest() == split_indices(20, seed=1).digest()
        False
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def digest(self) -> str:
        """SHA-256 over the indices: NumPy does not promise that a seed gives the same order in every release."""
        parts = (self.train, self.validation, self.test)
        content = b"|".join(part.astype("<i8").tobytes() for part in parts)
        return hashlib.sha256(content).hexdigest()


def split_indices(
    count: int, seed: int, validation: float = 0.1, test: float = 0.1, labels: int | None = None
) -> Split:
    """Split `count` images at random; the same arguments give the same split.

    Args:
        count: Number of images.
        seed: Seed of the split.
        validation: Fraction of the images for validation, 0 to 1.
        test: Fraction of the images for testing, 0 to 1.
        labels: Training and validation images together, as if no other one were labelled; a tenth of them, at most
            1,000, are for validation. The labelled images of a number are among those of a larger one, and the test
            images are the same. None for all images.

    Raises:
        DatasetError: A fraction is out of range or leaves a part empty, or there are fewer images than labels.

    Example:
        >>> parts = split_indices(10, seed=0, validation=0.2, test=0.3)
        >>> sorted([*parts.train, *parts.validation, *parts.test]) == list(range(10))
        True
        >>> len(parts.validation), len(parts.test)
        (2, 3)
        >>> few = split_indices(1000, seed=0, labels=150)
        >>> len(few.train), len(few.validation), len(few.test)
        (135, 15, 100)
    """
    fractions = 0 < validation < 1 and 0 < test < 1
    sizes = (round(count * validation), round(count * test)) if fractions else (0, 0)
    rest = count - sum(sizes)
    if min(*sizes, rest) < 1:
        raise DatasetError(
            f"{count} images cannot be split into training, validation ({validation:g}) and test "
            f"({test:g}): each part needs at least one image."
        )
    order = np.random.default_rng(seed).permutation(count).astype(np.int64)
    known, validating = rest + sizes[0], sizes[0]
    last = known if labels is None else labels
    if labels is not None:
        if not 2 <= labels <= known:
            raise DatasetError(
                f"Of {count} images {sizes[1]} are for the test, so 2 to {known} can count as labelled, got {labels}."
            )
        validating = min(max(labels // 10, 1), MOST_VALIDATION)
    first = last - validating
    return Split(np.sort(order[:first]), np.sort(order[first:last]), np.sort(order[known:]))

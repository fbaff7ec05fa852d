"""The seeded split into training, validation and test images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import DatasetError


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


def split_indices(count: int, seed: int, validation: float = 0.1, test: float = 0.1) -> Split:
    """Split `count` images at random; the same arguments give the same split.

    Args:
        count: Number of images.
        seed: Seed of the split.
        validation: Fraction of the images for validation, 0 to 1.
        test: Fraction of the images for testing, 0 to 1.

    Raises:
        DatasetError: A fraction is out of range or leaves a part empty.

    Example:
        >>> parts = split_indices(10, seed=0, validation=0.2, test=0.3)
        >>> sorted([*parts.train, *parts.validation, *parts.test]) == list(range(10))
        True
        >>> len(parts.validation), len(parts.test)
        (2, 3)
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
    first, second = rest, rest + sizes[0]
    return Split(np.sort(order[:first]), np.sort(order[first:second]), np.sort(order[second:]))

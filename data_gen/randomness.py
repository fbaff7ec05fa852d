"""A seeded stand-in for the module `secrets`, from which `captcha` takes every random draw."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from captcha import image as captcha_image

T = TypeVar("T")


class SeededSecrets:
    """The three functions of `secrets` that `captcha.image` calls, drawn from a seeded generator.

    Mersenne Twister, seeded from a text by SHA-512 (`random.seed`, version 2), gives the same numbers on
    every machine and in every Python release.

    Args:
        seed: Seed of the data set.
        index: Number of the image.
    """

    def __init__(self, seed: int, index: int) -> None:
        self._random = random.Random(f"captcha-keras {seed} {index}")

    def randbelow(self, exclusive_upper_bound: int) -> int:
        """A number from 0 to below the bound."""
        return self._random.randrange(exclusive_upper_bound)

    def randbits(self, k: int) -> int:
        """A number of `k` random bits."""
        return self._random.getrandbits(k)

    def choice(self, seq: Sequence[T]) -> T:
        """One element of a sequence."""
        return seq[self._random.randrange(len(seq))]


@contextmanager
def seeded(secrets: SeededSecrets) -> Iterator[None]:
    """Let `captcha.image` draw from `secrets` while the block runs (one thread at a time)."""
    original = captcha_image.secrets
    captcha_image.secrets = secrets
    try:
        yield
    finally:
        captcha_image.secrets = original

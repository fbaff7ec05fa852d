"""A seeded stand-in for the module `secrets`, from which `captcha` takes every random draw."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from captcha import image as captcha_image

T = TypeVar("T")


class SeededSecrets:
    """The three functions of `secrets` that `captcha.image` calls, drawn from a seeded generator.

    Mersenne Twister, seeded from a text by SHA-512 (`random.seed`, version 2), gives the same numbers on
    every machine and in every Python release.

    Args:
        seed: Seed of the series of images; a name makes a series apart from every numbered one.
        index: Number of the image.

    Attributes:
        randbits: Function from a number of bits to a random number of as many bits.

    Example:
        >>> secrets = SeededSecrets(seed=0, index=5)
        >>> [secrets.randbelow(6) for _ in range(5)]
        [4, 1, 3, 2, 4]
        >>> SeededSecrets(seed=0, index=5).choice("ABCDEF")
        'E'
    """

    def __init__(self, seed: int | str, index: int) -> None:
        # The bound method itself: an image takes about 60 such numbers.
        self.randbits: Callable[[int], int] = random.Random(f"captcha-keras {seed} {index}").getrandbits

    def randbelow(self, exclusive_upper_bound: int) -> int:
        """A number from 0 to below the bound.

        The algorithm of `random.randrange`, and its numbers, without its handling of other arguments: an
        image takes about 140 of them.
        """
        if exclusive_upper_bound <= 0:
            raise ValueError(f"The bound must be above 0, got {exclusive_upper_bound}.")
        randbits, bits = self.randbits, exclusive_upper_bound.bit_length()
        number = randbits(bits)
        while number >= exclusive_upper_bound:
            number = randbits(bits)
        return number

    def choice(self, seq: Sequence[T]) -> T:
        """One element of a sequence."""
        return seq[self.randbelow(len(seq))]


@contextmanager
def seeded(secrets: SeededSecrets) -> Iterator[None]:
    """Let `captcha.image` draw from `secrets` while the block runs (one thread at a time).

    Example:
        >>> def pixels():
        ...     with seeded(SeededSecrets(0, 5)):
        ...         return captcha_image.ImageCaptcha().generate_image("AB12").tobytes()
        >>> pixels() == pixels()
        True
    """
    original = captcha_image.secrets
    captcha_image.secrets = secrets
    try:
        yield
    finally:
        captcha_image.secrets = original

"""Random numbers of one image, and the arithmetic that is the same on every processor."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")

# A turn has 1,024 steps; the sine of a step is in units of 1/4096. Whole numbers, since the last bit of `math.sin`
# differs between processors: rounded to 1/4096 it does not, as no sine here is near the middle between two of them.
STEPS = 1024
ONE = 4096
SINE = tuple(round(math.sin(math.tau * step / STEPS) * ONE) for step in range(STEPS))


def sine(step: int) -> int:
    """Sine of an angle in steps of 1/1024 turn, in units of 1/4096.

    Example:
        >>> sine(0), sine(256), sine(-256)
        (0, 4096, -4096)
    """
    return SINE[step % STEPS]


def cosine(step: int) -> int:
    """Cosine of an angle in steps of 1/1024 turn, in units of 1/4096.

    Example:
        >>> cosine(0), cosine(512)
        (4096, -4096)
    """
    return SINE[(step + STEPS // 4) % STEPS]


class Table(Generic[T]):
    """Items with weights, of which one is drawn.

    Args:
        weights: For each item how often it is drawn, relative to the others.

    Example:
        >>> Dice("table").draw(Table({"often": 9, "seldom": 1}))
        'often'
    """

    def __init__(self, weights: dict[T, int]) -> None:
        self.items = tuple(weights)
        self.sums = tuple(accumulate(weights.values()))


class Dice:
    """A stream of random whole numbers: Mersenne Twister, the same on every machine and in every Python release.

    Args:
        seed: A whole number or a text.

    Example:
        >>> dice = Dice("example")
        >>> [dice.between(1, 6) for _ in range(5)]
        [5, 2, 2, 6, 5]
    """

    __slots__ = ("_bits", "bytes")

    def __init__(self, seed: int | str) -> None:
        generator = random.Random(seed)
        self._bits = generator.getrandbits
        self.bytes = generator.randbytes

    def below(self, bound: int) -> int:
        """A number from 0 to below `bound`, which is far below 2**32."""
        return self._bits(32) * bound >> 32

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + (self._bits(32) * (high - low + 1) >> 32)

    def around(self, reach: int) -> int:
        """A number from `-reach` to `reach`, those near 0 more often."""
        return (self._bits(32) * (reach + 1) >> 32) - (self._bits(32) * (reach + 1) >> 32)

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self._bits(32) * 100 >> 32 < percent

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self._bits(32) * len(items) >> 32]

    def draw(self, table: Table[T]) -> T:
        """One item of a table."""
        return table.items[bisect_right(table.sums, self._bits(32) * table.sums[-1] >> 32)]

    def seed(self) -> int:
        """The seed of a stream of its own, for a part whose draws must not move those of other parts."""
        return self._bits(64)

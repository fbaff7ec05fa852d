"""Cuts the rows of arrays into batches for inference."""

from __future__ import annotations

from collections.abc import Iterator

# Large enough that the cost of a call is small beside its work, small enough for any memory.
INFERENCE_BATCH_SIZE = 256


def batch_slices(count: int, batch_size: int = INFERENCE_BATCH_SIZE) -> Iterator[slice]:
    """Cut `count` rows into batches, in order; the last one may be smaller.

    Example:
        >>> list(batch_slices(5, batch_size=2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for first in range(0, count, batch_size):
        yield slice(first, min(first + batch_size, count))

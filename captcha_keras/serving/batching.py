"""Batching: requests that wait at the same time are computed together.

A request that finds an idle thread is computed at once. Requests that arrive while all threads compute wait in a queue
and become the next batch. So a single client loses no time to batching, and many clients share a call's fixed cost.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.models.model import Arrays, ServedModel
from captcha_keras.serving.pixels import bound_pixels

# Decoding this many pixels takes about as long as computing a full batch.
MAX_BATCH_PIXELS = 1 << 22

Outputs = dict[str, NDArray[Any]]
# Told of each computation: its rows, the seconds that each part of a request waited, and the seconds of computing.
OnBatch = Callable[[int, list[float], float], None]


@dataclass(frozen=True)
class BatchingConfig:
    """The settings of a `Batcher`.

    Attributes:
        max_batch_size: Rows of one computation; a longer request is computed in parts. 1 turns batching off.
        max_waiting_rows: Rows that may wait; a request that finds no room is refused with UNAVAILABLE.
        threads: Computations at the same time.
        timeout: Seconds that a request may take, waiting included.

    Example:
        >>> BatchingConfig(max_batch_size=32).threads
        2
        >>> BatchingConfig(threads=0)
        Traceback (most recent call last):
        captcha_keras.errors.InputError: threads must be positive, got 0.
    """

    max_batch_size: int = 64
    max_waiting_rows: int = 1024
    threads: int = 2
    timeout: float = 30.0

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_waiting_rows", "threads", "timeout"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")
        if self.max_waiting_rows < self.max_batch_size:
            raise InputError(
                f"max_waiting_rows must be at least max_batch_size, {self.max_batch_size}, got {self.max_waiting_rows}."
            )


@dataclass
class _Part:
    """A request in the queue, or a part of one that is longer than a batch."""

    model: ServedModel
    signature: str
    arrays: Arrays
    rows: int
    pixels: int
    answer: asyncio.Future[Outputs] = field(repr=False)
    since: float = field(default_factory=time.perf_counter)

    @property
    def key(self) -> Hashable:
        """What is equal for all parts of a batch."""
        return (id(self.model), self.signature)


class Batcher:
    """Computes the requests of one event loop in batches, in threads.

    Args:
        config: The settings.
        on_batch: Called after each computation with its rows, the seconds that each part of a request waited, and the
            seconds that it took.

    Attributes:
        waiting_rows: Number of rows in the queue.

    Example:
        >>> class Doubling:  # in place of a ServedModel
        ...     def check(self, signature, arrays): pass
        ...     def run(self, signature, arrays): return {"y": 2 * arrays["x"]}
        >>> batcher = Batcher(BatchingConfig())
        >>> asyncio.run(batcher.run(Doubling(), "double", {"x": np.array([1, 2])}))
        {'y': array([2, 4])}
        >>> batcher.close()
    """

    def __init__(self, config: BatchingConfig, on_batch: OnBatch = lambda rows, waited, seconds: None) -> None:
        self._config = config
        self._on_batch = on_batch
        self._queue: deque[_Part] = deque()
        self._running = 0
        self._threads = ThreadPoolExecutor(config.threads, "model")
        self.waiting_rows = 0

    async def run(self, model: ServedModel, signature: str, arrays: Arrays) -> Outputs:
        """Compute a request and return its outputs by name.

        Args:
            model: Computes it.
            signature: Name of the model's signature.
            arrays: The inputs by name, all with the same number of rows.

        Raises:
            RequestError: The inputs do not fit the signature, the queue is full, or the time is up.
        """
        model.check(signature, arrays)
        sizes = {len(array) for array in arrays.values()}
        if len(sizes) != 1:
            raise invalid(f"The inputs must have the same number of rows, got {sorted(sizes)}.")
        (rows,) = sizes
        if rows == 0:  # as TF Serving, where the convolutions refuse it
            raise invalid("A request must have at least one row.")
        if rows > self._config.max_waiting_rows:
            raise invalid(f"A request may have {self._config.max_waiting_rows} rows, got {rows}.")
        if rows + self.waiting_rows > self._config.max_waiting_rows:
            raise RequestError(Code.UNAVAILABLE, "The server is busy; try again later.")
        arrays, pixels = bound_pixels(arrays)
        parts = [
            self._enqueue(model, signature, arrays, slice(first, last), sum(pixels[first:last]))
            for first, last in _cuts(pixels or [0] * rows, self._config.max_batch_size)
        ]
        self._start_batches()
        try:
            async with asyncio.timeout(self._config.timeout):
                answers = [await part.answer for part in parts]
        except TimeoutError as error:
            raise RequestError(
                Code.DEADLINE_EXCEEDED, f"No answer within {self._config.timeout:g} s; try again later."
            ) from error
        finally:
            # If a part failed or the client left, the parts that still wait are not computed.
            cancelled = [part.answer.cancel() for part in parts]
            if any(cancelled):
                self._queue = deque(part for part in self._queue if not part.answer.done())
                self.waiting_rows = sum(part.rows for part in self._queue)
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def close(self) -> None:
        """Stop the threads after their present computation; what waits is not computed."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, model: ServedModel, signature: str, arrays: Arrays, rows: slice, pixels: int) -> _Part:
        inputs = {name: array[rows] for name, array in arrays.items()}
        answer = asyncio.get_running_loop().create_future()
        part = _Part(model, signature, inputs, rows.stop - rows.start, pixels, answer)
        self._queue.append(part)
        self.waiting_rows += part.rows
        return part

    def _start_batches(self) -> None:
        while self._queue and self._running < self._config.threads:
            batch = self._next_batch()
            if batch:
                self._threads.submit(self._compute, batch, asyncio.get_running_loop())
                self._running += 1

    def _next_batch(self) -> list[_Part]:
        """Take the longest waiting part out of the queue, and those with the same key as far as they fit."""
        batch: list[_Part] = []
        remaining: deque[_Part] = deque()
        rows = pixels = 0
        for part in self._queue:
            fits = rows + part.rows <= self._config.max_batch_size and pixels + part.pixels <= MAX_BATCH_PIXELS
            if part.answer.done():
                self.waiting_rows -= part.rows
            elif not batch or (part.key == batch[0].key and fits):
                batch.append(part)
                rows += part.rows
                pixels += part.pixels
                self.waiting_rows -= part.rows
            else:
                remaining.append(part)
        self._queue = remaining
        return batch

    def _compute(self, batch: list[_Part], loop: asyncio.AbstractEventLoop) -> None:
        """Compute a batch, in a thread."""
        first, begin = batch[0], time.perf_counter()
        outputs: Outputs | str
        try:
            joined = {name: np.concatenate([part.arrays[name] for part in batch]) for name in first.arrays}
            outputs = first.model.run(first.signature, joined)
        except Exception as error:  # TensorFlow raises many kinds; the clients are told, and the server goes on
            outputs = f"The model failed: {type(error).__name__}."
        # If the event loop has ended, this fails, and nobody waits for the answer.
        loop.call_soon_threadsafe(self._finished, batch, outputs, begin, time.perf_counter())

    def _finished(self, batch: list[_Part], outputs: Outputs | str, begin: float, end: float) -> None:
        self._on_batch(sum(part.rows for part in batch), [begin - part.since for part in batch], end - begin)
        start = 0
        for part in batch:
            if part.answer.done():
                pass  # the client has left
            elif isinstance(outputs, str):
                part.answer.set_exception(RequestError(Code.INTERNAL, outputs))
                part.answer.exception()  # asyncio would log it if the client leaves
            else:
                part.answer.set_result({name: value[start : start + part.rows] for name, value in outputs.items()})
            start += part.rows
        self._running -= 1
        self._start_batches()


def _cuts(pixels: Sequence[int], most_rows: int) -> Iterator[tuple[int, int]]:
    """The first row of each part of a request, and the one after its last."""
    first = total = 0
    for row, count in enumerate(pixels):
        if row - first == most_rows or (row > first and total + count > MAX_BATCH_PIXELS):
            yield first, row
            first, total = row, 0
        total += count
    yield first, len(pixels)

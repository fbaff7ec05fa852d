"""Batching: requests that wait at the same time are computed together.

A request that finds an idle thread is computed at once. Requests that arrive while all threads compute wait in a queue
and become the next batch. So a single client loses no time to batching, and many clients share a call's fixed cost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.model import Arrays, ServedModel

Outputs = dict[str, NDArray[Any]]


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
    answer: asyncio.Future[Outputs] = field(repr=False)

    @property
    def key(self) -> Hashable:
        """What is equal for all parts of a batch."""
        return (id(self.model), self.signature)


class Batcher:
    """Computes the requests of one event loop in batches, in threads.

    Args:
        config: The settings.
        on_batch: Called with the number of rows of each computation.

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

    def __init__(self, config: BatchingConfig, on_batch: Callable[[int], None] = lambda rows: None) -> None:
        self._config = config
        self._on_batch = on_batch
        self._queue: deque[_Part] = deque()
        self._running: set[asyncio.Task[None]] = set()
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
        parts = [
            self._enqueue(model, signature, arrays, first, rows)
            for first in range(0, rows, self._config.max_batch_size)
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
            for part in parts:
                part.answer.cancel()
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def close(self) -> None:
        """Stop the threads after their present computation; what waits is not computed."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, model: ServedModel, signature: str, arrays: Arrays, first: int, rows: int) -> _Part:
        count = min(rows - first, self._config.max_batch_size)
        inputs = {name: array[first : first + count] for name, array in arrays.items()}
        part = _Part(model, signature, inputs, count, asyncio.get_running_loop().create_future())
        self._queue.append(part)
        self.waiting_rows += count
        return part

    def _start_batches(self) -> None:
        while self._queue and len(self._running) < self._config.threads:
            batch = self._next_batch()
            if batch:
                task = asyncio.create_task(self._compute(batch))
                self._running.add(task)
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start_batches()

    def _next_batch(self) -> list[_Part]:
        """Take the longest waiting part out of the queue, and those with the same key as far as they fit."""
        batch: list[_Part] = []
        remaining: deque[_Part] = deque()
        rows = 0
        for part in self._queue:
            if part.answer.done():
                self.waiting_rows -= part.rows
            elif not batch or (part.key == batch[0].key and rows + part.rows <= self._config.max_batch_size):
                batch.append(part)
                rows += part.rows
                self.waiting_rows -= part.rows
            else:
                remaining.append(part)
        self._queue = remaining
        return batch

    async def _compute(self, batch: list[_Part]) -> None:
        first = batch[0]
        joined = {name: np.concatenate([part.arrays[name] for part in batch]) for name in first.arrays}
        self._on_batch(sum(part.rows for part in batch))
        try:
            outputs = await asyncio.get_running_loop().run_in_executor(
                self._threads, first.model.run, first.signature, joined
            )
        except Exception as error:  # TensorFlow raises many kinds; the clients are told, and the server goes on
            for part in batch:
                if not part.answer.done():
                    part.answer.set_exception(RequestError(Code.INTERNAL, f"The model failed: {type(error).__name__}."))
                    part.answer.exception()  # asyncio would log it if the client has left
            return
        start = 0
        for part in batch:
            if not part.answer.done():
                part.answer.set_result({name: value[start : start + part.rows] for name, value in outputs.items()})
            start += part.rows

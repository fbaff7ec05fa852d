"""Requests that wait at the same time are computed together.

There is no waiting for company: a request that finds the model idle is computed at once, alone. Those that arrive
meanwhile wait and make the next batch. So one client pays nothing for batching, and many share a call's fixed cost.
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
    """How requests are put together.

    Attributes:
        max_batch_size: Rows of one computation; a longer request is computed in several. 1: no batching.
        max_waiting_rows: Rows that may wait; a request that finds no room is refused with UNAVAILABLE.
        threads: Computations at the same time.
        timeout: Seconds that a request may take, waiting included.
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
                f"As many rows must be able to wait as are computed together, {self.max_batch_size}, got "
                f"{self.max_waiting_rows}."
            )


@dataclass
class _Waiting:
    model: ServedModel
    signature: str
    arrays: Arrays
    rows: int
    answer: asyncio.Future[Outputs] = field(repr=False)

    @property
    def key(self) -> Hashable:
        """What must be equal for two to be computed together."""
        return (id(self.model), self.signature)


class Batcher:
    """Computes requests of one event loop in threads, several at a time.

    Args:
        config: See `BatchingConfig`.
        observe: Told the rows of each computation.
    """

    def __init__(self, config: BatchingConfig, observe: Callable[[int], None] = lambda rows: None) -> None:
        self._config = config
        self._observe = observe
        self._queue: deque[_Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(config.threads, "model")
        self.waiting_rows = 0

    async def run(self, model: ServedModel, signature: str, arrays: Arrays) -> Outputs:
        """Compute a request.

        Raises:
            RequestError: It does not fit the signature, the queue is full, or the time is up.
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
        self._start()
        try:
            async with asyncio.timeout(self._config.timeout):
                answers = [await part.answer for part in parts]
        except TimeoutError as error:
            raise RequestError(
                Code.DEADLINE_EXCEEDED, f"No answer within {self._config.timeout:g} s; try again later."
            ) from error
        finally:
            # After a failure or a client that left, what still waits of the request is not computed.
            for part in parts:
                part.answer.cancel()
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, model: ServedModel, signature: str, arrays: Arrays, first: int, rows: int) -> _Waiting:
        count = min(rows - first, self._config.max_batch_size)
        part = {name: array[first : first + count] for name, array in arrays.items()}
        waiting = _Waiting(model, signature, part, count, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self.waiting_rows += count
        return waiting

    def _start(self) -> None:
        while self._queue and len(self._running) < self._config.threads:
            batch = self._take()
            if batch:
                task = asyncio.create_task(self._compute(batch))
                self._running.add(task)
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    def _take(self) -> list[_Waiting]:
        """The request that waits longest, and those that go with it, as far as they fit; the others stay in order."""
        batch: list[_Waiting] = []
        others: deque[_Waiting] = deque()
        rows = 0
        for waiting in self._queue:
            if waiting.answer.done():
                self.waiting_rows -= waiting.rows
            elif not batch or (waiting.key == batch[0].key and rows + waiting.rows <= self._config.max_batch_size):
                batch.append(waiting)
                rows += waiting.rows
                self.waiting_rows -= waiting.rows
            else:
                others.append(waiting)
        self._queue = others
        return batch

    async def _compute(self, batch: list[_Waiting]) -> None:
        first = batch[0]
        joined = {name: np.concatenate([each.arrays[name] for each in batch]) for name in first.arrays}
        self._observe(sum(each.rows for each in batch))
        try:
            outputs = await asyncio.get_running_loop().run_in_executor(
                self._threads, first.model.run, first.signature, joined
            )
        except Exception as error:  # whatever TensorFlow raises goes to the clients, and the server goes on
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(RequestError(Code.INTERNAL, f"The model failed: {type(error).__name__}."))
                    each.answer.exception()  # one whose client has left is not reported as forgotten
            return
        start = 0
        for each in batch:
            if not each.answer.done():
                each.answer.set_result({name: value[start : start + each.rows] for name, value in outputs.items()})
            start += each.rows

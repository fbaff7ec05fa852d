"""Batches of images that were never on disk, drawn ahead of their use by worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from captcha_keras.cores import available_cores
from captcha_keras.dataset.images import fit_to
from captcha_keras.errors import CommandError
from captcha_keras.spec import CaptchaSpec
from data_gen.engines import process_pool
from data_gen.series import ImageSource, Series

Batch = tuple[NDArray[np.uint8], list[str]]

# Batches that each worker draws ahead of their use.
BATCHES_AHEAD = 3


class ImageStream:
    """A pool of processes that draws batches in order; a context manager, its processes end with the block.

    Args:
        workers: Number of processes; all cores by default.

    Example:
        >>> from data_gen import ImageStream, Series
        >>> with ImageStream(workers=1) as stream:
        ...     for images, texts in stream.batches(Series(), first=0, batch_size=4, count=2):
        ...         print(images.shape, texts)
        (4, 80, 170, 3) ['ETQR', 'ED7T', 'BNYM', 'RIOE']
        (4, 80, 170, 3) ['MAGO', 'OLWY', 'IJMD', '9CAN']
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or available_cores()

    def __enter__(self) -> ImageStream:
        self._pool = process_pool(self._workers)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def batches(
        self, series: Series, first: int, batch_size: int, count: int, canvas: CaptchaSpec | None = None
    ) -> Iterator[Batch]:
        """Images `first` to `first + count * batch_size` of a series.

        Args:
            series: The series.
            first: Number of the first image.
            batch_size: Images of a batch.
            count: Number of batches.
            canvas: What each image is fitted into as it was drawn; the series' own spec by default.

        Yields:
            uint8 RGB images `(batch_size, height, width, 3)` of the canvas's size, and their texts. They are not
            encoded: a network reads JPEG and PNG alike (benchmarks/robustness.py), and that would cost a third more.

        Raises:
            CommandError: A worker process died.
        """
        starts = iter(range(first, first + count * batch_size, batch_size))
        pending: deque[Future[Batch]] = deque()
        try:
            for start in starts:
                pending.append(self._pool.submit(_draw, series, start, batch_size, canvas or series.spec))
                if len(pending) > BATCHES_AHEAD * self._workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise CommandError("A process that draws training images died (killed, or out of memory).") from error
        finally:
            for future in pending:
                future.cancel()


def _draw(series: Series, first: int, count: int, canvas: CaptchaSpec) -> Batch:
    source = _source(series)
    drawn = [source.image(index) for index in range(first, first + count)]
    return np.stack([fit_to(np.asarray(image), canvas) for _, image in drawn]), [text for text, _ in drawn]


@lru_cache(2)
def _source(series: Series) -> ImageSource:
    return series.source()

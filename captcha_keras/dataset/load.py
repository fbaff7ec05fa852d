"""Decoding the images and encoding the texts of a data set, every one of them checked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from captcha_keras import images
from captcha_keras.dataset.records import Dataset, shown_record
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec, SpecError


def in_memory(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An image array of this shape in memory, not yet filled."""
    return np.empty(shape, np.uint8)


def load(
    dataset: Dataset,
    spec: CaptchaSpec,
    *,
    indices: NDArray[np.int64] | None = None,
    resize: bool = False,
    allocate: Callable[[tuple[int, ...]], NDArray[np.uint8]] = in_memory,
    progress: Callable[[int], None] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Decode images and encode texts, checking every one of them.

    Args:
        dataset: The opened folder.
        spec: What the images and texts must be.
        indices: Which records to decode; all by default. Labels are checked for these alone.
        resize: Resize images of another size, as long as all have the same size, instead of refusing them.
        allocate: Makes the image array from its shape, for one that lives on disk.
        progress: Called with the number of images decoded so far.

    Returns:
        uint8 images `(N, height, width, 3)` and int32 class numbers `(N, max_length)`.

    Raises:
        DatasetError: At least one file or label is bad; every one is counted.
    """
    records = dataset.records if indices is None else [dataset.records[i] for i in indices]
    problems = list(dataset.problems)
    labels = np.zeros((len(records), spec.max_length), np.int32)
    for row, record in enumerate(records):
        try:
            labels[row] = spec.encode(record.text)
        except SpecError as error:
            problems.append(f"{record.source}: {error}")
    expected = dataset.first_size() if resize else (spec.height, spec.width)
    shape = (len(records), spec.height, spec.width, 3)
    pixels = allocate(shape)

    def decode(row: int) -> str | None:
        record = records[row]
        try:
            image = record.read()
        except images.ImageError as error:
            return f"{shown_record(record, dataset.folder)} {error}"
        height, width, _ = image.shape
        if (height, width) != expected:
            return f"{shown_record(record, dataset.folder)} is {width}x{height}, expected {expected[1]}x{expected[0]}"
        pixels[row] = images.fit(image, spec.width, spec.height)
        return None

    # Pillow releases the interpreter lock while it decodes.
    with ThreadPoolExecutor() as pool:
        try:
            for done, problem in enumerate(pool.map(decode, range(len(records))), start=1):
                if problem:
                    problems.append(problem)
                if progress:
                    progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if problems:
        raise DatasetError(
            f"{dataset.folder} has {len(problems)} bad {'entry' if len(problems) == 1 else 'entries'}:",
            problems,
        )
    return pixels, labels

"""Decodes the images and encodes the texts of a data set; checks every one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.images import ImageError, fit_to
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.records import Record, shown_record
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec, SpecError

# Makes a uint8 image array from its shape: in memory, or in a file.
Allocate = Callable[[tuple[int, ...]], NDArray[np.uint8]]


def in_memory(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An image array of this shape in memory, not yet filled.

    Example:
        >>> images = in_memory((2, 24, 40, 3))
        >>> images.shape, images.dtype.name
        ((2, 24, 40, 3), 'uint8')
    """
    return np.empty(shape, np.uint8)


def load_records(
    records: Sequence[Record],
    spec: CaptchaSpec,
    folder: Path,
    *,
    problems: Sequence[str] = (),
    image_size: tuple[int, int] | None = None,
    allocate: Allocate = in_memory,
    progress: Callable[[int], None] | None = None,
) -> LabelledImages:
    """Decode the images and encode the texts of labelled images; check every one of them.

    Args:
        records: The labelled images.
        spec: What the images and texts must be; with `keep_aspect` images have any size.
        folder: The folder of the data set, for messages.
        problems: A line for each problem that is known already.
        image_size: Height and width that every image must have; it is resized to the spec's. By default the
            spec's own size.
        allocate: Makes the image array from its shape, for one that lives on disk.
        progress: Called with the number of images decoded so far.

    Returns:
        uint8 images `(N, height, width, 3)` and int32 class ids `(N, max_length)`.

    Raises:
        DatasetError: At least one file or label is bad; every one is counted.

    Example:
        >>> from PIL import Image
        >>> Image.new("RGB", (40, 24)).save("10.png")
        >>> record = Record(Path("10.png"), text="10", source="labels.txt line 1")
        >>> load_records([record], CaptchaSpec("01", 2, 2, 40, 24), Path()).labels
        array([[1, 0]], dtype=int32)
    """
    found = list(problems)
    labels = np.zeros((len(records), spec.max_length), np.int32)
    for row, record in enumerate(records):
        try:
            labels[row] = spec.encode(record.text)
        except SpecError as error:
            found.append(f"{record.source}: {error}")
    expected = image_size or (spec.height, spec.width)
    pixels = allocate((len(records), spec.height, spec.width, 3))

    def decode(row: int) -> str | None:
        record = records[row]
        try:
            image = record.read()
        except ImageError as error:
            return f"{shown_record(record, folder)} {error}"
        height, width, _ = image.shape
        if (height, width) != expected and not spec.keep_aspect:
            return f"{shown_record(record, folder)} is {width}x{height}, expected {expected[1]}x{expected[0]}"
        pixels[row] = fit_to(image, spec)
        return None

    # Pillow releases the interpreter lock while it decodes.
    with ThreadPoolExecutor() as pool:
        try:
            for done, problem in enumerate(pool.map(decode, range(len(records))), start=1):
                if problem:
                    found.append(problem)
                if progress:
                    progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if found:
        raise DatasetError(f"{folder} has {len(found)} bad {'entry' if len(found) == 1 else 'entries'}:", found)
    return LabelledImages(pixels, labels, tuple(record.name for record in records))

"""The files that hold the images: one for each image, or TFRecord files of many.

A piece is what is written in one step: one file. Drawing, resuming and sharding work on pieces.
"""

from __future__ import annotations

from typing import Protocol

from captcha_keras.dataset.drawn import (
    IMAGES,
    RECORDS,
    image_name,
    images_of_record_file,
    record_file_name,
    record_files,
)
from captcha_keras.dataset.tfrecord import encode_example, frame
from data_gen.series import ImageSource
from data_gen.settings import Settings


class Storage(Protocol):
    """How a data set is divided into files.

    Attributes:
        folder: Name of the folder that they lie in.
        piece_count: Their number.
        chunk_size: How many make a task of a worker: half a second's work or more.

    Example:
        >>> storage = storage_of(Settings(count=10_000))
        >>> storage.piece_count, storage.folder, storage.file_name(7)
        (10000, 'images', '00007.jpg')
    """

    folder: str
    piece_count: int
    chunk_size: int

    def file_name(self, piece: int) -> str:
        """Name of a file."""

    def images(self, piece: int) -> range:
        """Which images are in it."""

    def content(self, piece: int, source: ImageSource) -> bytes:
        """Draw its images; returns its bytes."""


class ImageFiles:
    """A file for each image.

    Example:
        >>> files = ImageFiles(Settings(count=10))
        >>> files.file_name(3), files.images(3)
        ('00003.jpg', range(3, 4))
    """

    folder = IMAGES
    chunk_size = 64

    def __init__(self, settings: Settings) -> None:
        self.piece_count = settings.count
        self._format = settings.series.image_format

    def file_name(self, piece: int) -> str:
        """Name of a file."""
        return image_name(piece, self.piece_count, self._format)

    def images(self, piece: int) -> range:
        """The image of that number."""
        return range(piece, piece + 1)

    def content(self, piece: int, source: ImageSource) -> bytes:
        """The encoded image."""
        return source.draw(piece).content


class RecordFiles:
    """TFRecord files of `tf.train.Example` messages, 4,096 images each.

    Example:
        >>> files = RecordFiles(Settings(count=10_000))
        >>> files.file_name(2), files.images(2)
        ('images-00002-of-00003.tfrecord', range(8192, 10000))
    """

    folder = RECORDS
    chunk_size = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.piece_count = record_files(settings.count)

    def file_name(self, piece: int) -> str:
        """Name of a file."""
        return record_file_name(piece, self.piece_count)

    def images(self, piece: int) -> range:
        """Which images are in it."""
        return images_of_record_file(piece, self._settings.count)

    def content(self, piece: int, source: ImageSource) -> bytes:
        """The records of its images."""
        return b"".join(frame(self._example(index, source)) for index in self.images(piece))

    def _example(self, index: int, source: ImageSource) -> bytes:
        series = self._settings.series
        drawing = source.draw(index)
        return encode_example(
            {
                "image/encoded": drawing.content,
                "image/format": series.image_format.encode(),
                "image/filename": image_name(index, self._settings.count, series.image_format).encode(),
                "image/text": drawing.text.encode(),
                "image/height": drawing.size[1],
                "image/width": drawing.size[0],
                "image/channels": 3,
                "image/colorspace": b"RGB",
            }
        )


def storage_of(settings: Settings) -> Storage:
    """The storage that the settings ask for.

    Example:
        >>> storage_of(Settings(count=10_000)).piece_count
        10000
    """
    return RecordFiles(settings) if settings.storage == "tfrecord" else ImageFiles(settings)

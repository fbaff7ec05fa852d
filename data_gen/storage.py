"""The files that hold the images: one for each image, or TFRecord files of many.

A piece is what is written in one step: one file. Drawing, resuming and sharding work on pieces.
"""

from __future__ import annotations

from typing import Protocol

from captcha_keras.dataset.layouts import (
    IMAGES,
    RECORDS,
    image_name,
    images_of_record_file,
    record_file_name,
    record_files,
)
from captcha_keras.dataset.tfrecord import encode_example, frame
from data_gen.plan import Settings
from data_gen.render import ImageSource


class Storage(Protocol):
    """How a data set is divided into files.

    Attributes:
        folder: Name of the folder that they lie in.
        pieces: Their number.
        chunk: How many make a task of a worker: half a second's work or more.
    """

    folder: str
    pieces: int
    chunk: int

    def name(self, piece: int) -> str:
        """Name of a file."""

    def images(self, piece: int) -> range:
        """Which images are in it."""

    def content(self, piece: int, source: ImageSource) -> bytes:
        """Its bytes."""


class ImageFiles:
    """A file for each image."""

    folder = IMAGES
    chunk = 64

    def __init__(self, settings: Settings) -> None:
        self.pieces = settings.count
        self._format = settings.image_format

    def name(self, piece: int) -> str:
        """Name of a file."""
        return image_name(piece, self.pieces, self._format)

    def images(self, piece: int) -> range:
        """The image of that number."""
        return range(piece, piece + 1)

    def content(self, piece: int, source: ImageSource) -> bytes:
        """The encoded image."""
        return source.draw(piece).content


class RecordFiles:
    """TFRecord files of `tf.train.Example` messages, 4,096 images each."""

    folder = RECORDS
    chunk = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.pieces = record_files(settings.count)

    def name(self, piece: int) -> str:
        """Name of a file, such as `images-00002-of-00013.tfrecord`."""
        return record_file_name(piece, self.pieces)

    def images(self, piece: int) -> range:
        """Which images are in it."""
        return images_of_record_file(piece, self._settings.count)

    def content(self, piece: int, source: ImageSource) -> bytes:
        """The records of its images."""
        return b"".join(frame(self._example(index, source)) for index in self.images(piece))

    def _example(self, index: int, source: ImageSource) -> bytes:
        settings = self._settings
        drawing = source.draw(index)
        return encode_example(
            {
                "image/encoded": drawing.content,
                "image/format": settings.image_format.encode(),
                "image/filename": image_name(index, settings.count, settings.image_format).encode(),
                "image/text": drawing.text.encode(),
                "image/height": settings.spec.height,
                "image/width": settings.spec.width,
                "image/channels": 3,
                "image/colorspace": b"RGB",
            }
        )


def storage_of(settings: Settings) -> Storage:
    """The storage that the settings ask for."""
    return RecordFiles(settings) if settings.storage == "tfrecord" else ImageFiles(settings)

"""One labelled image of a data set, not yet decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.images import ImageError, decode_image, read_image
from captcha_keras.dataset.tfrecord import RecordError, decode_example


@dataclass(frozen=True)
class Record:
    """One labelled image, not yet decoded.

    Attributes:
        path: The file that holds it.
        text: Its text.
        source: Where the text was read, for messages.
        entry: Its name within a file of many; empty if the file holds it alone.
        span: Offset and length in bytes of its `tf.train.Example` within a TFRecord file.
        pixels: The image itself, grey, uint8 `(height, width)`, of a file whose images are not decoded one by one.

    Example:
        >>> from PIL import Image
        >>> Image.new("RGB", (40, 24), "red").save("AB.png")
        >>> record = Record(Path("AB.png"), text="AB", source="labels.txt line 1")
        >>> record.name, record.read()[0, 0].tolist()
        ('AB.png', [255, 0, 0])
    """

    path: Path
    text: str
    source: str
    entry: str = ""
    span: tuple[int, int] | None = None
    pixels: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Name of the image, without its folder."""
        return self.entry or self.path.name

    def read(self) -> NDArray[np.uint8]:
        """Decode the image: uint8 RGB, shape `(height, width, 3)`.

        Raises:
            ImageError: It cannot be read, or its own text is another one.
        """
        if self.pixels is not None:
            return np.repeat(self.pixels[:, :, np.newaxis], 3, axis=2)
        if self.span is None:
            return read_image(self.path)
        offset, length = self.span
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                features = decode_example(file.read(length))
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror}") from error
        except RecordError as error:
            raise ImageError(f"cannot be read: {error}") from error
        content, text = features.get("image/encoded"), features.get("image/text")
        if not isinstance(content, bytes) or not isinstance(text, bytes):
            raise ImageError("lacks image/encoded or image/text")
        if text != self.text.encode():
            raise ImageError(f"has the text {text.decode(errors='replace')!r}, but {self.source} {self.text!r}")
        return decode_image(content)


def shown_record(record: Record, folder: Path) -> str:
    """How a message names an image: by its file, and by its name within a file of many.

    Example:
        >>> shown_record(Record(Path("data/train.csv"), "A", "train.csv line 3", entry="line 3"), Path("data"))
        'line 3 in train.csv'
    """
    where = shown(record.path, folder)
    return f"{record.entry} in {where}" if record.entry else where


def shown(path: Path, folder: Path) -> str:
    """How a message names a path: relative to the folder if it lies in it.

    Example:
        >>> shown(Path("data/images/0.png"), Path("data")), shown(Path("other/0.png"), Path("data"))
        ('images/0.png', 'other/0.png')
    """
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)

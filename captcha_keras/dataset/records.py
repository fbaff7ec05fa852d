"""A data set that was opened: its labelled images, not yet decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras import images
from captcha_keras.dataset.tfrecord import RecordError, decode_example
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec, SpecError


@dataclass(frozen=True)
class Record:
    """One labelled image.

    Attributes:
        path: The file that holds it.
        text: Its text.
        source: Where the text was read, for messages.
        entry: Its name within a file of many; empty if the file holds it alone.
        span: Offset and length in bytes of its `tf.train.Example` within a TFRecord file.
        pixels: The image itself, grey, uint8 `(height, width)`, of a file whose images are not decoded one by one.
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
            return images.read_image(self.path)
        offset, length = self.span
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                features = decode_example(file.read(length))
        except OSError as error:
            raise images.ImageError(f"cannot be read: {error.strerror}") from error
        except RecordError as error:
            raise images.ImageError(f"cannot be read: {error}") from error
        content, text = features.get("image/encoded"), features.get("image/text")
        if not isinstance(content, bytes) or not isinstance(text, bytes):
            raise images.ImageError("lacks image/encoded or image/text")
        if text != self.text.encode():
            raise images.ImageError(f"has the text {text.decode(errors='replace')!r}, but {self.source} {self.text!r}")
        return images.decode_image(content)


@dataclass(frozen=True)
class Dataset:
    """A folder that was read, its images not yet opened.

    Attributes:
        folder: The folder.
        records: The labelled images in order.
        description: `dataset.json` of a folder drawn by `data_gen.py`, else None.
        problems: A line for each bad file or label found so far; `load` raises on them.
    """

    folder: Path
    records: tuple[Record, ...]
    description: Mapping[str, Any] | None = None
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    @property
    def texts(self) -> list[str]:
        """The text of each image."""
        return [record.text for record in self.records]

    def fingerprint(self) -> str:
        """SHA-256 over names, texts and recorded checksums, to notice that a folder is another one."""
        digest = hashlib.sha256()
        if self.description is not None:
            digest.update(str(self.description.get("sha256")).encode())
        for record in self.records:
            digest.update(f"{record.name}\t{record.text}\n".encode())
        return digest.hexdigest()

    def infer_spec(self, alphabet: str | None = None) -> CaptchaSpec:
        """The spec of the folder: recorded, or else read off the labels and the first readable image.

        Args:
            alphabet: The alphabet to use instead of the recorded or observed one.

        Raises:
            DatasetError: The labels cannot be texts of CAPTCHAs, or no image can be read.
        """
        if self.description is not None:
            recorded = CaptchaSpec.from_json(self.description["spec"])
            if alphabet is None or alphabet == recorded.alphabet:
                return recorded
            return CaptchaSpec(**{**recorded.to_json(), "alphabet": alphabet})
        height, width = self.first_size()
        lengths = [len(text) for text in self.texts]
        try:
            return CaptchaSpec(
                alphabet=alphabet or "".join(sorted(set("".join(self.texts)))),
                min_length=min(lengths),
                max_length=max(lengths),
                width=width,
                height=height,
            )
        except SpecError as error:
            first = self.records[0]
            raise DatasetError(
                f"The images of {self.folder} have labels that are no texts of CAPTCHAs, such as {first.text!r} from "
                f"{first.source}: {error}"
            ) from error

    def first_size(self) -> tuple[int, int]:
        """Height and width of the first readable image.

        Raises:
            DatasetError: There is none.
        """
        for record in self.records:
            try:
                height, width, _ = record.read().shape
            except images.ImageError:
                continue
            return height, width
        raise DatasetError(f"{self.folder} has no readable image.", self.problems)


def shown_record(record: Record, folder: Path) -> str:
    """An image for a message: its file, and its name within that."""
    where = shown(record.path, folder)
    return f"{record.entry} in {where}" if record.entry else where


def shown(path: Path, folder: Path) -> str:
    """A path for a message: relative to the folder if it lies in it."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)

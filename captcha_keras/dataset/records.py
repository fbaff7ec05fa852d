"""A data set that was opened: its labelled images, not yet decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha_keras import images
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec


@dataclass(frozen=True)
class Record:
    """One labelled image: the file, its text, and where the text was read (for messages)."""

    path: Path
    text: str
    source: str


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
            digest.update(f"{record.path.name}\t{record.text}\n".encode())
        return digest.hexdigest()

    def infer_spec(self, alphabet: str | None = None) -> CaptchaSpec:
        """The spec of the folder: recorded, or else read off the labels and the first readable image.

        Args:
            alphabet: The alphabet to use instead of the recorded or observed one.
        """
        if self.description is not None:
            recorded = CaptchaSpec.from_json(self.description["spec"])
            if alphabet is None or alphabet == recorded.alphabet:
                return recorded
            return CaptchaSpec(**{**recorded.to_json(), "alphabet": alphabet})
        height, width = self.first_size()
        lengths = [len(text) for text in self.texts]
        return CaptchaSpec(
            alphabet=alphabet or "".join(sorted(set("".join(self.texts)))),
            min_length=min(lengths),
            max_length=max(lengths),
            width=width,
            height=height,
        )

    def first_size(self) -> tuple[int, int]:
        """Height and width of the first readable image.

        Raises:
            DatasetError: There is none.
        """
        for record in self.records:
            try:
                height, width, _ = images.read_image(record.path).shape
            except images.ImageError:
                continue
            return height, width
        raise DatasetError(f"{self.folder} has no readable image.", self.problems)


def shown(path: Path, folder: Path) -> str:
    """A path for a message: relative to the folder if it lies in it."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)

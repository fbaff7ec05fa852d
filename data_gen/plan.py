"""What a generation will do, and the files that say so."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha.image import DEFAULT_FONTS

from captcha_keras.dataset.layouts import FORMAT_VERSION
from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.render import SAVE_OPTIONS, ImageSource, Series
from data_gen.style import Style
from data_gen.texts import TextSource

IMAGE_FORMATS = tuple(SAVE_OPTIONS)
STORAGES = ("files", "tfrecord")
LEAST_GLYPH_WIDTH = 4


@dataclass(frozen=True)
class Settings:
    """Everything that decides the bytes of a data set.

    Attributes:
        spec: Alphabet, length and size of the images.
        count: Number of images, at least 1.
        seed: Seed of the series, at least 0.
        image_format: "jpeg" or "png".
        style: The look.
        distinct: Whether no character occurs twice in a text.
        storage: "files", one for each image, or "tfrecord", 4,096 images in a file.
    """

    spec: CaptchaSpec = dataclasses.field(default_factory=CaptchaSpec)
    count: int = 51_200
    seed: int = 0
    image_format: str = "jpeg"
    style: Style = dataclasses.field(default_factory=Style)
    distinct: bool = False
    storage: str = "files"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"The number of images must be at least 1, got {self.count}.")
        if self.seed < 0:
            raise InputError(f"The seed must be at least 0, got {self.seed}.")
        for name, choices in (("image_format", IMAGE_FORMATS), ("storage", STORAGES)):
            if getattr(self, name) not in choices:
                raise InputError(f"The {name} must be {' or '.join(choices)}, got {getattr(self, name)!r}.")
        if self.storage == "tfrecord" and importlib.util.find_spec("google_crc32c") is None:
            raise InputError("TFRecord files need the package google-crc32c: pip install google-crc32c.")
        # captcha draws its noise curve with a height and a width of at least a fifth of the image.
        if self.spec.width < 10 or self.spec.height < 10:
            raise InputError(
                f"Images must be at least 10x10 pixels to be drawn, got {self.spec.width}x{self.spec.height}."
            )
        if self.style.gap is not None:
            longest = self.spec.max_length
            needed = longest * (LEAST_GLYPH_WIDTH + self.style.gap) + self.style.gap
            if needed > self.spec.width:
                raise InputError(
                    f"{longest} characters with {self.style.gap} empty columns between them need a width of at least "
                    f"{needed} pixels, got {self.spec.width}."
                )
        TextSource(self.spec, distinct=self.distinct)

    def source(self, renderer: str = "auto") -> ImageSource:
        """What draws the images."""
        series = Series(self.spec, self.seed, self.image_format, self.style, self.distinct)
        return series.source(renderer)

    def description(self) -> dict[str, Any]:
        """The settings as they stand in `dataset.json`; fonts by name and SHA-256, never by path."""
        return {
            "format_version": FORMAT_VERSION,
            "spec": self.spec.to_json(),
            "count": self.count,
            "seed": self.seed,
            "image_format": self.image_format,
            "storage": self.storage,
            "distinct": self.distinct,
            "fonts": [
                {"name": Path(font).name, "sha256": file_sha256(Path(font))}
                for font in (self.style.fonts or DEFAULT_FONTS)
            ],
            "style": self.style.to_json(),
            "versions": {
                "captcha": importlib.metadata.version("captcha"),
                "Pillow": importlib.metadata.version("Pillow"),
            },
        }


@dataclass(frozen=True)
class Shard:
    """A part of a data set, drawn on its own: number 1 to `of`."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise InputError(f"The shard must be 1 to {self.of} of {self.of}, got {self.number}.")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `"2/4"`."""
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text, re.ASCII)
        if not match or int(match[2]) < 1:
            raise InputError(f"The shard must look like 2/4, got {text!r}.")
        return cls(int(match[1]), int(match[2]))

    def pieces(self, total: int) -> range:
        """Which of the pieces belong to it; together the shards have every piece once.

        Raises:
            InputError: There are fewer pieces than shards.
        """
        if self.of > total:
            raise InputError(f"{total:,} files cannot be divided into {self.of:,} shards.")
        return range(total * (self.number - 1) // self.of, total * self.number // self.of)


def first_difference(recorded: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """The first setting in which two descriptions differ, in words; None if there is none."""
    for key, value in wanted.items():
        found = recorded.get(key)
        if isinstance(value, dict) and isinstance(found, dict):
            inner = first_difference(found, value)
            if inner:
                return inner
        elif found != value:
            return f"{key} is {_brief(found)} there and {_brief(value)} here"
    return None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _brief(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return ", ".join(f"{item.get('name')} ({str(item.get('sha256'))[:8]})" for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return repr(value)

"""The settings of a data set, and how they stand in its `dataset.json`."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captcha.image import DEFAULT_FONTS

from captcha_keras.dataset.drawn import FORMAT_VERSION
from captcha_keras.errors import InputError
from data_gen.looks.settings import LookSettings
from data_gen.series import Series
from data_gen.style import Style

# Fonts that a message names.
MAX_NAMED = 3
STORAGES = ("files", "tfrecord")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the bytes of a data set.

    Attributes:
        series: The images; its seed is a number and it has no weights: `dataset.json` records no others.
        count: Number of images, at least 1: the first ones of the series.
        storage: "files", one for each image, or "tfrecord", 4,096 images in a file.

    Raises:
        InputError: A field is out of range, or TFRecord files lack the package that they need.

    Example:
        >>> from data_gen import Series, Settings
        >>> settings = Settings(Series(seed=3), count=1000)
        >>> settings.description()["seed"], settings.description()["count"]
        (3, 1000)
    """

    series: Series = field(default_factory=Series)
    count: int = 51_200
    storage: str = "files"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"The number of images must be at least 1, got {self.count}.")
        if self.storage not in STORAGES:
            raise InputError(f"The storage must be {' or '.join(STORAGES)}, got {self.storage!r}.")
        if self.storage == "tfrecord" and importlib.util.find_spec("google_crc32c") is None:
            raise InputError("TFRecord files need the package google-crc32c: pip install google-crc32c.")
        if not isinstance(self.series.seed, int):
            raise InputError(f"The seed of a data set must be a number, got {self.series.seed!r}.")
        if self.series.weights:
            raise InputError("The characters of a data set cannot be weighted: its dataset.json would not tell.")

    def description(self) -> dict[str, Any]:
        """The settings as they stand in `dataset.json`; fonts by name and SHA-256, never by path."""
        series = self.series
        return {
            "format_version": FORMAT_VERSION,
            "spec": series.spec.to_json(),
            "count": self.count,
            "seed": series.seed,
            "image_format": series.image_format,
            "storage": self.storage,
            "distinct": series.distinct,
            "fonts": font_checksums(series.style),
            "style": series.style.to_json(),
            "versions": {name: importlib.metadata.version(name) for name in ("captcha", "Pillow")},
        }


def font_checksums(style: Style | LookSettings) -> list[dict[str, str]]:
    """File name and SHA-256 of each font that a style draws with.

    Example:
        >>> [font["name"] for font in font_checksums(Style())]
        ['DroidSansMono.ttf']
    """
    return [{"name": Path(font).name, "sha256": file_sha256(Path(font))} for font in style.fonts or DEFAULT_FONTS]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Example:
        >>> file_sha256(Path(DEFAULT_FONTS[0]))[:8]
        '30512ead'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_difference(recorded: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """The first setting in which two descriptions differ, in words; None if there is none.

    Args:
        recorded: The description that a folder has ("there").
        wanted: The description that it should have ("here"); what `recorded` has besides does not count.

    Example:
        >>> first_difference({"seed": 3, "spec": {"width": 60}}, {"seed": 3, "spec": {"width": 61}})
        'width is 60 there and 61 here'
    """
    for key, value in wanted.items():
        found = recorded.get(key)
        if isinstance(value, dict) and isinstance(found, dict):
            inner = first_difference(found, value)
            if inner:
                return inner
        elif found != value:
            return f"{key} is {_difference(found, value)} there and {_difference(value, found)} here"
    return None


def _difference(value: Any, other: Any) -> str:
    """A value in words; of a list of fonts those that the other list lacks."""
    if _are_fonts(value) and _are_fonts(other):
        fonts = [font for font in value if font not in other]
        return _in_words(fonts) if fonts else "no others"
    return _in_words(value)


def _are_fonts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _in_words(value: Any) -> str:
    if _are_fonts(value):
        more = f" and {len(value) - MAX_NAMED:,} more" if len(value) > MAX_NAMED else ""
        return ", ".join(f"{item.get('name')} ({str(item.get('sha256'))[:8]})" for item in value[:MAX_NAMED]) + more
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return repr(value)

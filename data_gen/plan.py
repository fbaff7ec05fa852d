"""What a generation will do, and the files that say so."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha.image import DEFAULT_FONTS
from PIL import ImageFont

from captcha_keras.dataset.layouts import FORMAT_VERSION
from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec

IMAGE_FORMATS = ("jpeg", "png")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the bytes of a data set.

    Attributes:
        spec: Alphabet, length and size of the images.
        count: Number of images, at least 1.
        seed: Seed of the series, at least 0.
        image_format: "jpeg" or "png".
        fonts: Paths of TrueType fonts; the library's DroidSansMono by default.
    """

    spec: CaptchaSpec = dataclasses.field(default_factory=CaptchaSpec)
    count: int = 51_200
    seed: int = 0
    image_format: str = "jpeg"
    fonts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"The number of images must be at least 1, got {self.count}.")
        if self.seed < 0:
            raise InputError(f"The seed must be at least 0, got {self.seed}.")
        if self.image_format not in IMAGE_FORMATS:
            raise InputError(f"The image format must be {' or '.join(IMAGE_FORMATS)}, got {self.image_format!r}.")
        # captcha draws its noise curve with a height and a width of at least a fifth of the image.
        if self.spec.width < 10 or self.spec.height < 10:
            raise InputError(
                f"Images must be at least 10x10 pixels to be drawn, got {self.spec.width}x{self.spec.height}."
            )
        for font in self.fonts:
            try:
                ImageFont.truetype(font, 42)
            except OSError as error:
                raise InputError(f"{font} is no readable TrueType font.") from error

    def description(self) -> dict[str, Any]:
        """The settings as they stand in `dataset.json`; fonts by name and SHA-256, never by path."""
        return {
            "format_version": FORMAT_VERSION,
            "spec": self.spec.to_json(),
            "count": self.count,
            "seed": self.seed,
            "image_format": self.image_format,
            "fonts": [
                {"name": Path(font).name, "sha256": file_sha256(Path(font))} for font in (self.fonts or DEFAULT_FONTS)
            ],
            "style": "library",
            "versions": {
                "captcha": importlib.metadata.version("captcha"),
                "Pillow": importlib.metadata.version("Pillow"),
            },
        }


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
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return ", ".join(f"{item.get('name')} ({str(item.get('sha256'))[:8]})" for item in value)
    return repr(value)

"""(settings, index) -> text and image. Pure: the same arguments give the same bytes everywhere."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from captcha.image import ImageCaptcha
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen.randomness import SeededSecrets, seeded

# 4:4:4: the colour of a thin stroke survives; quality 95 costs about 10 kB an image.
JPEG_OPTIONS = {"quality": 95, "subsampling": 0}


@dataclass(frozen=True)
class Drawing:
    """One drawn CAPTCHA.

    Attributes:
        text: Its text.
        content: The bytes of the image file.
    """

    text: str
    content: bytes

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The decoded file: uint8 RGB, shape `(height, width, 3)`."""
        with Image.open(io.BytesIO(self.content)) as image:
            return np.asarray(image.convert("RGB"))


class ImageSource:
    """Draws image k of an endless series; each image depends on the arguments and k alone.

    Args:
        spec: Alphabet, length and size of the images.
        seed: Seed of the series.
        image_format: "jpeg" (quality 95, no chroma subsampling) or "png".
        fonts: Paths of TrueType fonts; the library's DroidSansMono by default.
    """

    def __init__(
        self,
        spec: CaptchaSpec,
        seed: int,
        image_format: str = "jpeg",
        fonts: Sequence[str] = (),
    ) -> None:
        self.spec = spec
        self.seed = seed
        self.image_format = image_format
        self._captcha = ImageCaptcha(spec.width, spec.height, list(fonts) or None)

    def text(self, index: int) -> str:
        """The text of image `index`, without drawing it."""
        return self._draw_text(SeededSecrets(self.seed, index))

    def draw(self, index: int) -> Drawing:
        """Draw image `index` and encode it."""
        secrets = SeededSecrets(self.seed, index)
        text = self._draw_text(secrets)
        with seeded(secrets):
            image = self._captcha.generate_image(text)
        content = io.BytesIO()
        image.save(content, self.image_format, **self._save_options())
        return Drawing(text, content.getvalue())

    def _draw_text(self, secrets: SeededSecrets) -> str:
        spec = self.spec
        length = spec.min_length + secrets.randbelow(spec.max_length - spec.min_length + 1)
        return "".join(secrets.choice(spec.alphabet) for _ in range(length))

    def _save_options(self) -> dict[str, int]:
        return JPEG_OPTIONS if self.image_format == "jpeg" else {}

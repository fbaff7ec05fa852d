"""Draws new images for the page, like those that the model was trained on."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path

from captcha_keras.errors import InputError
from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.models.model import ServedModel
from captcha_keras.training.run_folder import EXPORTED_RECORD, RunFolder
from data_gen.fresh import series_like
from data_gen.series import ImageSource

# A seed of its own: no data set has these images.
SEED = "page"
MAX_IMAGES = 1 << 40


@dataclass(frozen=True)
class DrawnImage:
    """A new image with its text.

    Attributes:
        text: What the image says.
        content: The bytes of the PNG or JPEG file.
        media_type: Its MIME type.

    Example:
        >>> DrawnImage("AB3D", content=b"...", media_type="image/jpeg").text
        'AB3D'
    """

    text: str
    content: bytes
    media_type: str


class ImageDrawer:
    """Draws images one at a time, for the model that is in service.

    Example:
        >>> from pathlib import Path
        >>> from types import SimpleNamespace
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> model = SimpleNamespace(path=pretrained_path("captcha") / "1")  # in place of a ServedModel
        >>> drawn = asyncio.run(ImageDrawer().draw(model))
        >>> len(drawn.text), drawn.media_type
        (4, 'image/jpeg')
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        # The model itself is not kept: it leaves memory with its last request.
        self._source: tuple[Path, ImageSource] | None = None

    async def draw(self, model: ServedModel) -> DrawnImage:
        """Draw an image like those that the model was trained on.

        Raises:
            RequestError: See `source_for`.
        """
        async with self._lock:  # a source draws one image at a time
            return await asyncio.to_thread(self._draw, model)

    def _draw(self, model: ServedModel) -> DrawnImage:
        if self._source is None or self._source[0] != model.path:
            self._source = (model.path, source_for(model))
        source = self._source[1]
        drawing = source.draw(secrets.randbelow(MAX_IMAGES))
        return DrawnImage(drawing.text, drawing.content, f"image/{source.series.image_format}")


def source_for(model: ServedModel) -> ImageSource:
    """The source of images like those that a model was trained on.

    Raises:
        RequestError: The model's record does not say how, or its fonts are not on this machine.

    Example:
        >>> from types import SimpleNamespace
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> source = source_for(SimpleNamespace(path=pretrained_path("captcha") / "1"))  # in place of a ServedModel
        >>> source.series.image_format, len(source.draw(0).text)
        ('jpeg', 4)
    """
    try:
        record = RunFolder(model.path / EXPORTED_RECORD).read_record()
        return series_like(record["dataset"]["description"], SEED).source()
    except InputError as error:
        raise RequestError(Code.UNIMPLEMENTED, f"This server cannot draw images for its model. {error}") from error

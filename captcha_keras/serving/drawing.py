"""New images for the page, drawn as those were that the model learned from."""

from __future__ import annotations

import secrets

from captcha_keras.errors import InputError
from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.model import ServedModel
from captcha_keras.training.run_folder import RunFolder
from data_gen import ImageSource
from data_gen.fresh import series_like

# Numbers of images of a series that nobody else draws.
SERIES = "page"
MAX_IMAGES = 1 << 40


def source_for(model: ServedModel) -> ImageSource:
    """What draws images for a model.

    Raises:
        RequestError: The model does not tell how, or its fonts are not here.
    """
    try:
        record = RunFolder(model.path / "assets").read_record()
        return series_like(record["dataset"]["description"], SERIES).source()
    except InputError as error:
        raise RequestError(Code.UNIMPLEMENTED, f"This server cannot draw images for its model. {error}") from error


def draw(source: ImageSource) -> tuple[str, bytes, str]:
    """A new image: its text, its bytes, its MIME type."""
    drawing = source.draw(secrets.randbelow(MAX_IMAGES))
    return drawing.text, drawing.content, f"image/{source.series.image_format}"

"""A contact sheet: what a style looks like, without drawing a data set."""

from __future__ import annotations

import math

from captcha.image import DEFAULT_FONTS
from PIL import Image, ImageDraw, ImageFont

from data_gen.series import ImageSource

MARGIN = 8
CAPTION_HEIGHT = 22
SHEET_WIDTH = 800


def contact_sheet(source: ImageSource, count: int = 24) -> Image.Image:
    """The first images of a series in rows, with their texts below.

    Args:
        source: What draws the series.
        count: How many.

    Returns:
        An RGB image about 800 pixels wide, wider if one image is.

    Example:
        >>> from data_gen import Series
        >>> contact_sheet(Series().source(), count=4).size
        (720, 118)
    """
    spec, style = source.series.spec, source.series.style
    width, height = spec.width, spec.height
    columns = max(1, min(count, (SHEET_WIDTH - MARGIN) // (width + MARGIN)))
    rows = math.ceil(count / columns)
    size = (MARGIN + columns * (width + MARGIN), MARGIN + rows * (height + CAPTION_HEIGHT + MARGIN))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype((style.fonts or DEFAULT_FONTS)[0], 16)
    for index in range(count):
        text, image = source.image(index)
        row, column = divmod(index, columns)
        left, top = MARGIN + column * (width + MARGIN), MARGIN + row * (height + CAPTION_HEIGHT + MARGIN)
        sheet.paste(image, (left, top))
        draw.text((left + width / 2, top + height + CAPTION_HEIGHT / 2), text, fill="black", font=font, anchor="mm")
    return sheet

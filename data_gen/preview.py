"""A contact sheet: what a style looks like, without drawing a data set."""

from __future__ import annotations

import math

from captcha.image import DEFAULT_FONTS
from PIL import Image, ImageDraw, ImageFont

from data_gen.series import ImageSource
from data_gen.style import Style

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
    drawn = [source.image(index) for index in range(count)]
    # Random looks have sizes of their own.
    width, height = (max(sides) for sides in zip(*(image.size for _, image in drawn), strict=True))
    columns = max(1, min(count, (SHEET_WIDTH - MARGIN) // (width + MARGIN)))
    rows = math.ceil(count / columns)
    size = (MARGIN + columns * (width + MARGIN), MARGIN + rows * (height + CAPTION_HEIGHT + MARGIN))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    style = source.series.style
    own = style.fonts if isinstance(style, Style) else ()
    font = ImageFont.truetype((own or DEFAULT_FONTS)[0], 16)
    for index, (text, image) in enumerate(drawn):
        row, column = divmod(index, columns)
        left, top = MARGIN + column * (width + MARGIN), MARGIN + row * (height + CAPTION_HEIGHT + MARGIN)
        sheet.paste(image, (left + (width - image.width) // 2, top + (height - image.height) // 2))
        draw.text((left + width / 2, top + height + CAPTION_HEIGHT / 2), text, fill="black", font=font, anchor="mm")
    return sheet

"""The library's own drawing, under a style."""

from __future__ import annotations

from captcha import image as captcha_image
from captcha.image import ColorTuple, ImageCaptcha, random_color
from PIL import Image, ImageDraw, ImageFilter

from data_gen.style import Style


class StyledCaptcha(ImageCaptcha):
    """`ImageCaptcha` with a `Style`; with the default style it draws what `ImageCaptcha` does, bit for bit.

    Args:
        width: Width of an image in pixels.
        height: Height of an image in pixels.
        style: How it looks; the library's look by default.

    Example:
        >>> StyledCaptcha(170, 80, Style(gap=4)).generate_image("AB12").size
        (170, 80)
    """

    def __init__(self, width: int, height: int, style: Style | None = None) -> None:
        self.style = style or Style()
        super().__init__(width, height, list(self.style.fonts) or None, self.style.font_sizes)
        _set_parameters(self, self.style)

    def generate_image(
        self, chars: str, bg_color: ColorTuple | None = None, fg_color: ColorTuple | None = None
    ) -> Image.Image:
        """Draw an image; the order of the random draws is the library's."""
        background = bg_color or random_color(*self.style.background)
        opaque, clear = self.style.opacity[1], self.style.opacity[0]
        opacity = captcha_image.secrets.randbelow(opaque - clear + 1) + clear
        random_foreground = random_color(*self.style.foreground, opacity)
        color = fg_color or random_foreground
        image = self.create_captcha_image(chars, color, background)
        self.draw_noise(image, color)
        return self.smoothed(image) if self.style.smooth else image

    def create_captcha_image(self, chars: str, color: ColorTuple, background: ColorTuple) -> Image.Image:
        """Draw the text alone."""
        if self.style.gap is None:
            return super().create_captcha_image(chars, color, background)
        return self._create_separated(chars, color, background, self.style.gap)

    def draw_noise(self, image: Image.Image, color: ColorTuple) -> None:
        """Draw dots and curves into the image."""
        self.create_noise_dots(image, color, self.style.noise_dot_width, self.style.noise_dots)
        for _ in range(self.style.noise_curves):
            self.create_noise_curve(image, color)

    def smoothed(self, image: Image.Image) -> Image.Image:
        """The image filtered by Pillow's SMOOTH."""
        return image.filter(ImageFilter.SMOOTH)

    def _create_separated(self, chars: str, color: ColorTuple, background: ColorTuple, gap: int) -> Image.Image:
        """Characters side by side, at least `gap` empty columns apart, the rest of the width spread at random."""
        randbelow = captcha_image.secrets.randbelow
        image = Image.new("RGB", (self._width, self._height), background)
        draw = ImageDraw.Draw(image)
        glyphs = [_ink_columns(self._draw_character(character, draw, color)) for character in chars]
        room = self._width - gap * (len(glyphs) + 1)
        ink = sum(glyph.width for glyph in glyphs)
        if ink > room:
            glyphs = [glyph.resize((max(1, glyph.width * room // ink), glyph.height)) for glyph in glyphs]
        spare = max(0, room - sum(glyph.width for glyph in glyphs))
        shifts = sorted(randbelow(spare + 1) for _ in glyphs)
        left = gap
        for glyph, shift in zip(glyphs, shifts, strict=True):
            mask = glyph.convert("L").point(self.lookup_table)
            image.paste(glyph, (left + shift, (self._height - glyph.height) // 2), mask)
            left += glyph.width + gap
        return image


def library_captcha(width: int, height: int, style: Style) -> ImageCaptcha:
    """The library's own class with the parameters of a style; what it has no parameter for is left out.

    Example:
        >>> library_captcha(170, 80, Style(character_rotate=(-5, 5))).character_rotate
        (-5, 5)
    """
    captcha = ImageCaptcha(width, height, list(style.fonts) or None, style.font_sizes)
    _set_parameters(captcha, style)
    return captcha


def _set_parameters(captcha: ImageCaptcha, style: Style) -> None:
    captcha.character_offset_dx = style.character_offset_dx
    captcha.character_offset_dy = style.character_offset_dy
    captcha.character_rotate = style.character_rotate
    captcha.character_warp_dx = style.character_warp_dx
    captcha.character_warp_dy = style.character_warp_dy
    captcha.word_space_probability = style.word_space_probability
    captcha.word_offset_dx = style.word_offset_dx
    captcha.lookup_table = [int(value * style.lookup_factor) for value in range(256)]


def _ink_columns(glyph: Image.Image) -> Image.Image:
    """The glyph without the empty columns at its sides."""
    box = glyph.getbbox()
    return glyph.crop((box[0], 0, box[2], glyph.height)) if box else glyph

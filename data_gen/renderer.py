"""Which code draws: the library's own, or ours that gives the same pixels faster."""

from __future__ import annotations

from captcha.image import ImageCaptcha

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.fast_captcha import FastCaptcha
from data_gen.randomness import SeededSecrets, seeded
from data_gen.style import Style
from data_gen.styled_captcha import StyledCaptcha, library_captcha
from data_gen.texts import TextSource

RENDERERS = ("auto", "fast", "library")
COMPARED_IMAGES = 6


def make_renderer(spec: CaptchaSpec, style: Style, name: str = "auto") -> ImageCaptcha:
    """Make what draws an image of a text (`generate_image`) from the random numbers of `captcha.image.secrets`.

    Args:
        spec: Texts and size.
        style: The look.
        name: "fast", "library", or "auto". Auto is fast if a few images have the same pixels as the library's, and
            the library otherwise, so that the images follow a newer `captcha` or Pillow that draws differently.

    Raises:
        InputError: There is no renderer of that name.

    Example:
        >>> type(make_renderer(CaptchaSpec(), Style(), "library")).__name__
        'ImageCaptcha'
    """
    if name not in RENDERERS:
        raise InputError(f"The renderer must be {', '.join(RENDERERS)}, got {name!r}.")
    reference = _reference(spec, style)
    if name == "library":
        return reference
    fast = FastCaptcha(spec.width, spec.height, style)
    return fast if name == "fast" or _same_pixels(fast, reference, spec) else reference


def _reference(spec: CaptchaSpec, style: Style) -> ImageCaptcha:
    if style.in_library:
        return library_captcha(spec.width, spec.height, style)
    return StyledCaptcha(spec.width, spec.height, style)


def _same_pixels(fast: FastCaptcha, reference: ImageCaptcha, spec: CaptchaSpec) -> bool:
    texts = TextSource(spec)
    for index in range(COMPARED_IMAGES):
        text = texts.draw(SeededSecrets("renderer", index))
        with seeded(SeededSecrets("renderer", index)):
            expected = reference.generate_image(text).tobytes()
        with seeded(SeededSecrets("renderer", index)):
            # A changed library or Pillow may raise anything: then the library draws.
            try:
                drawn = fast.generate_image(text).tobytes()
            except Exception:
                return False
        if drawn != expected:
            return False
    return True

"""The generator: draws labelled CAPTCHA images with the `captcha` library, the same bytes everywhere."""

from data_gen.generate import GenerationError, generate
from data_gen.plan import Settings
from data_gen.render import ImageSource

__all__ = ["GenerationError", "ImageSource", "Settings", "generate"]

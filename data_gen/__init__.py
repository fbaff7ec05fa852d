"""The generator: draws labelled CAPTCHA images with the `captcha` library, the same bytes everywhere."""

from data_gen.engines import processes, ray_tasks
from data_gen.generate import GenerationError, generate
from data_gen.join import join
from data_gen.layout import Layout
from data_gen.plan import Settings, Shard
from data_gen.render import ImageSource, Series
from data_gen.stream import ImageStream
from data_gen.style import Style
from data_gen.style_file import read_captcha
from data_gen.texts import TextSource, parse_weights

__all__ = [
    "GenerationError",
    "ImageSource",
    "ImageStream",
    "Layout",
    "Series",
    "Settings",
    "Shard",
    "Style",
    "TextSource",
    "generate",
    "join",
    "parse_weights",
    "processes",
    "ray_tasks",
    "read_captcha",
]

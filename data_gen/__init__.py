"""The generator: draws labelled CAPTCHA images with the `captcha` library, the same bytes everywhere."""

from data_gen.engines import processes, ray_tasks
from data_gen.fresh import series_like
from data_gen.generate import GenerationError, generate_dataset
from data_gen.join import join_shards
from data_gen.layout import Layout
from data_gen.looks.settings import LookSettings
from data_gen.plan import Shard
from data_gen.series import ImageSource, Series
from data_gen.settings import Settings
from data_gen.stream import ImageStream
from data_gen.style import Style
from data_gen.style_file import read_captcha
from data_gen.texts import TextSource, parse_weights

__all__ = [
    "GenerationError",
    "ImageSource",
    "ImageStream",
    "Layout",
    "LookSettings",
    "Series",
    "Settings",
    "Shard",
    "Style",
    "TextSource",
    "generate_dataset",
    "join_shards",
    "parse_weights",
    "processes",
    "ray_tasks",
    "read_captcha",
    "series_like",
]

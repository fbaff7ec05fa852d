"""New images that look like those of a data set: for training on a stream and for measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from captcha.image import DEFAULT_FONTS

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.looks.settings import ANY, LookSettings
from data_gen.series import Series
from data_gen.settings import font_checksums
from data_gen.style import Style

# Far from the seeds people choose for their data, so that fresh images are fresh.
FRESH_SEED = 1_000_003


def series_like(description: Mapping[str, Any] | None, seed: int | str, fonts: Sequence[str] = ()) -> Series:
    """The series that a data set is part of, continued with another seed.

    Args:
        description: The `dataset.json` of the data set; None for images that this generator did not draw.
        seed: The seed of the new images.
        fonts: Paths of its fonts, if it has own ones: `dataset.json` names them by their content alone.

    Raises:
        InputError: This generator did not draw the images, the seed drew the data set, or the fonts are not its fonts.

    Example:
        >>> from data_gen import Series, Settings, Style, series_like
        >>> drawn = Settings(Series(seed=3, style=Style(noise_dots=2)), count=1000)
        >>> new = series_like(drawn.description(), seed=4)
        >>> new.style.noise_dots, new.seed
        (2, 4)
    """
    if description is None:
        raise InputError("These images were not drawn by data_gen.py, so new ones like them cannot be drawn.")
    if description["seed"] == seed:
        raise InputError(f"Seed {seed} drew the training images; choose another --fresh-seed.")
    style: Style | LookSettings
    if ANY in description["style"]:
        style = LookSettings.from_json(description["style"], fonts)
    else:
        style = Style.from_mapping({**description["style"], "fonts": list(fonts)})
    if font_checksums(style) != description["fonts"]:
        hint = _hint([font["name"] for font in description["fonts"]], isinstance(style, LookSettings))
        raise InputError(f"The fonts are not those that the training images were drawn with{hint}.")
    spec = CaptchaSpec.from_json(description["spec"])
    return Series(spec, seed, description["image_format"], style, description["distinct"])


def _hint(names: Sequence[str], looks: bool) -> str:
    """How to have the fonts."""
    if looks:
        return f", {len(names)} in all: install the extra, pip install 'captcha-keras[fonts]', in the release used then"
    if names == [Path(DEFAULT_FONTS[0]).name]:
        return ""
    return f": give them with --fonts ({', '.join(names)})"

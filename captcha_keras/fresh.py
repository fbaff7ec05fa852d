"""New images that look like those of a data set: for training on a stream and for measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from captcha.image import DEFAULT_FONTS

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Settings, Style


def series_like(
    description: Mapping[str, Any] | None, spec: CaptchaSpec, seed: int | str, fonts: Sequence[str] = ()
) -> Series:
    """The series that a data set is part of, continued with another seed.

    Args:
        description: The `dataset.json` of the data set; None for images that were not drawn here, which are taken
            to look like the library's.
        spec: The spec of images that were not drawn here; of drawn ones the description has it.
        seed: The seed of the new images.
        fonts: Paths of its fonts, if it has own ones: `dataset.json` names them by their content alone.

    Raises:
        InputError: The seed drew the data set, or the fonts are not its fonts.
    """
    drawn = description or {}
    if drawn.get("seed") == seed:
        raise InputError(f"Seed {seed} drew the training images; choose another --fresh-seed.")
    if drawn:
        spec = CaptchaSpec.from_json(drawn["spec"])
    style = Style.from_mapping({**drawn.get("style", {}), "fonts": list(fonts)})
    series = Series(spec, seed, drawn.get("image_format", "jpeg"), style, drawn.get("distinct", False))
    expected = drawn.get("fonts")
    if expected is not None and Settings(spec, style=style).description()["fonts"] != expected:
        names = ", ".join(font["name"] for font in expected)
        own = "" if names == Path(DEFAULT_FONTS[0]).name else f": give them with --fonts ({names})"
        raise InputError(f"The fonts are not those that the training images were drawn with{own}.")
    return series

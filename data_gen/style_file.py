"""A CAPTCHA in a TOML file: its look, and if the file says so its texts and size."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec, parse_alphabet, parse_length
from data_gen.style import PRESETS, Style, StyleError

SPEC_FIELDS = ("alphabet", "height", "length", "width")


def read_captcha(name: str) -> tuple[CaptchaSpec, Style]:
    """A preset by its name, or a TOML file; `base = "separated"` in it starts from that preset.

    Beside the fields of `Style` a file may have `length` (4 or "4-8"), `alphabet` (a text, or a list of words as
    `parse_alphabet` takes them), `width` and `height`. Paths of fonts are relative to the file.

    Raises:
        StyleError: There is no such preset or file, or it is wrong.

    Example:
        >>> from data_gen import read_captcha
        >>> spec, style = read_captcha("separated")
        >>> spec.length, style.gap
        ('4', 4)
    """
    if name in PRESETS:
        return CaptchaSpec(), PRESETS[name]
    path = Path(name)
    if path.suffix != ".toml":
        raise StyleError(f"The style must be {', '.join(PRESETS)} or a .toml file, got {name!r}.")
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StyleError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise StyleError(f"{path} is no TOML file: {error}.") from error
    base = fields.pop("base", "library")
    if not isinstance(base, str) or base not in PRESETS:
        raise StyleError(f"{path}: base must be {' or '.join(PRESETS)}, got {base!r}.")
    known = {*SPEC_FIELDS, *(field.name for field in dataclasses.fields(Style))}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise StyleError(f"{path} has unknown {', '.join(unknown)}, expected some of {', '.join(sorted(known))}.")
    try:
        spec = CaptchaSpec(**spec_fields({key: fields.pop(key) for key in SPEC_FIELDS if key in fields}))
    except InputError as error:
        raise StyleError(f"{path}: {error}") from error
    fonts = fields.get("fonts", [])
    if not isinstance(fonts, list) or not all(isinstance(font, str) for font in fonts):
        raise StyleError(f"{path}: fonts must be a list of paths, got {fonts!r}.")
    if fonts:
        fields["fonts"] = [str(path.parent / font) for font in fonts]
    return spec, Style.from_mapping(fields, base=PRESETS[base], source=str(path))


def spec_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `CaptchaSpec` from fields of `SPEC_FIELDS`, as a file or a command line has them.

    Raises:
        InputError: The length or the alphabet is wrong.

    Example:
        >>> spec_fields({"length": "4-8", "alphabet": ["digits", "xyz"]})
        {'alphabet': '0123456789xyz', 'min_length': 4, 'max_length': 8}
    """
    given = dict(values)
    if "length" in given:
        # TOML has numbers and texts; true is neither, and no length.
        given["min_length"], given["max_length"] = parse_length(str(given.pop("length")))
    if "alphabet" in given:
        words = given["alphabet"]
        words = [words] if isinstance(words, str) else words
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise StyleError(f"alphabet must be a text or a list of texts, got {words!r}.")
        given["alphabet"] = parse_alphabet(words)
    return given

"""How a CAPTCHA looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ImageFont

from captcha_keras.errors import InputError

Range = tuple[float, float]

# The parameters that `ImageCaptcha` has; its lookup table is computed from `lookup_factor`.
LIBRARY_FIELDS = (
    "font_sizes",
    "character_offset_dx",
    "character_offset_dy",
    "character_rotate",
    "character_warp_dx",
    "character_warp_dy",
    "word_space_probability",
    "word_offset_dx",
    "lookup_factor",
    "fonts",
)


class StyleError(InputError):
    """A style that cannot be drawn, or a file that holds none.

    Example:
        >>> Style(noise_dots=-1)
        Traceback (most recent call last):
        data_gen.style.StyleError: noise_dots must be a whole number from 0 to 10,000, got -1.
    """


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _check_range(name: str, value: tuple[Any, ...], low: int, high: int, *, whole: bool = False) -> None:
    kind = "whole numbers" if whole else "numbers"
    good = len(value) == 2 and all(_is_whole(item, low, high) if whole else _is_number(item) for item in value)
    if not good or not low <= value[0] <= value[1] <= high:
        raise StyleError(f"{name} must be two {kind} from {low} to {high}, the smaller first, got {list(value)}.")


@dataclass(frozen=True)
class Style:
    """Everything that decides the look of an image besides its text and size; the defaults are the library's.

    Fields that `captcha.image.ImageCaptcha` also has mean the same as there.

    Attributes:
        font_sizes: Sizes in pixels, from which each character takes one.
        character_offset_dx: Columns that a character starts from the left of its image, from and to.
        character_offset_dy: Rows that it starts from the top, from and to.
        character_rotate: Rotation in degrees, from and to.
        character_warp_dx: Warp to the sides in fractions of the character's width, from and to.
        character_warp_dy: Warp up and down in fractions of its height, from and to.
        word_space_probability: Probability that *no* blank stands before a character, 0 to 1.
        word_offset_dx: Largest overlap of two characters, in fractions of their average width, 0 to 1.
        lookup_factor: Opacity of the pasted text as a multiple of its luminance: small values make dark text faint.
        background: Each channel of the background, 0 to 255, from and to.
        foreground: Each channel of the text's colour, 0 to 255, from and to.
        opacity: Alpha of the text's colour, 0 to 255, from and to.
        noise_dots: Number of dots.
        noise_dot_width: Width of a dot in pixels.
        noise_curves: Number of curves.
        smooth: Whether the finished image is smoothed.
        gap: Fewest empty columns between two characters, which then never overlap; None for the library's
            layout.
        fonts: Paths of TrueType fonts; the library's DroidSansMono if there are none.

    Raises:
        StyleError: A field has a wrong type or range, or a font cannot be read.

    Example:
        >>> from data_gen import Style
        >>> style = Style(noise_dots=0, noise_curves=0, character_rotate=(-10, 10))
        >>> Style.from_mapping(style.to_json()) == style
        True
    """

    font_sizes: tuple[int, ...] = (42, 50, 56)
    character_offset_dx: tuple[int, int] = (0, 4)
    character_offset_dy: tuple[int, int] = (0, 6)
    character_rotate: Range = (-30, 30)
    character_warp_dx: Range = (0.1, 0.3)
    character_warp_dy: Range = (0.2, 0.3)
    word_space_probability: float = 0.5
    word_offset_dx: float = 0.25
    lookup_factor: float = 1.97
    background: tuple[int, int] = (238, 255)
    foreground: tuple[int, int] = (10, 200)
    opacity: tuple[int, int] = (220, 255)
    noise_dots: int = 30
    noise_dot_width: int = 3
    noise_curves: int = 1
    smooth: bool = True
    gap: int | None = None
    fonts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.font_sizes or any(not _is_whole(size, 1, 1000) for size in self.font_sizes):
            raise StyleError(f"font_sizes must be whole numbers from 1 to 1000, got {list(self.font_sizes)}.")
        for name, low, high in (
            ("character_offset_dx", 0, 1000),
            ("character_offset_dy", 0, 1000),
            ("background", 0, 255),
            ("foreground", 0, 255),
            ("opacity", 0, 255),
        ):
            _check_range(name, getattr(self, name), low, high, whole=True)
        _check_range("character_rotate", self.character_rotate, -360, 360)
        _check_range("character_warp_dx", self.character_warp_dx, 0, 2)
        _check_range("character_warp_dy", self.character_warp_dy, 0, 2)
        for name, high in (("word_space_probability", 1), ("word_offset_dx", 1), ("lookup_factor", 255)):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value <= high:
                raise StyleError(f"{name} must be a number from 0 to {high}, got {value!r}.")
        for name, low, high in (("noise_dots", 0, 10_000), ("noise_dot_width", 1, 100), ("noise_curves", 0, 1000)):
            if not _is_whole(getattr(self, name), low, high):
                raise StyleError(f"{name} must be a whole number from {low} to {high:,}, got {getattr(self, name)!r}.")
        if not isinstance(self.smooth, bool):
            raise StyleError(f"smooth must be true or false, got {self.smooth!r}.")
        if self.gap is not None and not _is_whole(self.gap, 0, 1000):
            raise StyleError(f"gap must be a whole number from 0 to 1,000, got {self.gap!r}.")
        for font in self.fonts:
            try:
                ImageFont.truetype(font, 42)
            except (OSError, TypeError) as error:
                raise StyleError(f"{font} is no readable TrueType font.") from error

    @property
    def in_library(self) -> bool:
        """Whether `ImageCaptcha`'s own parameters express the whole style."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return Style(**{name: value for name, value in own.items() if name in LIBRARY_FIELDS}) == self

    def to_json(self) -> dict[str, Any]:
        """Every field but the fonts, which `dataset.json` names by their content and not by their path."""
        fields = dataclasses.asdict(self)
        del fields["fonts"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], *, base: Style | None = None, source: str = "The style") -> Style:
        """Read fields by their names, from TOML or JSON; `base` gives the rest.

        Raises:
            StyleError: A field is unknown or has a wrong type or range.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(value) - names)
        if unknown:
            raise StyleError(f"{source} has unknown {', '.join(unknown)}, expected some of {', '.join(sorted(names))}.")
        fields: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}
        default = base or cls()
        for name, item in fields.items():
            if isinstance(getattr(default, name), tuple) != isinstance(item, tuple):
                expected = "a list" if isinstance(getattr(default, name), tuple) else "a single value"
                raise StyleError(f"{source}: {name} must be {expected}, got {item!r}.")
        try:
            return dataclasses.replace(default, **fields)
        except StyleError as error:
            raise StyleError(f"{source}: {error}") from error


PRESETS = {
    "library": Style(),
    # Characters with empty columns between them and nothing across: for networks that cut an image into characters.
    "separated": Style(noise_dots=0, noise_curves=0, gap=4),
}

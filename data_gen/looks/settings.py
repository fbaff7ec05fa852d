"""The style `any`: which ingredients and fonts random looks are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from captcha_keras.spec import NAMED_ALPHABETS, CaptchaSpec
from data_gen.looks.compose import INGREDIENTS
from data_gen.looks.fonts import check_font, installed_fonts
from data_gen.style import StyleError

# The style's name in `--style` and in `dataset.json`.
ANY = "any"
# To be raised with every change that changes pixels: a data set is not continued with another one.
REVISION = 4
ANY_SPEC = CaptchaSpec("".join(NAMED_ALPHABETS.values()), 1, 10, 200, 64, keep_aspect=True)


@dataclass(frozen=True)
class LookSettings:
    """Random looks: every image has a size, fonts, colors, background and disturbances of its own.

    Attributes:
        without: Ingredients that no image has, or families of them; see `INGREDIENTS`. What an image has besides
            stays as it is.
        fonts: Paths of TrueType fonts; all that are installed if there are none.

    Raises:
        StyleError: There is no such ingredient, or a font lacks digits or Latin letters.

    Example:
        >>> from data_gen import LookSettings
        >>> settings = LookSettings(without=("warps", "curves"))
        >>> settings.without
        ('bulge', 'curves', 'perspective', 'swirl', 'waves', 'wobble')
        >>> LookSettings.from_json(settings.to_json()) == settings
        True
    """

    without: tuple[str, ...] = ()
    fonts: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        names = {name: (name,) for family in INGREDIENTS.values() for name in family} | INGREDIENTS
        unknown = sorted(set(self.without) - names.keys())
        if unknown:
            raise StyleError(f"There is no ingredient {', '.join(unknown)}, expected some of {', '.join(names)}.")
        left_out = sorted({name for word in self.without for name in names[word]})
        for path in self.fonts:
            check_font(path)
        # Resolved here, so that a worker elsewhere draws with these fonts or fails.
        object.__setattr__(self, "fonts", self.fonts or installed_fonts())
        object.__setattr__(self, "without", tuple(left_out))

    def to_json(self) -> dict[str, Any]:
        """Every field but the fonts, which `dataset.json` names by their content and not by their path."""
        return {ANY: {"revision": REVISION, "without": list(self.without)}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], fonts: Sequence[str] = ()) -> LookSettings:
        """Read what `to_json` wrote.

        Args:
            value: The JSON object.
            fonts: Paths of the fonts.

        Raises:
            StyleError: It was written by a release that draws otherwise.
        """
        fields = value[ANY]
        if fields.get("revision") != REVISION:
            raise StyleError(f"The looks are of revision {fields.get('revision')}, this release draws {REVISION}.")
        return cls(tuple(fields["without"]), tuple(fonts))

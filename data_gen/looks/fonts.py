"""The fonts that random looks are drawn with: free ones that Python packages hold."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from captcha.image import DEFAULT_FONTS
from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

from data_gen.style import StyleError

# Fonts of matplotlib that hold Latin letters and digits of a text: not its symbols, script and old-style digits.
MATPLOTLIB_FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-BoldItalic", "-Italic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "BolIta", "Italic")),
    *(f"cm{style}10" for style in ("b", "r", "ss", "ti", "tt")),
)
# Packages of the extra `fonts`: unmodified files of Google Fonts under the SIL Open Font License or Apache 2.0. Left
# out are families without lower-case letters, with an old-style 0 that is an o, or with a D that is a box.
_NAMES = """
    abril-fatface alfa-slab-one anton archivo-narrow arimo arvo barlow-condensed bitter black-ops-one caveat
    chakra-petch comfortaa crimson-text dancing-script delius dosis exo-2 fjalla-one ibm-plex-mono inconsolata
    indie-flower jost kalam lilita-one lobster lora montserrat noto-serif nunito open-sans oswald pacifico poppins
    press-start-2p pt-sans pt-serif quicksand righteous roboto roboto-mono roboto-slab rubik russo-one
    shadows-into-light share-tech source-code-pro source-sans-3 space-mono titillium-web varela-round
"""
PACKAGES = tuple(f"fontpkg-{name}" for name in _NAMES.split())
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Thinner ones vanish at the size of a CAPTCHA.
WEIGHTS = (300, 400, 600, 800)
THIN = ("Thin", "ExtraLight", "Hairline")
CACHED_FONTS = 192


@dataclass(frozen=True)
class Face:
    """A font in one weight.

    Attributes:
        path: The file.
        weight: Weight of a variable font, 300 to 800; None for a file of one weight.

    Example:
        >>> Face(DEFAULT_FONTS[0]).weight is None
        True
    """

    path: str
    weight: int | None = None


def installed_fonts() -> tuple[str, ...]:
    """Paths of the fonts of installed packages: matplotlib, captcha, and the extra `fonts`; sorted by file name.

    Example:
        >>> len(installed_fonts()) >= 22
        True
    """
    bundled = _folder("matplotlib") / "mpl-data" / "fonts" / "ttf"
    found = [*map(Path, DEFAULT_FONTS), *(bundled / f"{name}.ttf" for name in MATPLOTLIB_FONTS)]
    for package in PACKAGES:
        folder = _folder(package.replace("-", "_")) / "files"
        found += [path for path in folder.glob("*.ttf") if not any(word in path.name for word in THIN)]
    return tuple(str(path) for path in sorted(found, key=lambda path: path.name) if path.is_file())


def families_of(paths: Sequence[str]) -> tuple[tuple[Face, ...], ...]:
    """The faces of fonts, those of a family together, in the order of the paths; variable fonts in several weights.

    Raises:
        StyleError: A file is no font, or has no picture for some digit or Latin letter.

    Example:
        >>> [len(faces) for faces in families_of(DEFAULT_FONTS)]
        [1]
    """
    return _families_of(tuple(paths))


@lru_cache(8)
def _families_of(paths: tuple[str, ...]) -> tuple[tuple[Face, ...], ...]:
    families: dict[str | None, list[Face]] = {}
    for path in paths:
        try:
            font = ImageFont.truetype(path, 16, layout_engine=ImageFont.Layout.BASIC)
        except OSError as error:
            raise StyleError(f"{path} is no readable TrueType font.") from error
        weights = _weights(font)
        families.setdefault(font.getname()[0], []).extend(Face(path, weight) for weight in weights)
    return tuple(tuple(faces) for faces in families.values())


def check_font(path: str) -> None:
    """Refuse a font that cannot draw every digit and Latin letter.

    Raises:
        StyleError: It is no font, or lacks some.

    Example:
        >>> check_font(DEFAULT_FONTS[0])
    """
    try:
        font = ImageFont.truetype(path, 24, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise StyleError(f"{path} is no readable TrueType font.") from error
    # No font has a picture for this code point, so that it shows what stands for a missing one.
    missing = bytes(font.getmask("\uffff"))
    lacking = [character for character in CHARACTERS if bytes(font.getmask(character)) in (b"", missing)]
    if lacking:
        raise StyleError(f"{path} has no {', '.join(lacking)}; random looks need fonts with 0-9, A-Z and a-z.")


@lru_cache(CACHED_FONTS)
def font_of(face: Face, size: int) -> FreeTypeFont:
    """The font of a face at a size in pixels.

    Example:
        >>> font_of(Face(DEFAULT_FONTS[0]), 30).size
        30
    """
    # Basic layout: what a text shaper makes of single characters must not depend on whether one is installed.
    font = ImageFont.truetype(face.path, size, layout_engine=ImageFont.Layout.BASIC)
    if face.weight is not None:
        axes = font.get_variation_axes()
        font.set_variation_by_axes([_place(axis, face.weight) for axis in axes])
    return font


def _folder(package: str) -> Path:
    """Where a package lies, found without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else Path()


def _weights(font: FreeTypeFont) -> tuple[int | None, ...]:
    try:
        axes = font.get_variation_axes()
    except OSError:
        return (None,)
    weights = [axis for axis in axes if _is_weight(axis)]
    if not weights:
        return (None,)
    low, high = weights[0]["minimum"] or 0, weights[0]["maximum"] or 0
    return tuple(weight for weight in WEIGHTS if low <= weight <= high)


def _is_weight(axis: ImageFont.Axis) -> bool:
    return axis["name"] in (b"Weight", "Weight")


def _place(axis: ImageFont.Axis, weight: int) -> float:
    return weight if _is_weight(axis) else axis["default"] or 0

"""What could be changed: the audited settings with one of them different."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from captcha_keras.audit.curve import Estimate
from captcha_keras.audit.people import look_alikes
from captcha_keras.audit.subject import Drawn
from captcha_keras.spec import LARGEST_SIDE, LONGEST_TEXT, NAMED_ALPHABETS
from data_gen.style import Style

# Bundled with matplotlib, which every installation has.
FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf")


@dataclass(frozen=True)
class Change:
    """The audited settings with one of them changed.

    Attributes:
        name: Short, of letters and dashes.
        words: What differs, for people.
        subject: CAPTCHAs with the change.

    Example:
        >>> change = changes(Drawn())[0]
        >>> change.name, change.words
        ('longer', '6 characters instead of 4, the image wider alike')
    """

    name: str
    words: str
    subject: Drawn


@dataclass(frozen=True)
class Changed:
    """What is read with one setting changed.

    Attributes:
        name: Name of the change.
        words: What differs.
        read: Images read right with it; the intervals of all changes hold at once.
        effect: "harder", "easier", or "none" if the difference may be chance; the error is divided among the changes.

    Example:
        >>> Changed("longer", "6 characters instead of 4", Estimate(0.2, 0.1, 0.3, (0.2,)), "harder").read.value
        0.2
    """

    name: str
    words: str
    read: Estimate
    effect: str


@dataclass(frozen=True)
class Sweep:
    """What changes of one setting give at a number of samples.

    Attributes:
        samples: That number.
        unchanged: Images read right with the settings as they are; its interval allows for so many changes.
        changes: The changes, the hardest first.

    Example:
        >>> change = Changed("longer", "6 characters instead of 4", Estimate(0.2, 0.1, 0.3, (0.2,)), "harder")
        >>> sweep = Sweep(16_000, Estimate(0.5, 0.4, 0.6, (0.45, 0.55)), changes=(change,))
        >>> sweep.changes[0].read.high < sweep.unchanged.low
        True
    """

    samples: int
    unchanged: Estimate
    changes: tuple[Changed, ...]


def effect(changed: Estimate, unchanged: Estimate) -> str:
    """What a change does: "harder" or "easier" if no training without it is likely to read so little or so much.

    Example:
        >>> effect(Estimate(0.2, 0.1, 0.3, (0.2,)), Estimate(0.5, 0.4, 0.6, (0.45, 0.55)))
        'harder'
    """
    return "harder" if changed.value < unchanged.low else "easier" if changed.value > unchanged.high else "none"


def changes(subject: Drawn) -> list[Change]:
    """The changes that make sense for these settings, harder ones and easier ones.

    Example:
        >>> [change.name for change in changes(Drawn())][:3]
        ['longer', 'more-characters', 'no-look-alikes']
    """
    return [Change(name, words, changed) for name, words, changed in _changes(subject) if changed != subject]


def _changes(subject: Drawn) -> Iterator[tuple[str, str, Drawn]]:
    spec, style = subject.spec, subject.style
    longest = min(spec.max_length + 2, LONGEST_TEXT)
    width = min(round(spec.width * longest / spec.max_length), LARGEST_SIDE)
    longer = replace(spec, min_length=spec.min_length + longest - spec.max_length, max_length=longest, width=width)
    yield "longer", f"{longer.length} characters instead of {spec.length}, the image wider alike", subject.with_(longer)
    letters = "".join(character for character in _alphanumeric() if character not in spec.alphabet)
    if letters:
        more = replace(spec, alphabet=spec.alphabet + letters)
        yield "more-characters", f"{len(more.alphabet)} characters instead of {len(spec.alphabet)}", subject.with_(more)
    left_out = "".join(look_alikes(spec))
    clear = "".join(character for character in spec.alphabet if character not in left_out)
    if clear and left_out:
        words = f"without characters that people mix up ({left_out})"
        yield "no-look-alikes", words, subject.with_(replace(spec, alphabet=clear))
    yield from _looks(subject, style)


def _looks(subject: Drawn, style: Style) -> Iterator[tuple[str, str, Drawn]]:
    turned = tuple(1.5 * degrees for degrees in style.character_rotate)
    if max(map(abs, turned)) <= 90:
        words = f"rotation {_range(turned)} degrees instead of {_range(style.character_rotate)}"
        yield "rotation", words, _styled(subject, character_rotate=turned)
    overlap = min(style.word_offset_dx + 0.2, 1.0)
    if style.gap is None:
        words = f"overlap up to {overlap:.0%} of a character instead of {style.word_offset_dx:.0%}"
        yield "overlap", words, _styled(subject, word_offset_dx=overlap)
    curves = style.noise_curves + 3
    yield "curves", f"{curves} curves instead of {style.noise_curves}", _styled(subject, noise_curves=curves)
    dots = 4 * max(style.noise_dots, 30)
    yield "dots", f"{dots} dots instead of {style.noise_dots}", _styled(subject, noise_dots=dots)
    warp = tuple(fraction + 0.3 for fraction in style.character_warp_dx)
    words = f"warp to the sides {_range(warp)} of the width instead of {_range(style.character_warp_dx)}"
    yield "warp", words, _styled(subject, character_warp_dx=warp)
    faint = style.lookup_factor / 2
    words = f"fainter text: opacity = luminance times {faint:g} instead of {style.lookup_factor:g}"
    yield "faint", words, _styled(subject, lookup_factor=faint)
    if not style.fonts:
        yield "fonts", f"{len(FONTS) + 1} fonts instead of one", _styled(subject, fonts=_fonts())


def _styled(subject: Drawn, **fields: Any) -> Drawn:
    return replace(subject, style=replace(subject.style, **fields))


def _fonts() -> tuple[str, ...]:
    import matplotlib
    from captcha.image import DEFAULT_FONTS

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return (DEFAULT_FONTS[0], *(str(folder / name) for name in FONTS))


def _alphanumeric() -> str:
    return "".join(NAMED_ALPHABETS[name] for name in ("digits", "upper", "lower"))


def _range(values: tuple[float, ...]) -> str:
    return f"{values[0]:g} to {values[1]:g}"

"""What a CAPTCHA is: its alphabet, its length, its size, and how its text becomes class ids.

This module is the only owner of the alphabet's order and of encoding and decoding.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError

NAMED_ALPHABETS = {
    "digits": "0123456789",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "lower": "abcdefghijklmnopqrstuvwxyz",
}
DEFAULT_ALPHABET = NAMED_ALPHABETS["digits"] + NAMED_ALPHABETS["upper"]
LONGEST_TEXT = 32
LARGEST_SIDE = 4096


class SpecError(InputError):
    """A text that does not fit a spec, or an alphabet, a length or a size that no spec can have.

    Example:
        >>> CaptchaSpec("AB").encode("ABXA")
        Traceback (most recent call last):
        captcha_keras.spec.SpecError: 'ABXA' has 'X' outside the alphabet 'AB'.
    """


@dataclass(frozen=True)
class CaptchaSpec:
    """The fixed properties of a set of CAPTCHA images.

    Attributes:
        alphabet: The characters that occur, each once; its order is the order of the classes.
        min_length: Fewest characters of a text.
        max_length: Most characters of a text, and the number of heads of a network.
        width: Width of an image in pixels.
        height: Height of an image in pixels.
        keep_aspect: Whether an image of another size keeps its proportions when it is fitted into this one: it is as
            large as fits, in the middle of the median color of its border. If not, it is stretched.

    Example:
        >>> spec = CaptchaSpec("AB", min_length=1, max_length=3)
        >>> spec.encode("BA"), spec.num_classes  # the third class is "no character"
        (array([1, 0, 2], dtype=int32), 3)
        >>> spec.decode([1, 0, 2])
        'BA'
    """

    alphabet: str = DEFAULT_ALPHABET
    min_length: int = 4
    max_length: int = 4
    width: int = 170
    height: int = 80
    keep_aspect: bool = False

    def __post_init__(self) -> None:
        _check_alphabet(self.alphabet)
        for name in ("min_length", "max_length", "width", "height"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise SpecError(f"{name} must be a whole number, got {value!r}.")
        if not 1 <= self.min_length <= self.max_length <= LONGEST_TEXT:
            raise SpecError(
                f"The length must be 1 to {LONGEST_TEXT} characters, the shortest first, got "
                f"{self.min_length}-{self.max_length}."
            )
        for name in ("width", "height"):
            if not 1 <= getattr(self, name) <= LARGEST_SIDE:
                raise SpecError(f"The {name} must be 1 to {LARGEST_SIDE} pixels, got {getattr(self, name)}.")
        if not isinstance(self.keep_aspect, bool):
            raise SpecError(f"keep_aspect must be true or false, got {self.keep_aspect!r}.")

    @property
    def variable_length(self) -> bool:
        """Whether texts differ in length, which adds the class "no character"."""
        return self.min_length != self.max_length

    @property
    def classes(self) -> tuple[str, ...]:
        """The text of each class; with a variable length the last is "", "no character"."""
        return (*self.alphabet, "") if self.variable_length else tuple(self.alphabet)

    @property
    def num_classes(self) -> int:
        """Number of classes of a head."""
        return len(self.alphabet) + self.variable_length

    @property
    def head_names(self) -> tuple[str, ...]:
        """Names of a network's outputs, one for each position: `char_0`, `char_1`, …"""
        return tuple(f"char_{position}" for position in range(self.max_length))

    @property
    def length(self) -> str:
        """The length as the commands take it: "4" or "4-8"."""
        if self.variable_length:
            return f"{self.min_length}-{self.max_length}"
        return str(self.max_length)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Class ids of `text`, shape `(max_length,)`; short texts are filled with "no character".

        Raises:
            SpecError: The text has a wrong length or characters outside the alphabet.
        """
        if not self.min_length <= len(text) <= self.max_length:
            raise SpecError(f"{text!r} has {len(text)} characters, expected {self.length}.")
        bad = sorted({character for character in text if character not in self.alphabet})
        if bad:
            raise SpecError(f"{text!r} has {_listed(bad)} outside the alphabet {shorten(self.alphabet)!r}.")
        numbers = np.full(self.max_length, len(self.alphabet), np.int32)
        numbers[: len(text)] = [self.alphabet.index(character) for character in text]
        return numbers

    def encode_all(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """Class ids of many texts, shape `(N, max_length)`."""
        rows = [self.encode(text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.max_length), np.int32)

    def decode(self, numbers: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """The text of one row of class ids, shape `(max_length,)`.

        "No character" is read as nothing wherever it stands, so every row has a text.

        Raises:
            SpecError: The row has a wrong length or a number that is no class.
        """
        if len(numbers) != self.max_length:
            raise SpecError(f"Expected {self.max_length} class ids, got {len(numbers)}.")
        classes = self.classes
        bad = [int(number) for number in numbers if not 0 <= int(number) < len(classes)]
        if bad:
            raise SpecError(f"{_listed(bad)} is not a class id below {len(classes)}.")
        return "".join(classes[int(number)] for number in numbers)

    def decode_all(self, rows: NDArray[np.integer[Any]]) -> list[str]:
        """The texts of class ids of shape `(N, max_length)`."""
        return [self.decode(row) for row in rows]

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object; `from_json` reads it back. Stretching is not mentioned."""
        fields = dataclasses.asdict(self)
        if not self.keep_aspect:
            # Files that were written before images could keep their proportions stay the same.
            del fields["keep_aspect"]
        return fields

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CaptchaSpec:
        """Read what `to_json` wrote.

        Raises:
            SpecError: A field is missing, unknown or out of range.
        """
        if not isinstance(value, Mapping):
            raise SpecError(f"A spec must be a JSON object, got {type(value).__name__}.")
        names = {field.name for field in dataclasses.fields(cls)}
        for problem, found in (("lacks", names - set(value) - {"keep_aspect"}), ("has unknown", set(value) - names)):
            if found:
                raise SpecError(f"The spec {problem} {_listed(sorted(map(str, found)))}.")
        if not isinstance(value["alphabet"], str):
            raise SpecError(f"alphabet must be a text, got {value['alphabet']!r}.")
        return cls(**value)


def parse_alphabet(words: Sequence[str]) -> str:
    """Join named alphabets (`digits`, `upper`, `lower`) and literal characters, in the order given.

    Raises:
        SpecError: A character occurs twice or cannot be drawn.

    Example:
        >>> parse_alphabet(["digits", "ABC"])
        '0123456789ABC'
    """
    alphabet = "".join(NAMED_ALPHABETS.get(word, word) for word in words)
    _check_alphabet(alphabet)
    return alphabet


def parse_length(text: str) -> tuple[int, int]:
    """The shortest and the longest length that `"4"` or `"4-8"` stands for.

    Raises:
        SpecError: The text is neither.

    Example:
        >>> parse_length("4"), parse_length("4-8")
        ((4, 4), (4, 8))
    """
    match = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", text, re.ASCII)
    if not match:
        raise SpecError(f"The length must look like 4 or 4-8, got {text!r}.")
    shortest = int(match[1])
    return shortest, int(match[2] or shortest)


def shorten(text: str, most: int = 80) -> str:
    """The text, cut to `most` characters for a message.

    Example:
        >>> shorten("ABCDEFGH", most=5)
        'ABCD…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _check_alphabet(alphabet: str) -> None:
    if not alphabet:
        raise SpecError("The alphabet is empty, expected at least one character.")
    twice = sorted({character for character in alphabet if alphabet.count(character) > 1})
    if twice:
        raise SpecError(f"The alphabet has {_listed(twice)} more than once.")
    # Letters, numbers, punctuation and symbols draw one glyph each; marks, spaces and controls do not.
    bad = [character for character in alphabet if unicodedata.category(character)[0] not in "LNPS"]
    if bad:
        raise SpecError(f"The alphabet has {_listed(bad)}, which cannot be drawn as a character.")


def _listed(values: Iterable[object]) -> str:
    return ", ".join(repr(value) for value in values)

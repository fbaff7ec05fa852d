"""What a label may be, and with that what a network may suggest."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from captcha_keras.errors import InputError
from captcha_keras.spec import LONGEST_TEXT, CaptchaSpec, SpecError


@dataclass(frozen=True)
class Limits:
    """The characters that labels may have, and how many.

    Attributes:
        alphabet: The only characters; None for every one that can be drawn.
        length: Fewest and most characters; None for 1 to 32.

    Raises:
        SpecError: No text is within the limits.

    Example:
        >>> Limits("AB01", (1, 4)).check(" A0 ")
        'A0'
        >>> Limits("AB01").check("AX0")
        Traceback (most recent call last):
        captcha_keras.spec.SpecError: 'AX0' has 'X' outside the alphabet 'AB01'.
    """

    alphabet: str | None = None
    length: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._spec(self.alphabet or "A")

    def check(self, entry: str) -> str:
        """The text that an entry stands for: without blanks around it, accents joined to their letters.

        Raises:
            InputError: It is no label.
        """
        text = unicodedata.normalize("NFC", entry.strip())
        if not text:
            raise InputError("A label has at least one character.")
        try:
            spec = self._spec(self.alphabet or "".join(sorted(set(text))))
        except SpecError as error:
            raise InputError(f"{text!r} has blanks or signs that are no letter, digit, mark or symbol.") from error
        spec.encode(text)
        return text

    def within(self, spec: CaptchaSpec) -> dict[str, Any]:
        """The part of the limits that a network can keep, as arguments of `Recognizer.read`.

        What it cannot keep at all is left as it is, for `Recognizer.read` to refuse in a sentence.

        Example:
            >>> Limits("ABC", (4, 6)).within(CaptchaSpec("BCD", 5, 8))
            {'alphabet': 'BC', 'length': (5, 6)}
        """
        alphabet, length = self.alphabet, self.length
        if alphabet is not None:
            alphabet = "".join(character for character in alphabet if character in spec.alphabet) or alphabet
        if length is not None:
            shared = max(length[0], spec.min_length), min(length[1], spec.max_length)
            length = shared if shared[0] <= shared[1] else length
        return {"alphabet": alphabet, "length": length}

    def _spec(self, alphabet: str) -> CaptchaSpec:
        return CaptchaSpec(alphabet, *(self.length or (1, LONGEST_TEXT)))

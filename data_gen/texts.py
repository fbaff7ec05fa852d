"""Which text an image shows."""

from __future__ import annotations

from collections.abc import Mapping

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.randomness import SeededSecrets

MAX_WEIGHT = 1000


class TextSource:
    """Draws texts: lengths uniform, characters uniform or weighted.

    Args:
        spec: Alphabet and length.
        distinct: Whether no character occurs twice in a text.
        weights: How many times as often a character is drawn, 1 to 1,000; 1 for those not named.

    Raises:
        InputError: Texts of distinct characters are longer than the alphabet, or a weight is wrong.

    Example:
        >>> from captcha_keras import CaptchaSpec
        >>> from data_gen import TextSource
        >>> texts = TextSource(CaptchaSpec("01O", 4, 4), weights={"O": 3})
        >>> [texts.draw(SeededSecrets(seed=0, index=index)) for index in range(3)]
        ['1OOO', '110O', '1OOO']
    """

    def __init__(self, spec: CaptchaSpec, *, distinct: bool = False, weights: Mapping[str, int] | None = None) -> None:
        if distinct and spec.max_length > len(spec.alphabet):
            raise InputError(
                f"Texts of {spec.max_length} distinct characters need an alphabet of at least as many, got "
                f"{len(spec.alphabet)}."
            )
        weights = weights or {}
        for character, weight in weights.items():
            if character not in spec.alphabet or len(character) != 1:
                raise InputError(f"The weight of {character!r} is of no character of the alphabet.")
            if not 1 <= weight <= MAX_WEIGHT:
                raise InputError(f"The weight of {character!r} must be 1 to {MAX_WEIGHT:,}, got {weight}.")
        self._spec = spec
        self._distinct = distinct
        # With weights of 1 this is the alphabet, and the random draws are those of a uniform choice.
        self._characters = "".join(character * weights.get(character, 1) for character in spec.alphabet)

    def draw(self, secrets: SeededSecrets) -> str:
        """A text; takes the first numbers of an image's random stream."""
        spec, characters = self._spec, self._characters
        text = ""
        for _ in range(spec.min_length + secrets.randbelow(spec.max_length - spec.min_length + 1)):
            character = secrets.choice(characters)
            text += character
            if self._distinct:
                characters = characters.replace(character, "")
        return text


def parse_weights(text: str) -> dict[str, int]:
    """Read `"0=5,O=5"`; the character before `=` may itself be a comma or an equals sign.

    Raises:
        InputError: It reads otherwise.

    Example:
        >>> from data_gen import parse_weights
        >>> parse_weights("0=5,O=5")
        {'0': 5, 'O': 5}
    """
    weights: dict[str, int] = {}
    rest = text
    while rest:
        character, sign, tail = rest[0], rest[1:2], rest[2:]
        number, comma, rest = tail.partition(",")
        if sign != "=" or not (number.isascii() and number.isdigit()) or bool(comma) != bool(rest):
            raise InputError(f"Weights must look like 0=5,O=5, got {text!r}.")
        weights[character] = int(number)
    return weights

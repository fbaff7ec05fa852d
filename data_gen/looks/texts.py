"""Which text an image of a random look shows: characters of one kind, of any length, four to seven most often."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from captcha_keras.errors import InputError
from captcha_keras.spec import NAMED_ALPHABETS, CaptchaSpec
from data_gen.looks.dice import Dice, Table
from data_gen.looks.fonts import CHARACTERS
from data_gen.texts import TextSource

DIGITS, UPPER, LOWER = (NAMED_ALPHABETS[name] for name in ("digits", "upper", "lower"))
KINDS = {
    DIGITS: 14,
    UPPER: 14,
    LOWER: 12,
    DIGITS + UPPER: 30,
    DIGITS + LOWER: 12,
    UPPER + LOWER: 8,
    CHARACTERS: 24,
}
# What makers of CAPTCHAs leave out, so that people need not guess; nothing of it most often.
LOOK_ALIKES = {"": 60, "0O": 6, "01OIl": 12, "01OIilo": 12, "0125BIOSZilosz": 10}
# Of a hundred texts so many mix the two of a pair that is told apart by little, if the alphabet has a pair.
PAIRED_PERCENT = 50
PAIRS = {"0O": 80, "1I": 10, "1l": 8, "Il": 8, "5S": 8, "2Z": 8, "8B": 8, "6G": 8}
LENGTHS = {1: 2, 2: 3, 3: 6, 4: 24, 5: 22, 6: 22, 7: 10, 8: 6, 9: 3, 10: 2}
FEWEST_CHARACTERS = 5


class LookTexts:
    """Draws texts for random looks, within the alphabet and the lengths of a spec.

    If the alphabet has a pair such as 0 and O, in half of its texts half of the characters are of one pair: a network
    would otherwise see them too seldom to learn what tells them apart.

    Args:
        spec: Alphabet, 0-9, A-Z and a-z at most, and length.
        distinct: Whether no character occurs twice in a text.
        weights: How many times as often a character is drawn among those of its kind, 1 to 1,000.

    Raises:
        InputError: The alphabet has other characters, or see `TextSource`.

    Example:
        >>> from captcha_keras import CaptchaSpec
        >>> texts = LookTexts(CaptchaSpec("0123456789ABCDEF", 3, 9))
        >>> [texts.draw(Dice(seed)) for seed in range(4)]
        ['8B8BDB8', '887021', 'FE3437E', '736976']
    """

    def __init__(self, spec: CaptchaSpec, *, distinct: bool = False, weights: Mapping[str, int] | None = None) -> None:
        others = [character for character in spec.alphabet if character not in CHARACTERS]
        if others:
            raise InputError(f"Random looks show 0-9, A-Z and a-z, not {', '.join(others)}.")
        weights = weights or {}
        TextSource(spec, distinct=distinct, weights=weights)
        self._distinct = distinct
        self._first = spec.min_length
        self._lengths = list(accumulate(LENGTHS.get(n, 2) for n in range(spec.min_length, spec.max_length + 1)))
        fewest = max(spec.max_length if distinct else 0, min(FEWEST_CHARACTERS, len(spec.alphabet)))
        kinds: dict[str, int] = {}
        for kind, weight in KINDS.items():
            for removed, share in LOOK_ALIKES.items():
                used = [character for character in spec.alphabet if character in kind and character not in removed]
                if len(used) >= fewest:
                    characters = "".join(character * weights.get(character, 1) for character in used)
                    kinds[characters] = kinds.get(characters, 0) + weight * share
        # The spec's own alphabet is always one of them, as the kind of all characters with none left out.
        self._kinds = Table(kinds)
        self._pairs = {} if distinct else {characters: _pairs_in(characters) for characters in kinds}

    def draw(self, dice: Dice) -> str:
        """A text; takes the first numbers of an image's random stream."""
        characters = dice.draw(self._kinds)
        pairs, pair = self._pairs.get(characters), ""
        if pairs and dice.chance(PAIRED_PERCENT):
            pair = dice.draw(pairs)
        text = ""
        for _ in range(self._first + bisect_right(self._lengths, dice.below(self._lengths[-1]))):
            character = dice.pick(pair if pair and dice.chance(50) else characters)
            text += character
            if self._distinct:
                characters = characters.replace(character, "")
        return text


def _pairs_in(characters: str) -> Table[str] | None:
    found = {pair: weight for pair, weight in PAIRS.items() if set(pair) <= set(characters)}
    return Table(found) if found else None

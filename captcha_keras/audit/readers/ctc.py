"""Text out of the probabilities of a network with CTC's blank, limited to what is known of the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.readers.reader import Lengths


class CtcReader:
    """A reader whose network gives a probability for each character, or the blank, at each step from left to right.

    Args:
        name: What a report calls it.
        characters: What the columns of the probabilities stand for; column 0 is the blank.
        probabilities: Takes an image, uint8 RGB `(height, width, 3)`, gives float32 `(steps, columns)`.

    Example:
        >>> steps = np.array([[0, 0.6, 0.4], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]], np.float32)
        >>> reader = CtcReader("fixed", ["", "a", "B"], lambda image: steps)
        >>> image = np.zeros((20, 40, 3), np.uint8)
        >>> reader.read([image], None, None), reader.read([image], "A", None), reader.read([image], "ab", (1, 1))
        (['aB'], ['A'], ['a'])
    """

    def __init__(
        self,
        name: str,
        characters: Sequence[str],
        probabilities: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    ) -> None:
        self.name = name
        self._characters, self._probabilities = characters, probabilities
        self._images: Sequence[NDArray[np.uint8]] = ()
        self._latest: list[NDArray[np.float32]] = []

    def read(self, images: Sequence[NDArray[np.uint8]], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`; without a length the likeliest character of each step counts."""
        if images is not self._images:
            self._latest, self._images = [self._probabilities(image) for image in images], images
        columns = self._columns(alphabet) if alphabet else [(each, [k]) for k, each in enumerate(self._characters)][1:]
        if not columns:
            raise ValueError(f"it knows no character of {alphabet!r}")
        texts = []
        for rows in self._latest:
            # All columns as they are, without a copy for each of thousands of characters.
            limited = rows if alphabet is None else self._merged(rows, [group for _, group in columns])
            path = decode_greedily(limited) if length is None else decode_length(limited, length)
            texts.append("".join(columns[column - 1][0] for column in path if column <= len(columns)))
        # No CAPTCHA has spaces in it.
        return ["".join(text.split()) for text in texts]

    def _columns(self, alphabet: str) -> list[tuple[str, list[int]]]:
        """The characters of the alphabet that the network knows, each with its columns."""
        groups: dict[str, list[int]] = {}
        for column, character in enumerate(self._characters[1:], 1):
            groups.setdefault(into_alphabet(character, alphabet), []).append(column)
        return [(character, groups[character]) for character in alphabet if character in groups]

    @staticmethod
    def _merged(rows: NDArray[np.float32], groups: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        return np.column_stack([rows[:, 0], *(rows[:, list(group)].max(1) for group in groups)])


def into_alphabet(character: str, alphabet: str) -> str:
    """The character itself, or its other case where only that is in the alphabet.

    Example:
        >>> into_alphabet("a", "AB"), into_alphabet("a", "Aa"), into_alphabet("7", "AB")
        ('A', 'a', '7')
    """
    other = character.swapcase()
    return other if character not in alphabet and len(other) == 1 and other in alphabet else character


def decode_greedily(probabilities: NDArray[np.float32]) -> list[int]:
    """The likeliest column of each step, repeated ones once and blanks left out.

    Args:
        probabilities: float32 `(steps, 1 + characters)`; column 0 is the blank.

    Example:
        >>> decode_greedily(np.eye(3, dtype=np.float32)[[1, 1, 0, 1, 2]])
        [1, 1, 2]
    """
    best = probabilities.argmax(1)
    return [int(each) for each, before in zip(best, [0, *best[:-1]], strict=True) if each not in (0, before)]


def decode_length(probabilities: NDArray[np.float32], length: Lengths) -> list[int]:
    """The likeliest path through CTC's probabilities that has so many characters.

    Args:
        probabilities: float32 `(steps, 1 + characters)`; column 0 is the blank.
        length: The fewest and the most characters; no more than there are steps.

    Returns:
        The columns of the characters; fewer where the steps have no room for more.

    Example:
        >>> probabilities = np.array([[0.6, 0.3, 0.1], [0.7, 0.1, 0.2]], np.float32)
        >>> decode_length(probabilities, (1, 1)), decode_length(probabilities, (0, 2))
        ([1], [])
    """
    columns = probabilities.shape[1]
    shortest, longest = (min(each, len(probabilities)) for each in length)
    # Of the best path that has emitted n characters and ended in a column.
    scores = np.full((longest + 1, columns), -np.inf)
    scores[0, 0] = 0
    steps = []
    for row in np.log(np.maximum(probabilities, 1e-30)):
        best = scores.argmax(1)
        others = scores.copy()
        others[np.arange(longest + 1), best] = -np.inf
        # A new character comes after anything but itself; a blank after anything; the rest goes on.
        before = np.where(np.arange(columns) == best[:, None], others.argmax(1)[:, None], best[:, None])
        stay, origin = scores.copy(), np.tile(np.arange(columns), (longest + 1, 1))
        stay[:, 0], origin[:, 0] = scores.max(1), best
        enter = np.full_like(scores, -np.inf)
        enter[1:, 1:] = np.take_along_axis(scores, before, 1)[:-1, 1:]
        entered = enter > stay
        origin[1:] = np.where(entered[1:], before[:-1], origin[1:])
        scores = np.where(entered, enter, stay) + row
        steps.append((entered, origin))
    path = []
    emitted = shortest + int(scores[shortest:].max(1).argmax())
    column = int(scores[emitted].argmax())
    for entered, origin in reversed(steps):
        source = int(origin[emitted, column])
        if entered[emitted, column]:
            path.append(column)
            emitted -= 1
        column = source
    return path[::-1]

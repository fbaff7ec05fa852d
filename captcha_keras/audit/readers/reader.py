"""What a reader is, and which there are."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Other packages add readers by an entry point of this group. It names a reader, and gives what makes it: a class or a
# function without arguments. That returns None where the reader has nothing to read with, such as a missing program.
GROUP = "captcha_keras.readers"
# The shortest and the longest text.
Lengths = tuple[int, int]


class Reader(Protocol):
    """Something that reads images and has not learned from labelled ones of their kind.

    Attributes:
        name: What a report calls it.

    Example:
        >>> class Guess:
        ...     name = "guess"
        ...     def read(self, images, alphabet, length):
        ...         return [(alphabet or "?")[0] * (length or (4, 4))[0] for image in images]
        >>> reader: Reader = Guess()
        >>> reader.read([np.zeros((80, 170, 3), np.uint8)], "AB", (2, 3)), reader.read([], None, None)
        (['AA'], [])
    """

    name: str

    def read(self, images: Sequence[NDArray[np.uint8]], alphabet: str | None, length: Lengths | None) -> Sequence[str]:
        """Read images.

        Args:
            images: uint8 RGB `(height, width, 3)` each, of any size. The same list may come twice in a row, with other
                limits.
            alphabet: The only characters that the texts have; None if they are not known.
            length: The fewest and the most characters of a text; None if it is not known.

        Returns:
            The text of each image.
        """
        ...


def _own(name: str, place: str) -> EntryPoint:
    return EntryPoint(name, f"captcha_keras.audit.readers.{place}", GROUP)


# These need no installed package of ours, so that a checkout has them too.
OWN = (
    _own("any", "network:any_look"),
    _own("rapidocr", "ready_made:rapidocr"),
    _own("ddddocr", "ready_made:ddddocr"),
    _own("tesseract", "tesseract:tesseract"),
)


def known_readers() -> tuple[EntryPoint, ...]:
    """The readers of this package and those of others, each name once; not all of them may be installed.

    Example:
        >>> [reader.name for reader in known_readers()][:4]
        ['any', 'rapidocr', 'ddddocr', 'tesseract']
    """
    others = {each.name: each for each in entry_points(group=GROUP)}
    own = {each.name: each for each in OWN}
    return tuple((own | {name: each for name, each in others.items() if name not in own}).values())


def load_reader(reader: EntryPoint) -> Reader | None:
    """Load a reader; None if it is not installed.

    Raises:
        Exception: Whatever the reader's code raises.

    Example:
        >>> reader = load_reader(EntryPoint("mine", "captcha_keras.audit.readers.tesseract:tesseract", GROUP))
        >>> reader is None or reader.name == "tesseract"  # a program that may be installed
        True
    """
    made: Reader | None = reader.load()()
    return made

"""Readers that misbehave, each in a way of its own, for processes that load them by name."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NoReturn

import numpy as np

from captcha_keras.audit.readers.reader import GROUP, Lengths


def place(name: str) -> EntryPoint:
    """Where the reader of this name is, as the entry point of a package says it."""
    return EntryPoint(name, f"{__name__}:{name}", GROUP)


class Red:
    """Knows the text by the red value of the first pixel; says what it was told."""

    name = "red"

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`."""
        told = "?" if alphabet is None or length is None else f"{alphabet}{length[0]}{length[1]}"
        return [f"{told}:{image[0, 0, 0]}" for image in images]


class First(Red):
    """Answers the first characters of the alphabet, "0O" if there is none; counts how often it was loaded."""

    def __init__(self) -> None:
        with Path("loaded.txt").open("a") as file:
            file.write("loaded\n")

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`."""
        return [(alphabet or "0O")[: (length or (2, 2))[0]]] * len(images)


class Noisy(Red):
    """Prints, past Python."""

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`."""
        os.write(1, b"noise")
        os.write(2, b"noise")
        return super().read(images, alphabet, length)


class Aborting(Red):
    """Dies as native code does."""

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> NoReturn:
        """See `Reader`."""
        os.abort()


class Leaving(Red):
    """Ends the process."""

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> NoReturn:
        """See `Reader`."""
        os._exit(7)


class Picky(Red):
    """Cannot be limited."""

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`."""
        if alphabet is not None:
            raise LookupError("no such\nalphabet")
        return super().read(images, alphabet, length)


class Short(Red):
    """Leaves an image out."""

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`."""
        return super().read(images, alphabet, length)[1:]


class Hanging(Red):
    """Never comes back from the second batch; `red` values from 32 on are in it."""

    first = 32

    def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`."""
        if images[0][0, 0, 0] >= self.first:
            time.sleep(1000)
        return super().read(images, alphabet, length)


class HangingAtOnce(Hanging):
    """Never comes back."""

    first = 0


def missing() -> None:
    """A reader that is not installed."""


def not_loadable() -> NoReturn:
    """A reader whose constructor fails."""
    raise SystemExit("no licence")


def never_loaded() -> NoReturn:
    """A reader that hangs while it is loaded."""
    time.sleep(1000)
    raise AssertionError

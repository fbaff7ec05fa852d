"""Which images are drawn: a whole data set or a shard of it, in pieces of one file each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from captcha_keras.errors import InputError
from data_gen.settings import Settings
from data_gen.storage import Storage, storage_of


@dataclass(frozen=True)
class Shard:
    """A part of a data set, drawn on its own; the default is the whole.

    Attributes:
        number: Which part, from 1.
        of: Number of parts.

    Raises:
        InputError: There is no part of that number.

    Example:
        >>> from data_gen import Shard
        >>> Shard.parse("2/4")
        Shard(number=2, of=4)
        >>> Shard(2, 4).pieces(100)
        range(25, 50)
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise InputError(f"The shard must be 1 to {self.of} of {self.of}, got {self.number}.")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `"2/4"`.

        Raises:
            InputError: The text does not look like that, or there is no such shard.
        """
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text, re.ASCII)
        if not match or int(match[2]) < 1:
            raise InputError(f"The shard must look like 2/4, got {text!r}.")
        return cls(int(match[1]), int(match[2]))

    def pieces(self, total: int) -> range:
        """Which of the pieces belong to it; together the shards have every piece once.

        Raises:
            InputError: There are fewer pieces than shards.
        """
        if self.of > total:
            raise InputError(f"{total:,} files cannot be divided into {self.of:,} shards.")
        return range(total * (self.number - 1) // self.of, total * self.number // self.of)


class Plan:
    """A data set, or a shard of one, and its pieces; holds no list of them, however many there are.

    Attributes:
        settings: The settings of the whole data set.
        shard: Which part of it.
        storage: How the data set is divided into pieces.
        pieces: Numbers of the pieces of this part.
        first_image: Number of its first image.
        image_count: Number of its images.

    Example:
        >>> plan = Plan(Settings(count=100), Shard(2, 4))
        >>> plan.pieces, plan.first_image, plan.image_count
        (range(25, 50), 25, 25)
    """

    def __init__(self, settings: Settings, shard: Shard) -> None:
        self.settings, self.shard = settings, shard
        self.storage: Storage = storage_of(settings)
        self.pieces = shard.pieces(self.storage.piece_count)
        self.first_image = self.storage.images(self.pieces[0]).start
        self.image_count = self.storage.images(self.pieces[-1]).stop - self.first_image

    def description(self) -> dict[str, Any]:
        """What `dataset.json` says, without the checksums."""
        part = None
        if self.shard.of > 1:
            part = {
                "number": self.shard.number,
                "of": self.shard.of,
                "first": self.first_image,
                "images": self.image_count,
            }
        return {**self.settings.description(), "shard": part}

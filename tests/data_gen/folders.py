"""Folders that are drawn for tests of the generator."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Settings
from data_gen.engines import Job, draw_pieces

SPEC = CaptchaSpec("0123456789", 2, 4, 60, 40)
SETTINGS = Settings(Series(SPEC, 4), 300)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def in_this_process(job: Job, pieces: Iterator[int]) -> Iterator[int]:
    """An engine without processes, for what does not test them."""
    for piece in pieces:
        yield draw_pieces(job, [piece])

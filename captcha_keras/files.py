"""Writes files in one step: a reader finds the old file or the new one, never a part, even after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def write_atomically(path: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Write a file under a temporary name beside it, then rename it; a failure leaves nothing behind.

    Args:
        path: The file.
        write: Called with the temporary path, which has the same ending.
        durable: Wait until the disk has it, so that a power cut cannot leave an empty file.

    Example:
        >>> write_atomically(Path("notes.txt"), lambda path: path.write_text("old"))
        >>> write_atomically(Path("notes.txt"), lambda path: path.write_text("new") / 0)
        Traceback (most recent call last):
        ZeroDivisionError: division by zero
        >>> Path("notes.txt").read_text("utf-8")
        'old'
    """
    # The process number keeps two processes out of each other's way.
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        write(temporary)
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of these bytes in one step.

    Example:
        >>> write_bytes(Path("image.png"), b"content")
        >>> Path("image.png").read_bytes()
        b'content'
    """
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, UTF-8, in one step.

    Example:
        >>> write_json(Path("answer.json"), {"text": "ÄB"})
        >>> print(Path("answer.json").read_text("utf-8"), end="")
        {
          "text": "ÄB"
        }
    """
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def is_temporary(name: str) -> bool:
    """Whether a file name is one that `write_atomically` uses and a killed process may leave.

    Example:
        >>> is_temporary(".tmp-17-config.json"), is_temporary("config.json")
        (True, False)
    """
    return name.startswith(".tmp-")

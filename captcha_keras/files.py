"""Writing files so that a reader, or a kill at any moment, finds the old file or the new one, never a part."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def write_atomically(path: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Let `write` fill a temporary sibling, then rename it; nothing is left behind if that fails.

    Args:
        path: The file.
        write: Called with the temporary path, which has the same ending.
        durable: Wait until the disk has it, so that a power cut cannot leave an empty file.
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
    """Write `content` in one step."""
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, UTF-8, in one step."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def is_temporary(name: str) -> bool:
    """Whether a file name is one that `write_atomically` uses and a killed process may leave."""
    return name.startswith(".tmp-")

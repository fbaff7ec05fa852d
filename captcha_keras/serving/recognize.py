"""Reading one image, or files on the server's disk: the short interface beside TensorFlow Serving's."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from captcha_keras.export.decode import MAX_BYTES
from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.errors import invalid
from captcha_keras.serving.model import ServedModel

TOP = 5
MAX_PATHS = 256
MAX_BYTES_TOGETHER = 4 * MAX_BYTES


async def recognize(content: bytes, model: ServedModel, batcher: Batcher) -> dict[str, Any]:
    """Read one image.

    Returns:
        Text, confidence, and for each position the most likely characters with their probabilities.

    Raises:
        RequestError: It is no image, or the server is busy.
    """
    outputs = await batcher.run(model, "probabilities", {"image_bytes": _row([content])})
    if not outputs["valid"][0]:
        raise invalid("The file is no complete PNG or JPEG image of at most 16 million pixels.")
    spec = model.spec
    heads = np.stack([outputs[head][0] for head in spec.head_names])
    best = heads.argsort(axis=-1)[:, : -TOP - 1 : -1]
    return {
        "text": spec.decode(heads.argmax(axis=-1)),
        "confidence": float(heads.max(axis=-1).prod()),
        "characters": [
            [{"character": spec.classes[number], "probability": float(head[number])} for number in numbers]
            for head, numbers in zip(heads, best, strict=True)
        ],
        "model_version": model.version,
    }


async def recognize_files(paths: Sequence[Any], root: Path, model: ServedModel, batcher: Batcher) -> list[str]:
    """Read image files below a folder.

    Args:
        paths: Their paths relative to the folder.
        root: The folder.
        model: Reads them.
        batcher: Computes it.

    Returns:
        Their texts in order; "" for a file that is missing or no image.

    Raises:
        RequestError: A path leads, or could lead, out of the folder.
    """
    if len(paths) > MAX_PATHS:
        raise invalid(f"A request may have {MAX_PATHS} paths, got {len(paths)}.")
    checked = [_checked(path) for path in paths]
    if not checked:
        return []
    contents = await asyncio.to_thread(_read_all, root, checked)
    outputs = await batcher.run(model, "serving_default", {"image_bytes": _row(contents)})
    return [text.decode() for text in outputs["text"]]


def read_below(root: Path, path: PurePosixPath) -> bytes:
    """The content of a file below a folder; b"" if there is none, or if a link is on the way.

    Each part is opened from the one before without following links, so that nothing that is put there meanwhile leads
    out of the folder.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in path.parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        # Not waiting: a named pipe would keep a request for ever.
        file = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return b""
    finally:
        os.close(folder)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return b""
        with open(file, "rb", closefd=False) as opened:
            return opened.read(MAX_BYTES)
    finally:
        os.close(file)


def _read_all(root: Path, paths: Sequence[PurePosixPath]) -> list[bytes]:
    contents: list[bytes] = []
    for path in paths:
        contents.append(read_below(root, path))
        if sum(map(len, contents)) > MAX_BYTES_TOGETHER:
            raise invalid(f"The files of a request may have {MAX_BYTES_TOGETHER:,} bytes together.")
    return contents


def _checked(path: Any) -> PurePosixPath:
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path:
        raise invalid(f"A path must be a relative path below the image folder, got {path!r}.")
    result = PurePosixPath(path)
    if result.is_absolute() or ".." in result.parts or not result.parts:
        raise invalid(f"A path must be a relative path below the image folder, got {path!r}.")
    return result


def _row(contents: Sequence[bytes]) -> Any:
    result = np.empty(len(contents), object)
    result[:] = contents
    return result

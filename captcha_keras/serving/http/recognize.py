"""The short interface beside TensorFlow Serving's: one image, or files on the server's disk."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError
from captcha_keras.export.decode import MAX_BYTES
from captcha_keras.recognizer.decoding import predictions_from
from captcha_keras.recognizer.limits import Length, limit_mask, limit_probabilities
from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.errors import invalid
from captcha_keras.serving.models.model import ServedModel
from captcha_keras.spec import shorten

# The likeliest characters that are listed for each position.
TOP = 5
MAX_PATHS = 256
MAX_BYTES_TOGETHER = 4 * MAX_BYTES
# A message repeats only the beginning of a long alphabet.
MAX_MESSAGE = 400


async def recognize(
    content: bytes,
    model: ServedModel,
    batcher: Batcher,
    *,
    alphabet: str | None = None,
    length: Length | None = None,
) -> dict[str, Any]:
    """Read one image, with the same answer as `Recognizer.read`.

    Args:
        content: The bytes of a PNG or JPEG file.
        model: Reads it.
        batcher: Computes it.
        alphabet: The only characters that the text may have.
        length: How many characters the text has: 4, "4-6" or (4, 6).

    Returns:
        Text, confidence, the version of the model, and for each position the likeliest of the characters that it may
        have, with their probabilities.

    Raises:
        RequestError: The file is no image, the model knows no text within the limits, or the server is busy.
    """
    spec = model.spec
    try:
        mask = limit_mask(spec, alphabet, length)
    except InputError as error:
        raise invalid(shorten(str(error), MAX_MESSAGE)) from error
    outputs = await batcher.run(model, "probabilities", {"image_bytes": _as_rows([content])})
    if not outputs["valid"][0]:
        raise invalid("The file is no complete PNG or JPEG image of at most one million pixels.")
    probabilities = np.stack([outputs[head] for head in spec.head_names], axis=1)
    if not mask.all():
        probabilities = limit_probabilities(probabilities, mask)
    (prediction,) = predictions_from(probabilities, spec)
    return {
        "text": prediction.text,
        "confidence": prediction.confidence,
        "characters": [
            _likeliest(head, allowed, spec.classes) for head, allowed in zip(probabilities[0], mask, strict=True)
        ],
        "model_version": model.version,
    }


async def recognize_files(paths: Sequence[Any], root: Path, model: ServedModel, batcher: Batcher) -> list[str]:
    """Read image files below a folder.

    Args:
        paths: The paths of the files relative to the folder.
        root: The folder.
        model: Reads them.
        batcher: Computes it.

    Returns:
        The texts in order; "" for a file that is missing or no image.

    Raises:
        RequestError: A path leads, or could lead, out of the folder.
    """
    if len(paths) > MAX_PATHS:
        raise invalid(f"A request may have {MAX_PATHS} paths, got {len(paths)}.")
    checked = [_checked(path) for path in paths]
    if not checked:
        return []
    contents = await asyncio.to_thread(_read_all, root, checked)
    outputs = await batcher.run(model, "serving_default", {"image_bytes": _as_rows(contents)})
    return [text.decode() for text in outputs["text"]]


def read_below(root: Path, path: PurePosixPath) -> bytes:
    """The content of a file below a folder; b"" if there is none or a link is part of its path.

    Each folder of the path is opened from the one before without following links. So the path cannot be led out of the
    root by links that are made meanwhile.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "a.png").write_bytes(b"content")
        7
        >>> read_below(root, PurePosixPath("a.png")), read_below(root, PurePosixPath("b.png"))
        (b'content', b'')
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in path.parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        # O_NONBLOCK: opening a named pipe would block for ever.
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


def _likeliest(head: NDArray[np.float32], allowed: NDArray[np.bool_], classes: Sequence[str]) -> list[dict[str, Any]]:
    """The likeliest of a head's allowed classes; the first is the one in the text."""
    order = np.argsort(-head, kind="stable")
    top = order[allowed[order]][:TOP]
    return [{"character": classes[class_id], "probability": float(head[class_id])} for class_id in top]


def _checked(path: Any) -> PurePosixPath:
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path:
        raise invalid(f"A path must be a relative path below the image folder, got {path!r}.")
    result = PurePosixPath(path)
    if result.is_absolute() or ".." in result.parts or not result.parts:
        raise invalid(f"A path must be a relative path below the image folder, got {path!r}.")
    return result


def _as_rows(contents: Sequence[bytes]) -> Any:
    result = np.empty(len(contents), object)
    result[:] = contents
    return result

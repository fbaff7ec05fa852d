"""Bounds on the pixels of images, told from the headers of PNG and JPEG files before anything is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.export.decode import JPEG_SIGNATURE, MAX_ROW_PIXELS, PNG_SIGNATURE
from captcha_keras.serving.errors import invalid

MAX_REQUEST_PIXELS = 1 << 24
MAX_SEGMENTS = 1000
# A progressive JPEG has about ten scans. Each costs time for all pixels, and may have few bytes.
SCANS = 10
MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
START_OF_SCAN = 0xDA
# Start of frame: baseline, progressive and so on, but not the tables between them.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that no length follows.
BARE = frozenset({0x01, *range(0xD0, 0xD8)})
ENDS = frozenset({0xD8, 0xD9, START_OF_SCAN})

Arrays = Mapping[str, NDArray[Any]]


def bound_pixels(arrays: Arrays) -> tuple[Arrays, list[int]]:
    """Make images that are too large invalid.

    Args:
        arrays: The inputs of a request by name.

    Returns:
        The inputs, where an empty file has taken the place of each that has no size in its header or more pixels than a
        row may have; and the pixels of each file, none for inputs without files. A JPEG of many scans counts more.

    Raises:
        RequestError: The images have more pixels than a request may have.

    Example:
        >>> huge = PNG_SIGNATURE + b"....IHDR" + struct.pack(">II", 4000, 4000)
        >>> bound_pixels({"image_bytes": np.array([huge], object)})
        ({'image_bytes': array([b''], dtype=object)}, [0])
    """
    files = arrays.get("image_bytes")
    if files is None or files.dtype != object or files.ndim != 1:
        return arrays, []
    pixels = [image_pixels(content) for content in files]
    fine = [0 < count <= MAX_ROW_PIXELS for count in pixels]
    if not all(fine):
        arrays = {**arrays, "image_bytes": np.where(fine, files, b"")}
        pixels = [count if kept else 0 for count, kept in zip(pixels, fine, strict=True)]
    if sum(pixels) > MAX_REQUEST_PIXELS:
        raise invalid(
            f"The images of a request may have {MAX_REQUEST_PIXELS:,} pixels together, got {sum(pixels):,}; "
            "send fewer at once."
        )
    return arrays, pixels


def image_pixels(content: bytes) -> int:
    """Width times height of a PNG or JPEG file, from its header; 0 if it has none.

    Those of a JPEG count once for every ten scans, as decoding takes as much longer.

    Example:
        >>> image_pixels(PNG_SIGNATURE + b"....IHDR" + struct.pack(">II", 170, 80))
        13600
        >>> image_pixels(b"GIF89a")
        0
    """
    if content.startswith(PNG_SIGNATURE) and len(content) >= 24:
        width, height = struct.unpack_from(">II", content, 16)
        return int(width * height)
    if content.startswith(JPEG_SIGNATURE):
        return _jpeg_pixels(content)
    return 0


def _jpeg_pixels(content: bytes) -> int:
    place = 2
    for _ in range(MAX_SEGMENTS):
        marker = MARKER.search(content, place)
        if marker is None or marker[1][0] in ENDS or marker.end() + 7 > len(content):
            return 0
        place = marker.end()
        if marker[1][0] in FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 3)
            scans = content.count(bytes([0xFF, START_OF_SCAN]))
            return int(height * width * max(1, -(-scans // SCANS)))
        if marker[1][0] not in BARE:
            place += int.from_bytes(content[place : place + 2], "big")
    return 0

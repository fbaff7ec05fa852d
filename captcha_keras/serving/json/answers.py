"""Answers in TensorFlow Serving's REST format: arrays to JSON.

The code follows tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from captcha_keras.serving.models.model import Arrays

FLOAT32 = struct.Struct("<f")


def write_response(arrays: Arrays, row_format: bool) -> bytes:
    """The JSON body of an answer to `:predict`.

    Args:
        arrays: The outputs by name, all with the same number of rows.
        row_format: Whether the body lists rows under "predictions"; else it has columns under "outputs".

    Example:
        >>> import numpy as np
        >>> arrays = {"text": np.array([b"AB3D"], object), "valid": np.array([True])}
        >>> write_response(arrays, row_format=True)
        b'{"predictions": [{"text": "AB3D", "valid": true}]}'
        >>> write_response(arrays, row_format=False)
        b'{"outputs": {"text": ["AB3D"], "valid": [true]}}'
    """
    if row_format:
        columns = (_rows(name, array) for name, array in arrays.items())
        rows = (_one_or_object(dict(zip(arrays, row, strict=True))) for row in zip(*columns, strict=True))
        return f'{{"predictions": [{", ".join(rows)}]}}'.encode()
    outputs = {name: f"[{', '.join(_rows(name, array))}]" for name, array in arrays.items()}
    return f'{{"outputs": {_one_or_object(outputs)}}}'.encode()


def write_error(message: str) -> bytes:
    """The JSON body of an error.

    Example:
        >>> write_error("The server is busy; try again later.")
        b'{"error": "The server is busy; try again later."}'
    """
    return json.dumps({"error": message}).encode()


def _one_or_object(written: Mapping[str, str]) -> str:
    """The only output itself, or an object with a member for each of several."""
    if len(written) == 1:
        return next(iter(written.values()))
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in written.items()) + "}"


def _rows(name: str, array: NDArray[Any]) -> list[str]:
    """Each row of the output `name` as JSON."""
    if array.ndim > 1:
        return [f"[{', '.join(_rows(name, row))}]" for row in array]
    values = array.tolist()  # Python's own numbers: those of NumPy take several times as long
    if array.dtype == object:
        if name.endswith("_bytes"):
            return [json.dumps({"b64": base64.b64encode(value).decode()}) for value in values]
        return [json.dumps(value.decode(), ensure_ascii=False) for value in values]
    if array.dtype == bool:
        return ["true" if value else "false" for value in values]
    return [_decimal(value) for value in values]


def _decimal(value: float) -> str:
    """A float32 with six digits if they are exact and nine if not, as TF Serving's `WriteDecimal` writes it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{value:g}"
    if FLOAT32.unpack(FLOAT32.pack(float(text))) != (value,):
        text = f"{value:.9g}"
    return text if "." in text or "e" in text else f"{text}.0"

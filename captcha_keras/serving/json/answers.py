"""Answers in TensorFlow Serving's REST format: arrays to JSON.

The code follows tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from captcha_keras.serving.models.model import Arrays


def write_response(arrays: Arrays, row_format: bool) -> bytes:
    """The JSON body of an answer to `:predict`.

    Args:
        arrays: The outputs by name, all with the same number of rows.
        row_format: Whether the body lists rows under "predictions"; else it has columns under "outputs".

    Example:
        >>> arrays = {"text": np.array([b"AB3D"], object), "valid": np.array([True])}
        >>> write_response(arrays, row_format=True)
        b'{"predictions": [{"text": "AB3D", "valid": true}]}'
        >>> write_response(arrays, row_format=False)
        b'{"outputs": {"text": ["AB3D"], "valid": [true]}}'
    """
    if row_format:
        columns = ([(name, _to_json(row, name)) for row in array] for name, array in arrays.items())
        rows = (_one_or_object(dict(row)) for row in zip(*columns, strict=True))
        return f'{{"predictions": [{", ".join(rows)}]}}'.encode()
    outputs = {name: _to_json(array, name) for name, array in arrays.items()}
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


def _to_json(value: Any, name: str) -> str:
    """A value of the output `name` as JSON; an array becomes a list."""
    if isinstance(value, np.ndarray) and value.ndim:
        return "[" + ", ".join(_to_json(item, name) for item in value) + "]"
    if isinstance(value, bytes):
        if name.endswith("_bytes"):
            return json.dumps({"b64": base64.b64encode(value).decode()})
        return json.dumps(value.decode(), ensure_ascii=False)
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    return _decimal(value)


def _decimal(value: np.float32) -> str:
    """A number with six digits if they are exact and nine if not, as TF Serving's `WriteDecimal` writes it."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{value:g}"
    if np.float32(text) != value:
        text = f"{value:.9g}"
    return text if "." in text or "e" in text else f"{text}.0"

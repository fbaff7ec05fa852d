"""Answers in TensorFlow Serving's REST format: arrays to JSON.

Follows tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from captcha_keras.serving.model import Arrays


def write_response(arrays: Arrays, row_format: bool) -> bytes:
    """The JSON body of an answer: a list of rows, or of columns.

    Args:
        arrays: The outputs, all with the same number of rows.
        row_format: Whether it is a list of rows.
    """
    if row_format:
        columns = ([(name, _written(row, name)) for row in array] for name, array in arrays.items())
        rows = (_one_or_object(dict(row)) for row in zip(*columns, strict=True))
        return f'{{"predictions": [{", ".join(rows)}]}}'.encode()
    outputs = {name: _written(array, name) for name, array in arrays.items()}
    return f'{{"outputs": {_one_or_object(outputs)}}}'.encode()


def write_error(message: str) -> bytes:
    """The JSON body of a failure."""
    return json.dumps({"error": message}).encode()


def _one_or_object(written: Mapping[str, str]) -> str:
    """One output stands alone, several are the members of an object."""
    if len(written) == 1:
        return next(iter(written.values()))
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in written.items()) + "}"


def _written(value: Any, name: str) -> str:
    """A value of an output as JSON; a list of a row's values where there are any."""
    if isinstance(value, np.ndarray) and value.ndim:
        return "[" + ", ".join(_written(item, name) for item in value) + "]"
    if isinstance(value, bytes):
        if name.endswith("_bytes"):
            return json.dumps({"b64": base64.b64encode(value).decode()})
        return json.dumps(value.decode(), ensure_ascii=False)
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    return _decimal(value)


def _decimal(value: np.float32) -> str:
    """Six digits if they are exact and nine if not, as TF Serving's `WriteDecimal`."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{value:g}"
    if np.float32(text) != value:
        text = f"{value:.9g}"
    return text if "." in text or "e" in text else f"{text}.0"

"""What is wrong with a row of a request: its shape, or the type of its values, in TensorFlow Serving's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
import tensorflow as tf

from captcha_keras.serving.errors import RequestError, invalid
from captcha_keras.serving.json_document import format_error
from captcha_keras.serving.model import Input


def misfit(value: Any, name: str, expected: Input, index: int, by_rows: bool) -> RequestError:
    """What is wrong with a row that does not have the shape or the type of its input.

    Args:
        value: The row, of nested lists.
        name: Name of the input.
        expected: Its type and shape.
        index: Number of the row.
        by_rows: Whether the request has "instances".

    Example:
        >>> str(misfit([1, [2]], "image", Input(tf.uint8, (None, 2)), 3, by_rows=True))
        'Encountered list at unexpected level: 1 expected < 1'
    """
    shape = list(expected.shape[1:])
    found = []
    first = value
    while isinstance(first, list):
        found.append(len(first))
        first = first[0] if first else None
    if found != shape:
        if index == 0:
            return wrong_shape(name, expected, ["N", *found])
        if by_rows and prod(found) != prod(shape):  # type: ignore[arg-type]
            return invalid(f"Expecting tensor size: {prod(shape)} but got: {prod(found)}")  # type: ignore[arg-type]
        if by_rows:
            return invalid(f"Expecting shape {_shape_text(shape)} but got: {_shape_text(found)}")
    try:
        for leaf in _flatten(value, shape, 0 if by_rows else 1, offset=0 if by_rows else 1):
            if isinstance(leaf, bool) or not isinstance(leaf, int) or not 0 <= leaf <= np.iinfo(np.uint8).max:
                return type_error(leaf, expected.dtype)
    except RequestError as error:
        return error
    return invalid(f"The numbers of {name} must be written with digits alone.")


def wrong_shape(name: str, expected: Input, found: Sequence[Any]) -> RequestError:
    """The error of an input that has another shape than its signature.

    Example:
        >>> str(wrong_shape("image_bytes", Input(tf.string, (None,)), []))
        'image_bytes must have the shape [N], got [].'
    """
    sizes = ["N" if size is None else str(size) for size in expected.shape]
    return invalid(f"{name} must have the shape [{', '.join(sizes)}], got [{', '.join(map(str, found))}].")


def _flatten(value: Any, shape: Sequence[Any], level: int, offset: int) -> Iterator[Any]:
    """The values of nested lists in order, each list checked against the shape, which begins at level `offset`."""
    if not isinstance(value, list):
        if level != len(shape) + offset:
            raise format_error(
                _shown(value),
                f"found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape) + offset}",
            )
        yield value
        return
    if level >= len(shape) + offset:
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape) + offset}")
    size = shape[level - offset]
    if len(value) != size:
        raise invalid(f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {size}")
    for item in value:
        yield from _flatten(item, shape, level + 1, offset)


def type_error(value: Any, dtype: tf.DType) -> RequestError:
    """The error of a value whose type is not its input's.

    Example:
        >>> str(type_error(None, tf.string))
        'JSON Value: null Type: Null is not of expected type: string'
    """
    kinds = {dict: "Object", list: "Array", str: "String", bool: str(value), type(None): "Null"}
    kind = kinds.get(type(value), "Number")
    return format_error(_shown(value), f"Type: {kind} is not of expected type: {dtype.name}")


def _shape_text(shape: Sequence[Any]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _shown(value: Any) -> bytes:
    # Writing a deep object could need more stack than reading it did.
    return b"{...}" if isinstance(value, dict) else msgspec.json.encode(value)

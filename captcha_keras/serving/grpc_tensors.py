"""Tensors of gRPC messages: bounded while they are bytes, then to arrays; and arrays to tensors."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import predict_pb2

from captcha_keras.serving.errors import RequestError, invalid
from captcha_keras.serving.json_document import MAX_ROWS

# A string is a field of the message. Beside the strings there are the few fields that every request has.
MAX_FIELDS = 4 * MAX_ROWS
# Numbers in the field of their type become 4 or 8 bytes each from as little as one; `tensor_content` stays as it is.
MAX_NUMBER_BYTES = 1 << 22
MAX_SMALL_BYTES = 1 << 12
MAX_RANK = 16
# The numbers of fields in `PredictRequest` and `TensorProto`, and in the entry of a map.
INPUTS, ENTRY_VALUE = 2, 2
STRING_VAL, TENSOR_CONTENT = 8, 4
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


def parse_predict(content: bytes) -> Any:
    """The `PredictRequest` of a message.

    Raises:
        RequestError: It is none, or it would take many times its bytes in memory.

    Example:
        >>> request = predict_pb2.PredictRequest()
        >>> request.model_spec.name = "captcha"
        >>> parse_predict(request.SerializeToString()).model_spec.name
        'captcha'
        >>> parse_predict(bytes([255]))
        Traceback (most recent call last):
        captcha_keras.serving.errors.RequestError: The message is no PredictRequest.
    """
    left = MAX_FIELDS
    for number, kind, value in _fields(content):
        left -= 1 + (_check_entry(value, left) if (number, kind) == (INPUTS, BYTES) else _check_small(value))
        if left < 0:
            raise _too_many()
    try:
        return predict_pb2.PredictRequest.FromString(content)
    except Exception as error:  # protobuf's DecodeError, whose module differs between its implementations
        raise invalid("The message is no PredictRequest.") from error


def _check_entry(entry: memoryview, most: int) -> int:
    """Check an entry of the inputs; returns the number of its fields."""
    count = 0
    for number, kind, value in _fields(entry):
        count += 1
        if (number, kind) != (ENTRY_VALUE, BYTES):
            _check_small(value)
            continue
        for field, _, content in _fields(value):
            count += 1
            if count > most:
                raise _too_many()
            if field > STRING_VAL or TENSOR_CONTENT < field < STRING_VAL:
                if len(content) > MAX_NUMBER_BYTES:
                    raise invalid(f"Numbers of more than {MAX_NUMBER_BYTES:,} bytes must be in tensor_content.")
            elif field < TENSOR_CONTENT:
                _check_small(content)
    return count


def _check_small(value: memoryview) -> int:
    if len(value) > MAX_SMALL_BYTES:
        raise invalid(f"A name or a shape may have {MAX_SMALL_BYTES:,} bytes.")
    return 0


def _too_many() -> RequestError:
    return invalid(f"A request may have {MAX_ROWS:,} rows; its message has more than {MAX_FIELDS:,} fields.")


def _fields(content: Any) -> Iterator[tuple[int, int, memoryview]]:
    """The number, the kind and the bytes of each field of a message; none for a number."""
    view = memoryview(content)
    place = 0
    while place < len(view):
        tag, place = _varint(view, place)
        length, kind = {FIXED_64: 8, FIXED_32: 4}.get(tag & 7, 0), tag & 7
        if kind == VARINT:
            _, place = _varint(view, place)
        elif kind == BYTES:
            length, place = _varint(view, place)
        elif not length:
            raise invalid("The message is no PredictRequest.")
        yield tag >> 3, kind, view[place : place + length] if kind == BYTES else view[:0]
        place += length


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(view):
            break
        byte = view[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise invalid("The message is no PredictRequest.")


def to_array(tensor: Any, max_values: int) -> NDArray[Any]:
    """The array of a `TensorProto`; an empty one of its type if it holds neither strings nor numbers of 8 bits.

    Args:
        tensor: The message.
        max_values: Greatest number of values.

    Raises:
        RequestError: The message is malformed, its shape has too many values, or a number does not fit its type.

    Example:
        >>> to_array(tf.make_tensor_proto([b"a", b"b"]), max_values=1000)
        array([b'a', b'b'], dtype=object)
    """
    try:
        dtype = tf.as_dtype(tensor.dtype)
        if dtype not in (tf.string, tf.uint8):  # no signature takes it, and the check of the signature says so
            return np.empty(0, dtype.as_numpy_dtype)
    except (TypeError, KeyError) as error:
        raise invalid(f"Tensor parsing error: the type {tensor.dtype} is not supported.") from error
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    count = prod(shape)
    if len(shape) > MAX_RANK or min(shape, default=0) < 0 or (shape and shape[0] > MAX_ROWS):
        raise invalid(
            f"A tensor may have {MAX_ROWS:,} rows and {MAX_RANK} dimensions, got the shape {shape[:MAX_RANK]}."
        )
    if dtype == tf.string:
        if count != len(tensor.string_val):
            raise invalid(f"The tensor has {len(tensor.string_val)} strings, its shape {count}.")
        strings = np.empty(count, object)
        strings[:] = list(tensor.string_val)
        return strings.reshape(shape)
    # A short message may hold one value and a shape of billions.
    if count > max_values:
        raise invalid(f"A tensor may have {max_values:,} values, got {count:,}.")
    return _numbers(tensor, count).reshape(shape)


def _numbers(tensor: Any, count: int) -> NDArray[np.uint8]:
    if tensor.tensor_content:
        if len(tensor.tensor_content) != count:
            raise invalid(f"The tensor has {len(tensor.tensor_content)} values, its shape {count}.")
        return np.frombuffer(tensor.tensor_content, np.uint8)
    given = np.fromiter(tensor.int_val, np.int32, len(tensor.int_val))
    if len(given) > count:
        raise invalid(f"The tensor has {len(given)} values, its shape {count}.")
    if len(given) and not 0 <= given.min() <= given.max() <= np.iinfo(np.uint8).max:
        raise invalid(f"Tensor parsing error: a number does not fit uint8: {given.min()} to {given.max()}.")
    # The last value stands for those that are missing.
    result = np.full(count, given[-1] if len(given) else 0, np.uint8)
    result[: len(given)] = given
    return result


def to_tensor(array: NDArray[Any]) -> Any:
    """A `TensorProto` with the values in the field of their type, where TF Serving puts them.

    Example:
        >>> list(to_tensor(np.array([[0.5, 0.25]], np.float32)).float_val)
        [0.5, 0.25]
    """
    tensor = tf.make_tensor_proto(array[:0], shape=[0, *array.shape[1:]])
    tensor.ClearField("tensor_content")
    for dim, size in zip(tensor.tensor_shape.dim, array.shape, strict=True):
        dim.size = size
    values = array.reshape(-1).tolist()
    if array.dtype == object:
        tensor.string_val.extend(values)
    elif array.dtype == np.bool_:
        tensor.bool_val.extend(values)
    else:
        tensor.float_val.extend(values)
    return tensor

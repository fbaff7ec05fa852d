"""Tensors of gRPC messages: bounded while they are bytes, then to arrays; and arrays to tensors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import predict_pb2

from captcha_keras.serving.errors import RequestError, invalid
from captcha_keras.serving.json.document import MAX_ROWS

# A string is a field of the message. Beside the strings there are the few fields that every request has.
MAX_FIELDS = 4 * MAX_ROWS
# Numbers in the field of their type become 4 or 8 bytes each from as little as one; `tensor_content` stays as it is.
MAX_NUMBER_BYTES = 1 << 22
MAX_SMALL_BYTES = 1 << 12
MAX_RANK = 16
# All other messages have few and short fields.
MAX_MESSAGE_BYTES = 1 << 16
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
        captcha_keras.serving.errors.RequestError: The message holds a malformed number.
    """
    left = MAX_FIELDS
    for number, kind, value in _fields(content):
        left -= 1 + (_check_entry(value, left) if (number, kind) == (INPUTS, BYTES) else _check_small(value))
        if left < 0:
            raise _too_many()
    return _parse(content, predict_pb2.PredictRequest)


def parse_message(content: bytes, kind: Any) -> Any:
    """The message of a kind, which is no `PredictRequest`.

    Raises:
        RequestError: It is none, or too long.

    Example:
        >>> from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
        >>> parse_message(bytes(100_000), GetModelStatusRequest)
        Traceback (most recent call last):
        captcha_keras.serving.errors.RequestError: A GetModelStatusRequest may have 65,536 bytes.
    """
    if len(content) > MAX_MESSAGE_BYTES:
        raise invalid(f"A {kind.DESCRIPTOR.name} may have {MAX_MESSAGE_BYTES:,} bytes.")
    return _parse(content, kind)


def _parse(content: bytes, kind: Any) -> Any:
    try:
        return kind.FromString(content)
    except Exception as error:  # protobuf's DecodeError, whose module differs between its implementations
        raise invalid(f"The message is no {kind.DESCRIPTOR.name}.") from error


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


def _varint(view: memoryview, place: int, bits: int = 64) -> tuple[int, int]:
    value = 0
    for shift in range(0, bits, 7):
        if place >= len(view):
            break
        byte = view[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise invalid("The message holds a malformed number.")


def to_array(tensor: Any, max_values: int) -> NDArray[Any]:
    """The array of a `TensorProto`; an empty one of its type if it holds neither strings nor numbers of 8 bits.

    As in TensorFlow, what is in `tensor_content` counts before the field of the type. If that field has too few values,
    the last one stands for those that are missing; if it has too many, the rest is passed over.

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
    if len(shape) > MAX_RANK or min(shape, default=0) < 0 or (shape and shape[0] > MAX_ROWS):
        raise invalid(
            f"A tensor may have {MAX_ROWS:,} rows and {MAX_RANK} dimensions, got the shape {shape[:MAX_RANK]}."
        )
    # A short message may hold one value and a shape of billions.
    count = prod(shape)
    most = MAX_ROWS if dtype == tf.string else max_values
    if count > most:
        raise invalid(f"A tensor may have {most:,} values, got {count:,}.")
    return (_strings(tensor, count) if dtype == tf.string else _numbers(tensor, count)).reshape(shape)


def _strings(tensor: Any, count: int) -> NDArray[Any]:
    given = _packed(tensor.tensor_content, count) if tensor.tensor_content and count else tensor.string_val[:count]
    result = np.full(count, given[-1] if given else b"", object)
    result[: len(given)] = given
    return result


def _packed(content: bytes, count: int) -> list[bytes]:
    """The strings in `tensor_content`: the lengths of all, then all of them."""
    view = memoryview(content)
    place = 0
    lengths = []
    for _ in range(count):
        length, place = _varint(view, place, bits=32)
        lengths.append(length & 0xFFFFFFFF)
    ends = list(accumulate(lengths, initial=place))
    if ends[-1] != len(view):
        raise invalid(f"Tensor parsing error: the strings end at byte {ends[-1]:,} of {len(view):,}.")
    return [bytes(view[begin:end]) for begin, end in pairwise(ends)]


def _numbers(tensor: Any, count: int) -> NDArray[np.uint8]:
    if tensor.tensor_content and count:
        if len(tensor.tensor_content) != count:
            raise invalid(f"The tensor has {len(tensor.tensor_content)} values, its shape {count}.")
        return np.frombuffer(tensor.tensor_content, np.uint8)
    given = np.array(tensor.int_val[:count], np.int64)
    if len(given) and not 0 <= given.min() <= given.max() <= np.iinfo(np.uint8).max:
        raise invalid(f"Tensor parsing error: a number does not fit uint8: {given.min()} to {given.max()}.")
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

"""`:predict` requests in TensorFlow Serving's REST format: JSON to arrays.

What is accepted follows tensorflow_serving/util/json_tensor.cc; docs/serving.md names the differences that are meant.
An array is made only from a row whose values have been counted.
"""

from __future__ import annotations

import binascii
import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict

import msgspec
import numpy as np
import tensorflow as tf
from msgspec import UNSET, Raw, UnsetType
from numpy.typing import NDArray

from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.json.document import (
    format_error,
    members,
    opens,
    parse_json,
    split_rows,
)
from captcha_keras.serving.models.model import Arrays, Input
from captcha_keras.spec import shorten

BASE64 = re.compile(r"([A-Za-z0-9+/\s]*+)([=.\s]*+)", re.ASCII)
NO_SPACE = str.maketrans("", "", " \t\n\r\v\f")
_number_decoder = msgspec.json.Decoder(list[int])


class _Body(msgspec.Struct):
    signature_name: Raw | UnsetType = UNSET
    instances: Raw | UnsetType = UNSET
    inputs: Raw | UnsetType = UNSET
    examples: Raw | UnsetType = UNSET
    context: Raw | UnsetType = UNSET


class _Base64(msgspec.Struct, forbid_unknown_fields=True):
    b64: bytes


_base64_decoder = msgspec.json.Decoder(_Base64)


@dataclass(frozen=True)
class PredictRequest:
    """The content of a `:predict` request.

    Attributes:
        signature: Name of the signature; "" for the default one.
        arrays: The inputs by name; strings are bytes in arrays of dtype object.
        row_format: Whether the request has "instances", and its answer "predictions".

    Example:
        >>> PredictRequest("images", {"image": np.zeros((1, 64, 96, 3), np.uint8)}, row_format=True).signature
        'images'
    """

    signature: str
    arrays: Arrays
    row_format: bool


def parse_request(body: bytes | bytearray, inputs_of: Callable[[str], Mapping[str, Input]]) -> PredictRequest:
    """Turn the body of a `:predict` request into arrays.

    Args:
        body: The JSON text.
        inputs_of: Gives the inputs of a signature by its name; raises `RequestError` if there is no such signature.
            Each is a string for a row, or whole numbers of 8 bits with fixed sizes but for the number of rows.

    Raises:
        RequestError: The request is malformed, or too long.

    Example:
        >>> inputs = {"image_bytes": Input(tf.string, (None,))}
        >>> parse_request(b'{"instances": [{"b64": "aGVsbG8="}]}', lambda signature: inputs).arrays
        {'image_bytes': array([b'hello'], dtype=object)}
    """
    document, given, signature = _open(body)
    try:
        inputs = inputs_of(signature)
    except RequestError as error:
        if error.code is not Code.FAILED_PRECONDITION:
            raise
        name = shorten(signature) or "serving_default"
        raise invalid(f'Serving signature name: "{name}" not found in signature def') from error
    if given.instances is not UNSET and given.inputs is not UNSET:
        raise format_error(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if given.instances is not UNSET:
        if not opens(given.instances, "["):
            raise format_error(document, "Expecting 'instances' to be an list/array")
        rows = split_rows(given.instances)
        if not rows:
            raise format_error(document, "No values in 'instances' array")
        return PredictRequest(signature, _from_rows(rows, inputs), row_format=True)
    if given.inputs is not UNSET:
        return PredictRequest(signature, _from_columns(given.inputs, inputs), row_format=False)
    raise invalid("Missing 'inputs' or 'instances' key")


def check_examples(body: bytes | bytearray) -> None:
    """Check the body of a `:classify` or `:regress` request; the features of its examples are not looked at.

    Raises:
        RequestError: The request is malformed, or too long.

    Example:
        >>> check_examples(b'{"examples": [{"x": 1}]}')
    """
    document, given, _ = _open(body)
    if given.context is not UNSET and not opens(given.context, "{"):
        raise format_error(document, "Expecting 'context' to be an object")
    if given.examples is UNSET or not opens(given.examples, "["):
        raise format_error(document, "Expecting 'examples' value to be an list/array")
    examples = split_rows(given.examples)
    if not examples or not all(opens(example, "{") for example in examples):
        raise format_error(document, "Expecting 'examples' to hold objects")


def _open(body: bytes | bytearray) -> tuple[Raw, _Body, str]:
    """The document of a body, its members, and the name of the signature."""
    document = parse_json(body, Raw)
    if not opens(document, "{"):
        raise format_error(document, "Is not object")
    given = parse_json(document, _Body)
    if given.signature_name is UNSET:
        return document, given, ""
    if not opens(given.signature_name, '"'):
        raise format_error(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return document, given, parse_json(given.signature_name, str)


def _from_rows(rows: Sequence[Raw], inputs: Mapping[str, Input]) -> Arrays:
    objects = _names_inputs(rows[0])
    if len(inputs) > 1 and not objects:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns: dict[str, list[Any]] = {name: [] for name in inputs}
    for index, row in enumerate(rows):
        if objects != _names_inputs(row):
            found, wanted = ("list", "object") if objects else ("object", "value/list")
            raise invalid(f"Expecting {wanted} but got {found} at item {index} of input list")
        given = members(row) if objects else {next(iter(inputs)): row}
        for name, value in given.items():
            key = f" key: {shorten(name)}" if objects else ""
            try:
                if name not in inputs:
                    raise invalid(f"JSON object: does not have named input: {shorten(name)}")
                columns[name].append(_value(value, inputs[name]))
            except RequestError as error:
                raise invalid(
                    f"Failed to process element: {index}{key} of 'instances' list. Error: INVALID_ARGUMENT: {error}"
                ) from error
        if set(given) != set(inputs):
            raise format_error(row, f"keys must be equal to: {','.join(sorted(inputs))}")
    return {name: _stacked(column, inputs[name]) for name, column in columns.items()}


def _from_columns(value: Raw, inputs: Mapping[str, Input]) -> Arrays:
    if _names_inputs(value):
        columns = parse_json(value, _columns_type(tuple(inputs)))
    elif len(inputs) == 1:
        columns = {next(iter(inputs)): value}
    else:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"
        )
    arrays = {}
    for name in inputs:
        if name not in columns:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
        column = columns[name]
        if not opens(column, "["):
            raise format_error(column, f"must be a list with a row for each image, as the input {name}")
        arrays[name] = _stacked([_value(row, inputs[name]) for row in split_rows(column)], inputs[name])
    return arrays


@cache
def _columns_type(names: Sequence[str]) -> Any:
    """The type of an object with these members; others are passed over."""
    return TypedDict("_Columns", dict.fromkeys(names, Raw), total=False)  # type: ignore[operator]


def _stacked(rows: Sequence[Any], expected: Input) -> NDArray[Any]:
    if expected.dtype == tf.string:
        result = np.empty(len(rows), object)
        result[:] = rows
        return result
    shape = [-1 if size is None else size for size in expected.shape]
    return np.frombuffer(bytearray().join(rows), np.uint8).reshape(shape if rows else [0, *shape[1:]])


def _value(row: Raw, expected: Input) -> bytes:
    """The bytes of a string, or of a row's numbers."""
    if expected.dtype == tf.string:
        if opens(row, '"'):
            return parse_json(row, str).encode()
        if opens(row, "{"):
            return _from_base64(row)
        raise format_error(row, "is not of expected type: string")
    shape: Any = expected.shape[1:]
    text = bytes(row)
    # What is left without digits and white space shows the shape: exactly this, and all values are whole numbers.
    if text.translate(None, b"-0123456789 \t\r\n") == _skeleton(shape):
        with contextlib.suppress(ValueError, msgspec.DecodeError):  # a number that is none of uint8
            return bytes(_number_decoder.decode(b"[" + text.translate(None, b"[]") + b"]"))
    sizes = f" in lists of the shape {list(shape)}" if shape else ""
    raise format_error(row, f"is not of expected type: uint8{sizes}")


@cache
def _skeleton(shape: Sequence[int]) -> bytes:
    """The brackets and commas of nested lists of numbers."""
    return b"[" + b",".join([_skeleton(shape[1:])] * shape[0]) + b"]" if shape else b""


def _from_base64(row: Raw) -> bytes:
    try:
        return _base64_decoder.decode(row).b64
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = _base64_text(row)
    if text is None:
        raise format_error(row, "not formatted correctly for base64 data")
    # As in absl::Base64Unescape, white space is passed over, and padding is complete or left out.
    match = BASE64.fullmatch(text)
    digits, padding = (part.translate(NO_SPACE) for part in match.groups()) if match else ("-", "")
    missing = -len(digits) % 4
    if missing == 3 or len(padding) not in (0, missing):
        raise invalid("Unable to base64 decode")
    return binascii.a2b_base64(digits + "=" * missing)


def _base64_text(row: Raw) -> str | None:
    """The text of an object that has the member "b64" alone; None for other objects."""
    given = members(row)
    if set(given) != {"b64"} or not opens(given["b64"], '"'):
        return None
    return parse_json(given["b64"], str)


def _names_inputs(value: Raw) -> bool:
    """Whether a value is an object of named inputs; one with base64 is a string of bytes."""
    return opens(value, "{") and not re.match(rb'\{\s*"b64"\s*:', memoryview(value))

"""Requests in TensorFlow Serving's REST format: JSON to arrays.

Follows tensorflow_serving/util/json_tensor.cc and its error messages. Two differences are meant: a number that does not
fit an integer type is refused, where TF Serving lets it wrap, and a message never repeats more than the beginning of a
long value.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.model import Arrays, Input
from captcha_keras.spec import shorten

# RapidJSON's words for what Python's parser finds.
PARSE_ERRORS = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Illegal trailing comma before end of array": "Invalid value.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Extra data": "The document root must not be followed by other values.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}


@dataclass(frozen=True)
class PredictRequest:
    """A parsed request.

    Attributes:
        signature: Name of the signature; "" for the default one.
        arrays: The inputs; strings are bytes in arrays of dtype object.
        row_format: Whether it came as "instances" and is answered by "predictions".
    """

    signature: str
    arrays: Arrays
    row_format: bool


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        RequestError: It is none.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        document = json.loads(body.decode(), object_pairs_hook=_first_wins)
    except UnicodeDecodeError as error:
        raise invalid(f"JSON Parse error: Invalid encoding in string. at offset: {error.start}") from error
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {_rapid(error)} at offset: {error.pos}") from error
    except (RecursionError, ValueError) as error:  # too deep, or an integer of thousands of digits
        raise invalid("JSON Parse error: Terminate parsing due to Handler error. at offset: 0") from error
    if not isinstance(document, dict):
        raise _format_error(document, "Is not object")
    return document


def parse_request(document: Mapping[str, Any], inputs_of: Callable[[str], Mapping[str, Input]]) -> PredictRequest:
    """Read a `:predict` request.

    Args:
        document: What `parse_json` made of the body.
        inputs_of: The inputs of a signature by its name; raises `RequestError` if there is none.

    Raises:
        RequestError: It is malformed.
    """
    signature = document.get("signature_name", "")
    if not isinstance(signature, str):
        raise _format_error(document, "not formatted correctly. 'signature_name' key must be a string value.")
    try:
        inputs = inputs_of(signature)
    except RequestError as error:
        if error.code is not Code.FAILED_PRECONDITION:
            raise
        name = signature or "serving_default"
        raise invalid(f'Serving signature name: "{name}" not found in signature def') from error
    if "instances" in document and "inputs" in document:
        raise _format_error(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        rows = document["instances"]
        if not isinstance(rows, list):
            raise _format_error(document, "Excepting 'instances' to be an list/array")
        if not rows:
            raise _format_error(document, "No values in 'instances' array")
        return PredictRequest(signature, _from_rows(rows, inputs), row_format=True)
    if "inputs" in document:
        return PredictRequest(signature, _from_columns(document["inputs"], inputs), row_format=False)
    raise invalid("Missing 'inputs' or 'instances' key")


def _first_wins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Of members of the same name the first counts, as in RapidJSON."""
    result = dict(pairs)
    return result if len(result) == len(pairs) else dict(reversed(pairs))


def _rapid(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "The document is empty."
    if error.msg == "Expecting ',' delimiter":
        if _container(error.doc, error.pos) == "{":
            return "Missing a comma or } after an object member."
        return "Missing a comma or ] after an array element."
    return PARSE_ERRORS.get(error.msg, "Invalid value.")


def _container(text: str, end: int) -> str:
    """The bracket that is open at a place."""
    open_brackets: list[str] = []
    in_string = escaped = False
    for character in text[:end]:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            open_brackets.append(character)
        elif character in "]}":
            open_brackets.pop()
    return open_brackets[-1]


def _from_rows(rows: list[Any], inputs: Mapping[str, Input]) -> Arrays:
    objects = _is_members(rows[0])
    if len(inputs) > 1 and not isinstance(rows[0], dict):
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in inputs}
    for number, row in enumerate(rows):
        if objects and not _is_members(row):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        if not objects and _is_members(row):
            raise invalid(f"Expecting value/list but got object at item {number} of input list")
        given = row if objects else {next(iter(inputs)): row}
        for name, value in given.items():
            key = f" key: {name}" if objects else ""
            try:
                if name not in inputs:
                    raise invalid(f"JSON object: does not have named input: {name}")
                array = _array(value, inputs[name].dtype)
                _same_shape(columns[name], array)
            except RequestError as error:
                raise invalid(
                    f"Failed to process element: {number}{key} of 'instances' list. Error: INVALID_ARGUMENT: {error}"
                ) from error
            columns[name].append(array)
        if set(given) != set(inputs):
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {_text(row)} keys must be "
                f"equal to: {','.join(sorted(inputs))}"
            )
    return {name: np.stack(column) for name, column in columns.items()}


def _same_shape(column: Sequence[NDArray[Any]], array: NDArray[Any]) -> None:
    if column and column[0].size != array.size:
        raise invalid(f"Expecting tensor size: {column[0].size} but got: {array.size}")
    if column and column[0].shape != array.shape:
        raise invalid(f"Expecting shape {_shape(column[0])} but got: {_shape(array)}")


def _from_columns(value: Any, inputs: Mapping[str, Input]) -> Arrays:
    if not _is_members(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        (name, taken) = next(iter(inputs.items()))
        return {name: _array(value, taken.dtype)}
    missing = [name for name in inputs if name not in value]
    if missing:
        raise invalid(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: _array(value[name], taken.dtype) for name, taken in inputs.items()}


def _array(value: Any, dtype: tf.DType) -> NDArray[Any]:
    shape = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    if dtype == tf.string:
        result = np.empty(shape, object)
        result.reshape(-1)[:] = [_bytes(leaf) for leaf in _leaves(value, shape)]
        return result
    return _integers(value, shape, dtype)


def _integers(value: Any, shape: Sequence[int], dtype: tf.DType) -> NDArray[Any]:
    limits = np.iinfo(dtype.as_numpy_dtype)
    # A picture is 40,800 numbers: NumPy reads them, and only what it finds wrong is gone through one by one.
    try:
        numbers = np.array(value)
    except ValueError:
        numbers = np.empty(0, object)
    plain = numbers.dtype.kind in "iu" and numbers.shape == tuple(shape) and numbers.size
    # NumPy reads true as 1; JSON has them apart.
    if plain and limits.min <= numbers.min() and numbers.max() <= limits.max and not _holds_bool(value):
        return numbers.astype(dtype.as_numpy_dtype)
    leaves = list(_leaves(value, shape))
    for leaf in leaves:
        if isinstance(leaf, bool) or not isinstance(leaf, int) or not limits.min <= leaf <= limits.max:
            raise _type_error(leaf, dtype)
    return np.array(leaves, dtype.as_numpy_dtype).reshape(shape)


def _holds_bool(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_bool, value)) if value and isinstance(value[0], list) else bool in set(map(type, value))
    return isinstance(value, bool)


def _leaves(value: Any, shape: Sequence[int], level: int = 0) -> Any:
    """The values of nested lists in order, each list checked against the shape."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {_text(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        yield value
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        yield from _leaves(item, shape, level + 1)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise invalid("JSON Parse error: The surrogate pair in string is invalid. at offset: 0") from error
    if not isinstance(value, dict):
        raise _type_error(value, tf.string)
    if not _is_base64(value):
        raise invalid(f"JSON Value: {_text(value)} not formatted correctly for base64 data")
    # Padding and white space are optional, as in absl::Base64Unescape.
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("Unable to base64 decode") from error


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def _is_members(value: Any) -> bool:
    """Whether a value is an object of named inputs, not one of bytes."""
    return isinstance(value, dict) and not _is_base64(value)


def _type_error(value: Any, dtype: tf.DType) -> RequestError:
    return invalid(f"JSON Value: {_text(value)} Type: {_kind(value)} is not of expected type: {dtype.name}")


def _format_error(value: Any, words: str) -> RequestError:
    return invalid(f"JSON Value: {_text(value)} {words}")


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "Null" if value is None else str(value)
    if isinstance(value, dict):
        return "Object"
    if isinstance(value, list):
        return "Array"
    return "String" if isinstance(value, str) else "Number"


def _text(value: Any) -> str:
    # With an indent the encoder is lazy: of a long value only the beginning is written.
    return shorten("".join(itertools.islice(json.JSONEncoder(indent=4).iterencode(value), 100)))


def _shape(array: NDArray[Any]) -> str:
    return f"[{','.join(map(str, array.shape))}]"

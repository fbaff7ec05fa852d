"""`:predict` requests in TensorFlow Serving's REST format: JSON to arrays.

The code follows tensorflow_serving/util/json_tensor.cc and its error messages. Two differences are intended: a number
that does not fit an integer type is refused, where TF Serving lets it wrap, and a message repeats only the beginning of
a long value.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.json_document import format_error, json_text
from captcha_keras.serving.model import Arrays, Input


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


def parse_request(document: Mapping[str, Any], inputs_of: Callable[[str], Mapping[str, Input]]) -> PredictRequest:
    """Turn the JSON of a `:predict` request into arrays.

    Args:
        document: What `parse_json` made of the body.
        inputs_of: Gives the inputs of a signature by its name; raises `RequestError` if there is no such signature.

    Raises:
        RequestError: The request is malformed.

    Example:
        >>> inputs = {"image_bytes": Input(tf.string, (None,))}
        >>> parse_request({"instances": [{"b64": "aGVsbG8="}]}, lambda signature: inputs).arrays
        {'image_bytes': array([b'hello'], dtype=object)}
    """
    signature = document.get("signature_name", "")
    if not isinstance(signature, str):
        raise format_error(document, "not formatted correctly. 'signature_name' key must be a string value.")
    try:
        inputs = inputs_of(signature)
    except RequestError as error:
        if error.code is not Code.FAILED_PRECONDITION:
            raise
        name = signature or "serving_default"
        raise invalid(f'Serving signature name: "{name}" not found in signature def') from error
    if "instances" in document and "inputs" in document:
        raise format_error(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        rows = document["instances"]
        if not isinstance(rows, list):
            raise format_error(document, "Excepting 'instances' to be an list/array")
        if not rows:
            raise format_error(document, "No values in 'instances' array")
        return PredictRequest(signature, _from_rows(rows, inputs), row_format=True)
    if "inputs" in document:
        return PredictRequest(signature, _from_columns(document["inputs"], inputs), row_format=False)
    raise invalid("Missing 'inputs' or 'instances' key")


def _from_rows(rows: list[Any], inputs: Mapping[str, Input]) -> Arrays:
    objects = _names_inputs(rows[0])
    if len(inputs) > 1 and not isinstance(rows[0], dict):
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in inputs}
    for index, row in enumerate(rows):
        if objects and not _names_inputs(row):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        if not objects and _names_inputs(row):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
        given = row if objects else {next(iter(inputs)): row}
        for name, value in given.items():
            key = f" key: {name}" if objects else ""
            try:
                if name not in inputs:
                    raise invalid(f"JSON object: does not have named input: {name}")
                array = _to_array(value, inputs[name].dtype)
                _check_shape(columns[name], array)
            except RequestError as error:
                raise invalid(
                    f"Failed to process element: {index}{key} of 'instances' list. Error: INVALID_ARGUMENT: {error}"
                ) from error
            columns[name].append(array)
        if set(given) != set(inputs):
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {json_text(row)} keys must be "
                f"equal to: {','.join(sorted(inputs))}"
            )
    return {name: np.stack(column) for name, column in columns.items()}


def _check_shape(column: Sequence[NDArray[Any]], array: NDArray[Any]) -> None:
    """Refuse a row whose shape differs from the first row's."""
    if column and column[0].size != array.size:
        raise invalid(f"Expecting tensor size: {column[0].size} but got: {array.size}")
    if column and column[0].shape != array.shape:
        raise invalid(f"Expecting shape {_shape_text(column[0])} but got: {_shape_text(array)}")


def _from_columns(value: Any, inputs: Mapping[str, Input]) -> Arrays:
    if not _names_inputs(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        ((name, expected),) = inputs.items()
        return {name: _to_array(value, expected.dtype)}
    missing = [name for name in inputs if name not in value]
    if missing:
        raise invalid(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: _to_array(value[name], expected.dtype) for name, expected in inputs.items()}


def _to_array(value: Any, dtype: tf.DType) -> NDArray[Any]:
    shape = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    if dtype == tf.string:
        result = np.empty(shape, object)
        result.reshape(-1)[:] = [_to_bytes(leaf) for leaf in _flatten(value, shape)]
        return result
    return _to_integers(value, shape, dtype)


def _to_integers(value: Any, shape: Sequence[int], dtype: tf.DType) -> NDArray[Any]:
    limits = np.iinfo(dtype.as_numpy_dtype)
    # An image is 40,800 numbers. NumPy converts them at once; the values are checked one by one only if it cannot.
    try:
        numbers = np.array(value)
    except ValueError:
        numbers = np.empty(0, object)
    plain = numbers.dtype.kind in "iu" and numbers.shape == tuple(shape) and numbers.size
    # NumPy reads true as 1, which JSON tells apart.
    if plain and limits.min <= numbers.min() and numbers.max() <= limits.max and not _holds_bool(value):
        return numbers.astype(dtype.as_numpy_dtype)
    leaves = list(_flatten(value, shape))
    for leaf in leaves:
        if isinstance(leaf, bool) or not isinstance(leaf, int) or not limits.min <= leaf <= limits.max:
            raise _type_error(leaf, dtype)
    return np.array(leaves, dtype.as_numpy_dtype).reshape(shape)


def _holds_bool(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_bool, value)) if value and isinstance(value[0], list) else bool in set(map(type, value))
    return isinstance(value, bool)


def _flatten(value: Any, shape: Sequence[int], level: int = 0) -> Iterator[Any]:
    """The values of nested lists in order, each list checked against the shape."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {json_text(value)} found at incorrect level: {level + 1} in the JSON DOM. "
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
        yield from _flatten(item, shape, level + 1)


def _to_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise invalid("JSON Parse error: The surrogate pair in string is invalid. at offset: 0") from error
    if not isinstance(value, dict):
        raise _type_error(value, tf.string)
    if not _is_base64(value):
        raise invalid(f"JSON Value: {json_text(value)} not formatted correctly for base64 data")
    # Padding and white space are optional, as in absl::Base64Unescape.
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("Unable to base64 decode") from error


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def _names_inputs(value: Any) -> bool:
    """Whether a value is an object of named inputs; one with base64 is a string of bytes."""
    return isinstance(value, dict) and not _is_base64(value)


def _type_error(value: Any, dtype: tf.DType) -> RequestError:
    return invalid(f"JSON Value: {json_text(value)} Type: {_json_type(value)} is not of expected type: {dtype.name}")


def _json_type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "Null" if value is None else str(value)
    if isinstance(value, dict):
        return "Object"
    if isinstance(value, list):
        return "Array"
    return "String" if isinstance(value, str) else "Number"


def _shape_text(array: NDArray[Any]) -> str:
    return f"[{','.join(map(str, array.shape))}]"

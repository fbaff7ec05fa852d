"""The JSON document of a request's body, taken apart before anything is built from it.

msgspec walks over a body once and notes where its members lie, without making an object for each value. So rows are
counted, and the values of each are bounded, while the body is still bytes.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from captcha_keras.serving.errors import RequestError, invalid
from captcha_keras.spec import shorten

# The most rows of a request.
MAX_ROWS = 512
# The most values of a row that is an object. Each may cost hundreds of bytes.
MAX_VALUES = 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHOWN_BYTES = 400

T = TypeVar("T")
# A list decodes into the fields of this structure. So the row after the last that is allowed ends the decoding, where
# a length of a list would be looked at when all its rows have been made.
_Rows = msgspec.defstruct(
    "_Rows",
    [(f"row_{index}", Raw | UnsetType, UNSET) for index in range(MAX_ROWS)],
    array_like=True,
    forbid_unknown_fields=True,
)
_rows_decoder = msgspec.json.Decoder(_Rows)


def parse_json(body: bytes | bytearray | Raw, kind: type[T]) -> T:
    """Decode a body, or a part of one, into a structure.

    A byte order mark before the document is passed over, as TF Serving does.

    Args:
        body: The JSON text.
        kind: The type of the result, as msgspec takes it.

    Raises:
        RequestError: The text is no JSON, nests about 1,000 levels deep, or does not fit the type.

    Example:
        >>> parse_json(b'{"instances": [1, 2]}', dict[str, list[int]])
        {'instances': [1, 2]}
        >>> parse_json(b"{", dict)
        Traceback (most recent call last):
        captcha_keras.serving.errors.RequestError: JSON Parse error: Input data was truncated
    """
    view = memoryview(body)
    if view[: len(BYTE_ORDER_MARK)] == BYTE_ORDER_MARK:
        view = view[len(BYTE_ORDER_MARK) :]
    if not view:
        raise invalid("JSON Parse error: The document is empty")
    try:
        return msgspec.json.decode(view, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(f"JSON Value: {beginning(body)}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {str(error).removeprefix('JSON is malformed: ')}") from error


def split_rows(value: Raw) -> list[Raw]:
    """The items of a list.

    Raises:
        RequestError: The list has more rows than a request may have.

    Example:
        >>> [bytes(row) for row in split_rows(Raw(b'[1, "a", [2]]'))]
        [b'1', b'"a"', b'[2]']
    """
    try:
        rows = msgspec.structs.astuple(_rows_decoder.decode(value))
    except msgspec.ValidationError as error:
        raise invalid(f"A request may have {MAX_ROWS:,} rows.") from error
    return list(rows[: rows.index(UNSET)] if UNSET in rows else rows)


def members(value: Raw) -> dict[str, Raw]:
    """The members of an object; of two of the same name the last counts.

    Raises:
        RequestError: The object has thousands of values.

    Example:
        >>> {name: bytes(value) for name, value in members(Raw(b'{"a": [1]}')).items()}
        {'a': b'[1]'}
    """
    if bytes(value).count(b",") >= MAX_VALUES:
        raise invalid(f"A row may have {MAX_VALUES:,} values: {beginning(value)}")
    return parse_json(value, dict[str, Raw])


def opens(value: Raw, character: str) -> bool:
    """Whether a value begins with a character: { for an object, [ for a list, a quotation mark for a string.

    Example:
        >>> opens(Raw(b"[1]"), "["), opens(Raw(b"[1]"), "{")
        (True, False)
    """
    return bytes(memoryview(value)[:1]) == character.encode()


def format_error(value: Any, words: str) -> RequestError:
    """The error of a value that is not what `words` ask for.

    Example:
        >>> str(format_error(Raw(b'"a"'), "Is not object"))
        'JSON Value: "a" Is not object'
    """
    return invalid(f"JSON Value: {beginning(value)} {words}")


def beginning(value: Any) -> str:
    """The beginning of a JSON text, for a message.

    Example:
        >>> beginning(b"[1, 2]")
        '[1, 2]'
        >>> len(beginning(b"9" * 10_000))
        80
    """
    return shorten(bytes(memoryview(value)[:SHOWN_BYTES]).decode(errors="replace"))

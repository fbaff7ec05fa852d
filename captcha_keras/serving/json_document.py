"""The JSON document of a request's body, parsed as TensorFlow Serving parses it.

TF Serving parses with RapidJSON; a document that is no JSON gets RapidJSON's message here too.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from captcha_keras.serving.errors import RequestError, invalid
from captcha_keras.spec import shorten

# RapidJSON's message for each message of Python's parser.
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


def parse_json(body: bytes) -> dict[str, Any]:
    """Parse a body that is a JSON object.

    Raises:
        RequestError: It is no JSON, or no object.

    Example:
        >>> parse_json(b'{"instances": [1, 2]}')
        {'instances': [1, 2]}
        >>> parse_json(b"{")
        Traceback (most recent call last):
        captcha_keras.serving.errors.RequestError: JSON Parse error: Missing a name for object member. at offset: 1
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        document = json.loads(body.decode(), object_pairs_hook=_first_wins)
    except UnicodeDecodeError as error:
        raise invalid(f"JSON Parse error: Invalid encoding in string. at offset: {error.start}") from error
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {_rapidjson_message(error)} at offset: {error.pos}") from error
    except (RecursionError, ValueError) as error:  # too deep, or an integer of thousands of digits
        raise invalid("JSON Parse error: Terminate parsing due to Handler error. at offset: 0") from error
    if not isinstance(document, dict):
        raise format_error(document, "Is not object")
    return document


def format_error(value: Any, words: str) -> RequestError:
    """The error of a value that is not what `words` ask for.

    Example:
        >>> str(format_error("a", "Is not object"))
        'JSON Value: "a" Is not object'
    """
    return invalid(f"JSON Value: {json_text(value)} {words}")


def json_text(value: Any) -> str:
    """A value as JSON for a message: the beginning of a long one.

    Example:
        >>> json_text("a" * 10_000) == '"' + "a" * 78 + "…"
        True
    """
    # With an indent the encoder is lazy: of a long value only the beginning is written.
    return shorten("".join(itertools.islice(json.JSONEncoder(indent=4).iterencode(value), 100)))


def _first_wins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Of members of the same name the first counts, as in RapidJSON."""
    result = dict(pairs)
    return result if len(result) == len(pairs) else dict(reversed(pairs))


def _rapidjson_message(error: json.JSONDecodeError) -> str:
    """RapidJSON's message for an error of Python's parser."""
    if not error.doc.strip():
        return "The document is empty."
    if error.msg == "Expecting ',' delimiter":
        if _open_bracket(error.doc, error.pos) == "{":
            return "Missing a comma or } after an object member."
        return "Missing a comma or ] after an array element."
    return PARSE_ERRORS.get(error.msg, "Invalid value.")


def _open_bracket(text: str, end: int) -> str:
    """The innermost bracket that is open after `end` characters."""
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

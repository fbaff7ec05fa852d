"""Requests in TF Serving's JSON, case by case after tensorflow_serving/util/json_tensor_test.cc and json_tensor.cc."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.json_answers import write_error
from captcha_keras.serving.json_document import parse_json
from captcha_keras.serving.json_requests import PredictRequest, parse_request
from captcha_keras.serving.model import Input

BYTES = {"image_bytes": Input(tf.string, (None,))}
NUMBERS = {"image": Input(tf.uint8, (None, None))}
BOTH = {"a": Input(tf.uint8, (None,)), "b": Input(tf.string, (None,))}


def parse(body: str | bytes, inputs: dict[str, Input]) -> PredictRequest:
    content = body.encode() if isinstance(body, str) else body
    return parse_request(parse_json(content), lambda signature: inputs)


def refusal(body: str | bytes, inputs: dict[str, Input] = NUMBERS) -> str:
    with pytest.raises(RequestError) as caught:
        parse(body, inputs)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return str(caught.value)


def outcome(body: bytes, inputs: dict[str, Input]) -> PredictRequest | RequestError:
    try:
        return parse(body, inputs)
    except RequestError as error:
        return error


def b64(content: bytes) -> str:
    return f'{{"b64": "{base64.b64encode(content).decode()}"}}'


@pytest.mark.parametrize(
    ("body", "inputs", "expected"),
    [
        ('{"instances": [[1,2],[3,4],[5,6]]}', NUMBERS, {"image": [[1, 2], [3, 4], [5, 6]]}),
        ('{"instances": [{"image": [1,2]},{"image": [3,4]}]}', NUMBERS, {"image": [[1, 2], [3, 4]]}),
        ('{"inputs": [[1,2],[3,4]]}', NUMBERS, {"image": [[1, 2], [3, 4]]}),
        ('{"inputs": {"image": [[1,2],[3,4]], "more": 1}}', NUMBERS, {"image": [[1, 2], [3, 4]]}),
        ('{"instances": [1, 255, 0]}', NUMBERS, {"image": [1, 255, 0]}),
        ('{"inputs": 7}', NUMBERS, {"image": 7}),
        ('{"inputs": []}', NUMBERS, {"image": []}),
        (f'{{"instances": [{b64(b"hello")}, {b64(b"world")}]}}', BYTES, {"image_bytes": [b"hello", b"world"]}),
        (f'{{"instances": [[{b64(b"hello")}], [{b64(b"world")}]]}}', BYTES, {"image_bytes": [[b"hello"], [b"world"]]}),
        (f'{{"instances": [{{"image_bytes": {b64(b"x")}}}]}}', BYTES, {"image_bytes": [b"x"]}),
        (f'{{"inputs": {{"image_bytes": [{b64(b"x")}]}}}}', BYTES, {"image_bytes": [b"x"]}),
        (f'{{"inputs": {b64(b"x")}}}', BYTES, {"image_bytes": b"x"}),
        ('{"instances": ["é"]}', BYTES, {"image_bytes": ["é".encode()]}),
        ('{"instances": [{"b64": " aGVs\\nbG8 "}]}', BYTES, {"image_bytes": [b"hello"]}),
        ('{"instances": [{"a": 1, "b": "x"}, {"b": "y", "a": 2}]}', BOTH, {"a": [1, 2], "b": [b"x", b"y"]}),
        ('{"inputs": {"a": [1], "b": ["x", "y"]}}', BOTH, {"a": [1], "b": [b"x", b"y"]}),
        # Of two members of a name the first counts.
        ('{"inputs": [1], "inputs": [2]}', NUMBERS, {"image": [1]}),
    ],
)
def test_requests_in_rows_and_columns(body: str, inputs: dict[str, Input], expected: dict[str, Any]) -> None:
    request = parse(body, inputs)
    assert request.row_format == ("instances" in body)
    assert {name: array.tolist() for name, array in request.arrays.items()} == expected
    for name, array in request.arrays.items():
        assert array.dtype == (object if inputs[name].dtype == tf.string else np.uint8)


def test_the_signature_is_the_requests() -> None:
    asked = []

    def inputs_of(signature: str) -> dict[str, Input]:
        asked.append(signature)
        return NUMBERS

    request = parse_request(parse_json(b'{"signature_name": "images", "instances": [1]}'), inputs_of)
    assert request.signature == "images"
    parse_request(parse_json(b'{"instances": [1]}'), inputs_of)
    assert asked == ["images", ""]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("  ", "JSON Parse error: The document is empty. at offset: "),
        ("instances = [1, 2]", "JSON Parse error: Invalid value. at offset: 0"),
        ('{"instances": [1, 2}', "JSON Parse error: Missing a comma or ] after an array element. at offset: 19"),
        ('{"inputs": "a]b" 1}', "JSON Parse error: Missing a comma or } after an object member. at offset: 17"),
        ('{"a" 1}', "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
        ("{1: 2}", "JSON Parse error: Missing a name for object member. at offset: 1"),
        ('{"inputs": 1} 2', "JSON Parse error: The document root must not be followed by other values. at offset: 14"),
        ('{"inputs": "a', "JSON Parse error: Missing a closing quotation mark in string. at offset: 11"),
        ('{"inputs": "\\x"}', "JSON Parse error: Invalid escape character in string. at offset: "),
        (b'{"inputs": "\xff"}', "JSON Parse error: Invalid encoding in string. at offset: 12"),
        ("[" * 100_000, "JSON Parse error: "),
        ("[1]", "JSON Value: [\n    1\n] Is not object"),
        ('{"signature_name": 5, "instances": [1]}', "'signature_name' key must be a string value"),
        ('{"instances": [1], "inputs": [1]}', "Not formatted correctly expecting only one of 'inputs' or 'instances'"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": 1}', "Excepting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"instances": [[1,2],[3,4],[5,6,7]]}', "Expecting tensor size: 2 but got: 3"),
        ('{"instances": [[1,2],[3,4],[[5,6]]]}', "Expecting shape [2] but got: [1,2]"),
        ('{"instances": [1, [1]]}', "Expecting shape [] but got: [1]"),
        ('{"instances": [[1,2],["a","b"]]}', 'JSON Value: "a" Type: String is not of expected type: uint8'),
        ('{"instances": [true]}', "JSON Value: true Type: True is not of expected type: uint8"),
        ('{"instances": [null]}', "JSON Value: null Type: Null is not of expected type: uint8"),
        ('{"instances": [1.5]}', "JSON Value: 1.5 Type: Number is not of expected type: uint8"),
        ('{"instances": [[1, true]]}', "JSON Value: true Type: True is not of expected type: uint8"),
        ('{"instances": [256]}', "JSON Value: 256 Type: Number is not of expected type: uint8"),
        ('{"instances": [-1]}', "JSON Value: -1 Type: Number is not of expected type: uint8"),
        ('{"inputs": [[1], [2, 3]]}', "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ('{"inputs": [1, [2]]}', "Encountered list at unexpected level: 1 expected < 1"),
        ('{"inputs": [[1], 2]}', "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ('{"inputs": {"other": 1}}', "Missing named input: image in 'inputs' object."),
        (
            '{"instances": [{"other": 1}]}',
            "Failed to process element: 0 key: other of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: other",
        ),
        ('{"instances": [{}]}', "keys must be equal to: image"),
        ('{"instances": [{"image": 1}, 2]}', "Expecting object but got list at item 1 of input list"),
        ('{"instances": [1, {"image": 2}]}', "Expecting value/list but got object at item 1 of input list"),
    ],
)
def test_what_is_malformed_is_refused_in_tf_servings_words(body: str | bytes, words: str) -> None:
    assert words in refusal(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"instances": [1]}', "JSON Value: 1 Type: Number is not of expected type: string"),
        ('{"instances": [{"b64": "###"}]}', "Unable to base64 decode"),
        ('{"instances": [{"b64": "a"}]}', "Unable to base64 decode"),
        ('{"instances": [[{"b64": 1}]]}', 'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 data'),
        ('{"instances": ["\\ud800"]}', "JSON Parse error: The surrogate pair in string is invalid."),
    ],
)
def test_strings_that_are_none_are_refused(body: str, words: str) -> None:
    assert words in refusal(body, BYTES)


def test_a_plain_list_cannot_fill_several_inputs() -> None:
    assert "instances is a plain list, but expecting list of objects" in refusal('{"instances": [1]}', BOTH)
    assert "inputs is a plain value/list, but expecting an object" in refusal('{"inputs": [1]}', BOTH)


def test_a_message_repeats_only_the_beginning_of_a_long_value() -> None:
    assert len(refusal('{"more": [' + "1," * 100_000 + "1]}" + " ")) < 100
    assert len(refusal('{"instances": 1, "more": [' + "1," * 100_000 + "1]}")) < 300


def test_an_unknown_signature_is_named() -> None:
    def none(signature: str) -> dict[str, Input]:
        raise RequestError(Code.FAILED_PRECONDITION, "no")

    with pytest.raises(RequestError, match=r'^Serving signature name: "x" not found in signature def$') as caught:
        parse_request(parse_json(b'{"signature_name": "x", "instances": [1]}'), none)
    assert caught.value.code is Code.INVALID_ARGUMENT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.text(max_size=5) | st.just({"b64": "aGk="}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "b64"]), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.binary(max_size=60)
    | st.builds(lambda key, value: json.dumps({key: value}).encode(), st.sampled_from(["instances", "inputs"]), JSON)
)
def test_any_body_is_parsed_or_refused(body: bytes) -> None:
    for inputs in (NUMBERS, BYTES, BOTH):
        answer = outcome(body, inputs)
        if isinstance(answer, RequestError):
            assert answer.code is Code.INVALID_ARGUMENT
            assert json.loads(write_error(str(answer))) == {"error": str(answer)}
        else:
            assert set(answer.arrays) == set(inputs)


@given(st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1, max_size=4))
def test_numbers_survive(rows: list[list[int]]) -> None:
    for key in ("instances", "inputs"):
        assert parse(json.dumps({key: rows}), NUMBERS).arrays["image"].tolist() == rows


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_bytes_survive(rows: list[bytes]) -> None:
    body = json.dumps({"instances": [{"b64": base64.b64encode(row).decode()} for row in rows]})
    assert parse(body, BYTES).arrays["image_bytes"].tolist() == rows

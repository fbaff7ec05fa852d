"""Requests in TF Serving's JSON, case by case after tensorflow_serving/util/json_tensor_test.cc and json_tensor.cc."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.json.answers import write_error
from captcha_keras.serving.json.document import MAX_ROWS
from captcha_keras.serving.json.requests import PredictRequest, check_examples, parse_request
from captcha_keras.serving.models.model import Input

BYTES = {"image_bytes": Input(tf.string, (None,))}
NUMBERS = {"image": Input(tf.uint8, (None, 2))}
SINGLES = {"image": Input(tf.uint8, (None,))}
THREES = {"image": Input(tf.uint8, (None, 1, 3))}
BOTH = {"a": Input(tf.uint8, (None,)), "b": Input(tf.string, (None,))}


def parse(body: str | bytes, inputs: dict[str, Input]) -> PredictRequest:
    content = body.encode() if isinstance(body, str) else body
    return parse_request(content, lambda signature: inputs)


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
        ('{"instances": [1, 255, 0]}', SINGLES, {"image": [1, 255, 0]}),
        ('\ufeff {"instances": [\n1 , 255,0] }\n', SINGLES, {"image": [1, 255, 0]}),
        ('{"inputs": []}', NUMBERS, {"image": []}),
        (f'{{"instances": [{b64(b"hello")}, {b64(b"world")}]}}', BYTES, {"image_bytes": [b"hello", b"world"]}),
        (f'{{"instances": [{{"image_bytes": {b64(b"x")}}}]}}', BYTES, {"image_bytes": [b"x"]}),
        (f'{{"inputs": {{"image_bytes": [{b64(b"x")}]}}}}', BYTES, {"image_bytes": [b"x"]}),
        ('{"instances": ["é"]}', BYTES, {"image_bytes": ["é".encode()]}),
        ('{"instances": [{"b64": " aGVs\\nbG8 "}]}', BYTES, {"image_bytes": [b"hello"]}),
        ('{"instances": [{"a": 1, "b": "x"}, {"b": "y", "a": 2}]}', BOTH, {"a": [1, 2], "b": [b"x", b"y"]}),
        ('{"inputs": {"a": [1], "b": ["x", "y"]}}', BOTH, {"a": [1], "b": [b"x", b"y"]}),
        ('{"instances": [{"b64": "aGk"}, {"b64": "aGk."}]}', BYTES, {"image_bytes": [b"hi", b"hi"]}),
        ('{"instances": [-0, 1]}', SINGLES, {"image": [0, 1]}),
        # Of two members of a name the last counts.
        ('{"inputs": [1], "inputs": [2]}', SINGLES, {"image": [2]}),
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

    request = parse_request(b'{"signature_name": "images", "instances": [[1, 2]]}', inputs_of)
    assert request.signature == "images"
    parse_request(b'{"instances": [[1, 2]]}', inputs_of)
    assert asked == ["images", ""]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("  ", "JSON Parse error: "),
        ("instances = [1, 2]", "JSON Parse error: "),
        ('{"instances": [[1,2}', "JSON Parse error: "),
        ('{"inputs": 1} 2', "JSON Parse error: "),
        ('{"inputs": [1, NaN]}', "JSON Parse error: "),
        (b'{"inputs": "\xff"}', "must be a list with a row for each image, as the input image"),
        ("[" * 100_000, "JSON Parse error: "),
        ('{"more": ' + "[" * 100_000, "JSON Parse error: "),
        ("[1]", "JSON Value: [1] Is not object"),
        ('{"signature_name": 5, "instances": [1]}', "'signature_name' key must be a string value"),
        ('{"instances": [1], "inputs": [1]}', "Not formatted correctly expecting only one of 'inputs' or 'instances'"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": 1}', "Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"inputs": [[1,2], 2]}', "JSON Value: 2 is not of expected type: uint8 in lists of the shape [2]"),
        ('{"inputs": {"other": 1}}', "Missing named input: image in 'inputs' object."),
        (
            '{"instances": [{"other": 1}]}',
            "Failed to process element: 0 key: other of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: other",
        ),
        ('{"instances": [{}]}', "keys must be equal to: image"),
        ('{"instances": [{"image": [1,2]}, 2]}', "Expecting object but got list at item 1 of input list"),
        ('{"instances": [[1,2], {"image": 2}]}', "Expecting value/list but got object at item 1 of input list"),
    ],
)
def test_what_is_malformed_is_refused_in_tf_servings_words(body: str | bytes, words: str) -> None:
    assert words in refusal(body)


@pytest.mark.parametrize(
    "row",
    [
        *("[5]", "[5,6,7]", "[[5,6]]", "[[5],6]", "2", "[]", "[[[]]]", "[" * 300 + "]" * 300),
        *('["a","b"]', "[true,1]", "[1,true]", "[null,1]", "[1.5,1]", "[1.0,1]", "[1e2,1]", '[{"a":1},1]'),
        *("[256,0]", "[-1,0]", f"[{'9' * 400},0]"),
    ],
)
def test_a_row_that_has_another_shape_or_type_is_refused(row: str) -> None:
    for rows in (f"[{row}]", f"[[1,2],{row}]", f"[{row},[1,2]]"):
        assert "is not of expected type: uint8" in refusal(f'{{"instances": {rows}}}')
        assert "is not of expected type: uint8" in refusal(f'{{"inputs": {rows}}}')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"instances": [1]}', "JSON Value: 1 is not of expected type: string"),
        ('{"instances": [{"b64": "###"}]}', "Unable to base64 decode"),
        ('{"instances": [{"b64": "a"}]}', "Unable to base64 decode"),
        ('{"instances": [{"b64": "aGk="}, ["b"]]}', 'JSON Value: ["b"] is not of expected type: string'),
        ('{"instances": [{"b64": "' + "=" * 100_000 + '#"}]}', "Unable to base64 decode"),
        ('{"instances": [{"b64": 1}]}', 'JSON Value: {"b64": 1} not formatted correctly for base64 data'),
        ('{"instances": ["\\ud800"]}', "JSON Parse error: "),
        (b'{"instances": ["\xff"]}', "JSON Parse error: "),
    ],
)
def test_strings_that_are_none_are_refused(body: str | bytes, words: str) -> None:
    assert words in refusal(body, BYTES)


@pytest.mark.parametrize(
    ("text", "size"),
    # As `absl::Base64Unescape` answers.
    [
        *(("aGk", 2), ("aGk=", 2), ("aGk.", 2), ("aGk =", 2), ("aG", 1), ("aG==", 1), ("", 0), ("aGk=\\n", 2)),
        *((text, None) for text in ("aGk==", "aG=", "a", "=", "aGkA=", "aGkA====", "-_8=", "aGk=a", "aGkx=\\t")),
    ],
)
def test_base64_is_decoded_or_refused_as_tf_serving_does(text: str, size: int | None) -> None:
    body = f'{{"instances": [{{"b64": "{text}"}}]}}'
    if size is None:
        assert refusal(body, BYTES) == (
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: Unable to base64 decode"
        )
    else:
        assert len(parse(body, BYTES).arrays["image_bytes"][0]) == size


@pytest.mark.parametrize(
    ("body", "fine"),
    [
        ('{"examples": [{}]}', True),
        ('{"examples": [{"x": [1, "a"]}], "context": {}, "signature_name": "none"}', True),
        *((f'{{"examples": {examples}}}', False) for examples in ("1", "{}", "[]", "[1]", '[{}, "a"]', "[[]]")),
        *((body, False) for body in ("", "[]", "{}", "{", '{"examples": [{}], "context": 1}')),
        ('{"examples": [{}], "signature_name": 1}', False),
        ('{"examples": [{}' + ",{}" * MAX_ROWS + "]}", False),
    ],
)
def test_the_body_of_classify_and_regress_is_checked(body: str, fine: bool) -> None:
    if fine:
        check_examples(body.encode())
        return
    with pytest.raises(RequestError) as caught:
        check_examples(body.encode())
    assert caught.value.code is Code.INVALID_ARGUMENT


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
        parse_request(b'{"signature_name": "x", "instances": [1]}', none)
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
    for inputs in (NUMBERS, SINGLES, THREES, BYTES, BOTH):
        answer = outcome(body, inputs)
        if isinstance(answer, RequestError):
            assert answer.code is Code.INVALID_ARGUMENT
            assert json.loads(write_error(str(answer))) == {"error": str(answer)}
        else:
            assert set(answer.arrays) == set(inputs)


@given(
    st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1, max_size=4), st.sampled_from([None, 1])
)
def test_numbers_survive(rows: list[list[int]], indent: int | None) -> None:
    for key in ("instances", "inputs"):
        body = json.dumps({key: [[row] for row in rows]}, indent=indent)
        assert parse(body, THREES).arrays["image"].tolist() == [[row] for row in rows]


def peak(body: bytes, inputs: dict[str, Input]) -> int:
    """The bytes that Python asked for at once while a body was parsed or refused."""
    tracemalloc.start()
    try:
        outcome(body, inputs)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LONG = 1 << 20


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": [["a"%b]%b]}' % (b",0" * 2000, b",0" * 2000),
        b'{"instances": [""%b]}' % (b',""' * (LONG // 3)),
        b'{"instances": [[]%b]}' % (b",[]" * (LONG // 3)),
        b'{"inputs": [0%b]}' % (b",0" * (LONG // 2)),
        b'{"inputs": [[0%b]]}' % (b",0" * (LONG // 2)),
        b'{"instances": [{%b}]}' % b",".join(b'"%07d":0' % number for number in range(LONG // 12)),
        b'{"inputs": {%b}}' % b",".join(b'"%07d":0' % number for number in range(LONG // 12)),
        b"{%b}" % b",".join(b'"%07d":0' % number for number in range(LONG // 12)),
        b'{"instances": [{"b64": "%b"}]}' % (b"A " * (LONG // 2)),
        b'{"instances": [%b]}' % (b"9" * LONG),
    ],
)
def test_a_body_costs_no_more_memory_than_a_few_copies_of_it(body: bytes) -> None:
    for inputs in (NUMBERS, THREES, BYTES):
        assert peak(body, inputs) < 5 * LONG


def test_rows_are_counted_before_they_are_made() -> None:
    for key in ("instances", "inputs"):
        assert len(parse(json.dumps({key: [7] * MAX_ROWS}), SINGLES).arrays["image"]) == MAX_ROWS
        assert refusal(json.dumps({key: [7] * (MAX_ROWS + 1)}), SINGLES) == "A request may have 512 rows."


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_bytes_survive(rows: list[bytes]) -> None:
    body = json.dumps({"instances": [{"b64": base64.b64encode(row).decode()} for row in rows]})
    assert parse(body, BYTES).arrays["image_bytes"].tolist() == rows

"""Answers in TF Serving's JSON, case by case after tensorflow_serving/util/json_tensor_test.cc."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.serving.json.answers import write_response


def test_answers_in_rows_and_columns() -> None:
    text = np.array(["é".encode(), b""], object)
    outputs = {"text": text, "p": np.array([[0.5, 0.25], [1, 0]], np.float32), "valid": np.array([True, False])}
    assert json.loads(write_response(outputs, row_format=True)) == {
        "predictions": [{"text": "é", "p": [0.5, 0.25], "valid": True}, {"text": "", "p": [1.0, 0.0], "valid": False}]
    }
    assert json.loads(write_response(outputs, row_format=False)) == {
        "outputs": {"text": ["é", ""], "p": [[0.5, 0.25], [1.0, 0.0]], "valid": [True, False]}
    }
    assert write_response({"valid": np.array([True, False])}, row_format=True) == b'{"predictions": [true, false]}'
    assert write_response({"valid": np.array([True, False])}, row_format=False) == b'{"outputs": [true, false]}'
    coded = {"raw_bytes": np.array([b"hello"], object)}
    assert json.loads(write_response(coded, row_format=True)) == {"predictions": [{"b64": "aGVsbG8="}]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9000000, "9e+06"),
        (999999, "999999.0"),
        (0.5, "0.5"),
        (0.0003, "0.0003"),
        (0.00003, "3e-05"),
        (555557.5, "555557.5"),
        (1, "1.0"),
        (0.2, "0.2"),
        (1 / 3, "0.333333343"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_decimals_are_written_as_tf_serving_does(value: float, text: str) -> None:
    body = write_response({"p": np.array([value], np.float32)}, row_format=False)
    assert body == f'{{"outputs": [{text}]}}'.encode()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_decimal_reads_back_as_the_same_float(value: float) -> None:
    body = write_response({"p": np.array([value], np.float32)}, row_format=False)
    assert np.float32(json.loads(body)["outputs"][0]) == np.float32(value)
    assert re.search(rb"[.e]", body.split(b"[")[1])

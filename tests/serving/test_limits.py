"""Limits by `POST /recognize` and by the signature `limited`: the answers of `Recognizer.read`, and never a failure."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from captcha_keras.errors import InputError
from captcha_keras.recognizer.formats import read_spec
from captcha_keras.recognizer.limits import limit_mask
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.serving.config import ServeConfig
from captcha_keras.spec import parse_length
from data_gen.series import Series
from tests.lively import FILES, SPEC
from tests.serving.cases import PREDICT
from tests.serving.served import client_of

LIMITS = [{"alphabet": "0O"}, {"length": "2"}, {"length": "1-2"}, {"alphabet": "Xé", "length": "3"}]
FIXED_LENGTH_LIMITS = [{"alphabet": "0123456789"}, {"alphabet": "ABC", "length": "4"}]


@pytest.fixture(scope="module")
def http(version: Path) -> Iterator[TestClient]:
    with client_of(ServeConfig(version.parent)) as client:
        yield client


def ask(http: TestClient, content: bytes = FILES[0], **options: Any) -> Any:
    return http.post("/recognize", files={"file": content}, **options)


def test_answers_are_a_recognizers(model: Path) -> None:
    spec = read_spec(model)
    source = Series(spec, "limits").source()
    files = [source.draw(index).content for index in range(10)]
    recognizer = Recognizer.load(model)
    with client_of(ServeConfig(model.parent)) as http:
        for limits in [{}, *(LIMITS if spec.variable_length else FIXED_LENGTH_LIMITS)]:
            expected = recognizer.read(files, **limits)
            assert bool(limits) == ([each.text for each in expected] != [each.text for each in recognizer.read(files)])
            for content, prediction in zip(files, expected, strict=True):
                answer = ask(http, content, data=limits).json()
                by_query = ask(http, content, params=limits).json()
                assert {**by_query, "milliseconds": 0} == {**answer, "milliseconds": 0}
                assert answer["text"] == prediction.text
                assert answer["confidence"] == pytest.approx(prediction.confidence, rel=1e-3, abs=1e-6)
                best = [candidates[0]["probability"] for candidates in answer["characters"]]
                assert best == pytest.approx(prediction.char_confidence, abs=1e-5)
                assert "".join(candidates[0]["character"] for candidates in answer["characters"]) == prediction.text
                listed = {each["character"] for candidates in answer["characters"] for each in candidates}
                assert listed <= {*limits.get("alphabet", spec.alphabet), ""}


def test_a_field_and_the_query_go_together(http: TestClient) -> None:
    answer = ask(http, data={"alphabet": "X"}, params={"length": "3"}).json()
    assert answer["text"] == "XXX"
    assert answer["confidence"] == 1
    assert answer["characters"] == [[{"character": "X", "probability": 1.0}]] * 3


@pytest.mark.parametrize(
    "limits",
    [
        {"alphabet": "0?"},
        {"alphabet": ""},
        {"length": "4"},
        {"length": "0"},
        {"length": "3-2"},
        {"length": "three"},
        {"length": ""},
        {"alphabet": "0", "length": "1-9"},
    ],
)
def test_wrong_limits_are_refused_in_a_recognizers_words(http: TestClient, limits: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        limit_mask(SPEC, **limits)
    for answer in (ask(http, data=limits), ask(http, params=limits)):
        assert answer.status_code == 400
        assert answer.json() == {"error": str(caught.value)}


@pytest.mark.parametrize("name", ["alphabet", "length"])
def test_a_limit_is_given_once(http: TestClient, name: str) -> None:
    twice = [{"data": {name: "1"}, "params": {name: "1"}}, {"data": {name: ["1", "1"]}}, {"params": {name: ["1", "1"]}}]
    for options in twice:
        answer = ask(http, **options)
        assert answer.status_code == 400
        assert "may each be given once" in answer.json()["error"]


def test_a_message_repeats_only_the_beginning_of_a_long_limit(http: TestClient) -> None:
    for limits in ({"alphabet": "".join(map(chr, range(1000, 5000)))}, {"length": "1" * 10_000}):
        for answer in (ask(http, data=limits), ask(http, params=limits)):
            assert answer.status_code == 400
            assert len(answer.json()["error"]) <= 400
    assert ask(http, data={"alphabet": "0" * 20_000}).status_code == 400


def test_a_charset_that_does_not_fit_is_refused(http: TestClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="alphabet"\r\n\r\n0\r\n--b--\r\n'
    for charset in ("undefined", "punycode", "nonsense", "utf-16"):
        headers = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
        assert http.post("/recognize", content=body, headers=headers).status_code == 400
    assert http.post("/recognize?alphabet=%ff%00", files={"file": FILES[0]}).status_code == 400


@given(
    limits=st.fixed_dictionaries(
        {},
        optional={
            "alphabet": st.text("0OXé", max_size=5) | st.text(max_size=5),
            "length": st.from_regex(r"[0-4](-[0-4])?", fullmatch=True) | st.text(max_size=5),
        },
    ),
    place=st.sampled_from(["data", "params"]),
)
def test_any_limits_are_obeyed_or_refused(http: TestClient, limits: dict[str, str], place: str) -> None:
    answer = ask(http, **{place: limits})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        text = answer.json()["text"]
        assert set(text) <= set(limits.get("alphabet", SPEC.alphabet))
        shortest, longest = parse_length(limits.get("length", "0-3"))
        assert shortest <= len(text) <= longest


def limited(http: TestClient, rows: list[tuple[bytes, str, str]]) -> Any:
    """The answers of the signature, which are the same by rows and by columns."""
    images = [{"b64": base64.b64encode(content).decode()} for content, _, _ in rows]
    columns = {"image_bytes": images, "alphabet": [row[1] for row in rows], "length": [row[2] for row in rows]}
    instances = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    answer = http.post(PREDICT, json={"signature_name": "limited", "instances": instances}).json()["predictions"]
    by_column = http.post(PREDICT, json={"signature_name": "limited", "inputs": columns}).json()["outputs"]
    assert by_column == {name: [row[name] for row in answer] for name in by_column}
    return answer


def test_the_signature_answers_as_a_recognizer(http: TestClient, version: Path) -> None:
    limits = [{}, *LIMITS]
    rows = [(content, each.get("alphabet", ""), each.get("length", "")) for each in limits for content in FILES]
    answers = limited(http, rows)
    recognizer = Recognizer.load(version)
    expected = [prediction for each in limits for prediction in recognizer.read(FILES, **each)]
    assert [answer["text"] for answer in answers] == [prediction.text for prediction in expected]
    assert [answer["confidence"] for answer in answers] == pytest.approx(
        [each.confidence for each in expected], abs=1e-5
    )
    assert all(answer["valid"] for answer in answers)


def test_a_row_with_impossible_limits_harms_no_other(http: TestClient) -> None:
    first, second = (FILES[0], "Xé", "2"), (FILES[1], "", "")
    wrong = [(FILES[0], "?", ""), (FILES[0], "", "4"), (b"junk", "", ""), (FILES[0], "0", "two")]
    answers = limited(http, [first, *wrong, second])
    assert [answers[0], answers[-1]] == [limited(http, [first, *[second] * 5])[row] for row in (0, 5)]
    for answer in answers[1:-1]:
        assert answer == {"text": "", "confidence": 0.0, "char_confidence": [0.0] * 3, "valid": False}


def test_a_version_that_was_exported_without_the_signature_is_served(version: Path, tmp_path: Path) -> None:
    older = tmp_path / "captcha" / "1"
    model = tf.saved_model.load(str(version))
    signatures = {name: each for name, each in model.signatures.items() if name != "limited"}
    tf.saved_model.save(model, str(older), signatures=signatures)
    shutil.copytree(version / "assets", older / "assets", dirs_exist_ok=True)
    row = {"image_bytes": {"b64": base64.b64encode(FILES[0]).decode()}}
    with client_of(ServeConfig(older.parent)) as http:
        assert http.post(PREDICT, json={"instances": [row]}).json()["predictions"][0]["valid"]
        assert ask(http, params={"length": "2"}).status_code == 200
        body = {"signature_name": "limited", "instances": [{**row, "alphabet": "", "length": ""}]}
        answer = http.post(PREDICT, json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": 'Serving signature name: "limited" not found in signature def'}

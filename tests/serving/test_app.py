"""The HTTP application in this process: TF Serving's interface case by case, the short one, the page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from starlette.testclient import TestClient

from captcha_keras.dataset.images import decode_image
from captcha_keras.serving.batching import BatchingConfig
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.http.app import Application
from captcha_keras.serving.service import Service
from tests.lively import SPEC
from tests.serving.cases import PREDICT, REFUSALS
from tests.serving.served import client_of


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, files: list[bytes]) -> Path:
    root = tmp_path_factory.mktemp("images")
    (root / "a.jpg").write_bytes(files[0])
    return root


@pytest.fixture(scope="module")
def http(version: Path, images: Path) -> Iterator[TestClient]:
    with client_of(ServeConfig(version.parent, image_root=images, max_body_bytes=1 << 20)) as client:
        yield client


@pytest.fixture(scope="module")
def expected(version: Path, files: list[bytes]) -> dict[str, Any]:
    """What the exported model says of the files, without the server."""
    signatures = tf.saved_model.load(str(version)).signatures
    answer = {key: value.numpy() for key, value in signatures["serving_default"](tf.constant(files)).items()}
    pixels = tf.constant(np.stack([decode_image(content) for content in files]))
    return {**answer, **{key: value.numpy() for key, value in signatures["images"](pixels).items()}}


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def error(response: Any, status: int) -> str:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    return str(response.json()["error"])


def test_status_and_metadata_are_tf_servings(http: TestClient) -> None:
    status = {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    for path in ("/v1/models/captcha", "/v1/models/captcha/versions/1", "/V1/Models/captcha"):
        assert http.get(path).json() == status
    metadata = http.get("/v1/models/captcha/metadata").json()
    assert metadata["model_spec"] == {"name": "captcha", "signature_name": "", "version": "1"}
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) >= {"serving_default", "limited", "probabilities", "images"}
    assert set(signatures["limited"]["inputs"]) == {"image_bytes", "alphabet", "length"}
    assert signatures["limited"]["outputs"].keys() == signatures["serving_default"]["outputs"].keys()
    taken = signatures["serving_default"]["inputs"]["image_bytes"]
    assert taken["dtype"] == "DT_STRING"
    assert taken["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert taken["name"] == "serving_default_image_bytes:0"
    assert signatures["images"]["method_name"] == "tensorflow/serving/predict"
    assert http.get("/v1/models/captcha/versions/1/metadata").json() == metadata


def test_rows_and_columns_answer_as_the_model_does(
    http: TestClient, files: list[bytes], expected: dict[str, Any]
) -> None:
    rows = http.post(PREDICT, json={"instances": [b64(content) for content in files]}).json()["predictions"]
    assert [row["text"] for row in rows] == [text.decode() for text in expected["text"]]
    assert len({row["text"] for row in rows}) > 4
    np.testing.assert_allclose([row["char_confidence"] for row in rows], expected["char_confidence"], atol=1e-6)
    assert all(set(row) == {"text", "confidence", "char_confidence", "valid"} for row in rows)
    named = http.post(PREDICT, json={"instances": [{"image_bytes": b64(content)} for content in files]}).json()
    assert named["predictions"] == rows
    for inputs in ([b64(content) for content in files], {"image_bytes": [b64(content) for content in files]}):
        columns = http.post("/v1/models/captcha/versions/1:predict", json={"inputs": inputs}).json()["outputs"]
        assert columns == {key: [row[key] for row in rows] for key in columns}


def test_every_signature_is_served(http: TestClient, files: list[bytes], expected: dict[str, Any]) -> None:
    pixels = [decode_image(content).tolist() for content in files[:2]]
    by_pixels = http.post(PREDICT, json={"signature_name": "images", "instances": pixels}).json()["predictions"]
    request = {"signature_name": "probabilities", "inputs": [b64(content) for content in files[:2]]}
    by_bytes = http.post(PREDICT, json=request).json()["outputs"]
    assert by_bytes.pop("valid") == [True, True]
    for head in SPEC.head_names:
        np.testing.assert_allclose(by_bytes[head], expected[head][:2], atol=1e-5)
        np.testing.assert_allclose([row[head] for row in by_pixels], expected[head][:2], atol=1e-5)


def test_a_bad_row_harms_no_other(http: TestClient, files: list[bytes]) -> None:
    rows = [files[0], b"", b"junk", files[1][:-40], files[1]]
    answer = http.post(PREDICT, json={"instances": [b64(content) for content in rows]}).json()["predictions"]
    good = http.post(PREDICT, json={"instances": [b64(files[0]), b64(files[1])]}).json()["predictions"]
    assert [answer[0], answer[4]] == good
    for row in answer[1:3]:
        assert row == {"text": "", "confidence": 0.0, "char_confidence": [0.0] * 3, "valid": False}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        *REFUSALS,
        ("GET", "/v1/models/captcha/labels/a%20b/metadata", "", 400, "Unrecognized servable version label: a b"),
        ("GET", "/v1/models/fo%C3%A9/metadata", "", 404, "Servable not found for request: Latest(foé)"),
        ("POST", PREDICT, '{"instances": [["a"]]}', 400, 'JSON Value: ["a"] is not of expected type: string'),
        ("POST", PREDICT, '{"inputs": "a"}', 400, "must be a list with a row for each image"),
        ("POST", PREDICT, '{"inputs": []}', 400, "A request must have at least one row."),
        (
            "POST",
            PREDICT,
            '{"signature_name": "images", "instances": [[[[1, 2, 3]]]]}',
            400,
            "is not of expected type: uint8 in lists of the shape [64, 96, 3]",
        ),
        ("POST", "/v1/models/captcha:classify", '{"examples": [{}]}', 400, "not for classify"),
        ("GET", "/nothing", "", 404, "Not Found"),
        ("GET", "/recognize", "", 405, "Method Not Allowed"),
        ("POST", "/recognize", "x", 400, "must be a form with one file"),
        ("POST", "/recognize/path", "[]", 400, "Is not object"),
        ("POST", "/recognize/path", "{}", 400, 'like {"filePathList": ["a.png"]}'),
        ("POST", "/recognize/path", '{"filePathList": ["\\ud800"]}', 400, "JSON Parse error: "),
        ("POST", "/recognize/path", '{"filePathList": [' + '"a",' * 600 + '"a"]}', 400, "may have 512 rows"),
        ("GET", f"/v1/models/captcha/versions/{'0' * 5000}9", "", 404, "Could not find version 9 of model captcha"),
        ("POST", PREDICT, '{"inputs": ' + "[" * 100 + "1" + "]" * 100 + "}", 400, "not of expected type"),
        ("POST", PREDICT, '{"inputs": ' + "[" * 100_000 + "]" * 100_000 + "}", 400, "recursion depth"),
        ("POST", "/recognize/path", '{"filePathList": ["../a.jpg"]}', 400, "relative path below the image folder"),
        ("POST", PREDICT, '{"instances": ["' + "a" * (1 << 20) + '"]}', 413, "A body may have 1,048,576 bytes."),
    ],
)
def test_refusals(http: TestClient, method: str, path: str, body: str, status: int, words: str) -> None:
    assert words in error(http.request(method, path, content=body), status)


def test_an_uploaded_image_is_read(http: TestClient, files: list[bytes], expected: dict[str, Any]) -> None:
    answer = http.post("/recognize", files={"file": ("a.jpg", files[2])}).json()
    assert answer["text"] == expected["text"][2].decode()
    assert answer["confidence"] == pytest.approx(expected["confidence"][2], abs=1e-5)
    assert answer["milliseconds"] > 0
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1025).to_bytes(4, "big") + (1024).to_bytes(4, "big")
    for content in (b"x", huge):
        assert "no complete PNG or JPEG" in error(http.post("/recognize", files={"file": ("a.jpg", content)}), 400)
    assert "Too many files" in error(http.post("/recognize", files={"a": b"x", "b": b"y"}), 400)
    assert "one file" in error(http.post("/recognize", files={"file": (None, "words")}), 400)
    broken = {"content-type": "multipart/form-data; boundary=b"}
    for body in ("--b\r\nbroken", "", "--c\r\n"):
        error(http.post("/recognize", content=body, headers=broken), 400)
    error(http.post("/recognize", content="x", headers={"content-type": "multipart/form-data"}), 400)


def test_files_of_the_server(http: TestClient, version: Path, expected: dict[str, Any]) -> None:
    answer = http.post("/recognize/path", json={"filePathList": ["a.jpg", "none.jpg"]})
    assert answer.json() == {"code": 0, "msg": "ok", "data": [expected["text"][0].decode(), ""]}
    with client_of(ServeConfig(version.parent)) as off:
        assert "--image-root" in error(off.post("/recognize/path", json={"filePathList": ["a.jpg"]}), 404)


def test_a_drawn_image_is_one_that_the_model_reads(http: TestClient) -> None:
    drawn = [http.post("/draw").json() for _ in range(3)]
    assert len({answer["image"] for answer in drawn}) == 3
    for answer in drawn:
        assert decode_image(base64.b64decode(answer["image"])).shape == (SPEC.height, SPEC.width, 3)
        assert answer["type"] == "image/jpeg"
        SPEC.encode(answer["text"])


def test_the_page_needs_nothing_from_elsewhere(http: TestClient) -> None:
    page = http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for path in ("/page.css", "/page.js"):
        assert path[1:] in page.text
        assert http.get(path).status_code == 200
        assert "http" not in http.get(path).text
    assert "http" not in page.text


def test_metrics_count_what_was_answered(version: Path, files: list[bytes]) -> None:
    with client_of(ServeConfig(version.parent)) as http:
        http.post(PREDICT, json={"instances": [b64(content) for content in files]})
        http.post(PREDICT, content="x")
        http.get("/v1/models/captcha")  # no request to predict
        page = http.get("/monitoring/prometheus/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        lines = page.text.splitlines()
    assert 'captcha_requests_total{interface="http",route="predict",status="200"} 1.0' in lines
    assert 'captcha_requests_total{interface="http",route="predict",status="400"} 1.0' in lines
    assert "captcha_batch_rows_sum 8.0" in lines
    assert "captcha_queue_seconds_count 1.0" in lines
    assert "captcha_compute_seconds_count 1.0" in lines
    for code in ("OK", "INVALID_ARGUMENT"):
        assert f':tensorflow:serving:request_count{{model_name="captcha",status="{code}"}} 1.0' in lines
    labels = '{API="predict",entrypoint="REST",model_name="captcha"}'
    assert f":tensorflow:serving:request_latency_count{labels} 2.0" in lines
    assert 'captcha_model_version{model_name="captcha"} 1.0' in lines
    assert "captcha_waiting_rows 0.0" in lines


def test_a_busy_server_says_so(version: Path, files: list[bytes]) -> None:
    config = ServeConfig(version.parent, max_held_bytes=100)
    with client_of(config) as http:
        answer = http.post(PREDICT, json={"instances": [b64(files[0])]})
        assert "busy" in error(answer, 503)
        assert answer.headers["retry-after"] == "1"
        # What was held is let go.
        assert http.post(PREDICT, content='{"instances": []}').status_code == 400
    with client_of(ServeConfig(version.parent, batching=BatchingConfig(timeout=1e-6))) as http:
        assert "No answer within" in error(http.post(PREDICT, json={"instances": [b64(files[0])]}), 504)


def test_a_failure_of_ours_tells_nothing(
    version: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("captcha_keras.serving.http.app.describe", fail)
    with client_of(ServeConfig(version.parent)) as http, caplog.at_level("INFO"):
        answer = http.get("/v1/models/captcha", headers={"X-Request-Id": "mine"})
        assert error(answer, 500) == "The server failed; its log tells why."
        assert answer.headers["x-request-id"] == "mine"
        (line,) = [record for record in caplog.records if record.message == "request"]
        assert line.levelname == "ERROR"
        assert line.fields["status"] == 500  # type: ignore[attr-defined]
        assert line.fields["request_id"] == "mine"  # type: ignore[attr-defined]
        assert line.exc_info
        assert "secret" in str(line.exc_info[1])
        counted = http.get("/monitoring/prometheus/metrics").text
        assert 'captcha_requests_total{interface="http",route="status",status="500"} 1.0' in counted


def test_a_request_has_an_id(http: TestClient) -> None:
    for given in ("a-1", "Root=1-67891233-abcdef012345678912345678"):
        assert http.get("/livez", headers={"X-Request-Id": given}).headers["x-request-id"] == given
    wrong = ("", "", "a b", 'a"b', "é", "a" * 65)
    made = [http.get("/livez", headers={"X-Request-Id": each.encode()}).headers["x-request-id"] for each in wrong]
    made.append(http.get("/livez").headers["x-request-id"])
    assert len(set(made)) == 7
    assert all(len(each) == 16 for each in made)


def test_it_tells_whether_it_runs_and_serves(http: TestClient, tmp_path: Path) -> None:
    assert [http.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
    with client_of(ServeConfig(tmp_path)) as empty:
        assert [empty.get(path).status_code for path in ("/livez", "/readyz")] == [200, 503]


def test_a_server_that_is_about_to_end_is_alive_but_not_ready(version: Path) -> None:
    service = Service.create(ServeConfig(version.parent))
    service.repository.poll()
    client = TestClient(Application(service).asgi)
    service.draining = True
    assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 503]
    assert client.get("/v1/models/captcha").status_code == 200


def test_answers_are_json_for_strict_parsers(http: TestClient, files: list[bytes]) -> None:
    def no_constants(text: str) -> None:
        raise AssertionError(text)

    body = http.post(PREDICT, json={"instances": [b64(files[0]), b64(b"")]}).content
    json.loads(body, parse_constant=no_constants)

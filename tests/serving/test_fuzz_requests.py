"""Requests built by structure: nested JSON, shapes, types, headers, paths. None fails the server; it may be busy."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from captcha_keras.serving.config import ServeConfig
from tests.image_files import BAD, GOOD
from tests.lively import FILES, SPEC
from tests.serving.served import client_of

IMAGES = [*FILES, *GOOD.values(), *(content for content in BAD.values() if len(content) < 20_000)]
SIGNATURES = ("serving_default", "probabilities", "images", "limited", "none", "")
NAMES = ("image_bytes", "image", "alphabet", "length", "b64", "")


@pytest.fixture(scope="module")
def http(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("images")
    (root / "a.jpg").write_bytes(FILES[0])
    with client_of(ServeConfig(version.parent, image_root=root, max_body_bytes=1 << 22)) as client:
        yield client


def deep(inner: Any, depth: int) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


def shaped(leaf: Any, shape: list[int]) -> Any:
    for size in reversed(shape):
        leaf = [leaf] * size
    return leaf


def ragged(value: Any, other: Any, place: int) -> Any:
    """The value with one of its items replaced, at some level."""
    if not isinstance(value, list) or not value or not place % 5:
        return other
    items = list(value)
    items[place % len(items)] = ragged(items[place % len(items)], other, place // 2)
    return items


images = st.sampled_from(IMAGES).map(lambda content: {"b64": base64.b64encode(content).decode()})
numbers = st.integers(-300, 300) | st.integers() | st.integers(0, 400).map(lambda digits: 10**digits) | st.floats()
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | st.text(st.characters(codec=None), max_size=20)
    | images
    | st.builds(lambda text: {"b64": text}, st.text("Aa0+/=# \n", max_size=12))
)
sizes = st.sampled_from([0, 1, 2, 3, SPEC.width, SPEC.height, 513])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4)
        | st.builds(shaped, inner, st.lists(sizes, max_size=2))
        | st.builds(ragged, inner, inner, st.integers(0, 99))
    ),
    max_leaves=10,
)
pixels = st.builds(
    lambda leaf, rows, other, place: ragged([shaped(leaf, [SPEC.height, SPEC.width, 3])] * rows, other, place),
    numbers,
    st.integers(1, 2),
    leaves,
    st.integers(0, 10**6).map(lambda number: 2 * number + 1),
)
rows = (
    values
    | pixels
    | st.lists(images, min_size=1, max_size=3)
    | st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, leaves)), min_size=1, max_size=3)
    | st.builds(deep, leaves, st.integers(1, 300))
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "signature_name": st.sampled_from(SIGNATURES) | values,
        "instances": rows,
        "inputs": rows,
        "filePathList": values | st.lists(st.sampled_from(["a.jpg", "../a", "/", "é", "\ud800"]), max_size=3),
        "more": values,
    },
)


def written(document: Any, indent: int | None, before: bytes, after: bytes, cut: int) -> bytes:
    body = before + json.dumps(document, indent=indent).encode() + after
    return body[: len(body) - cut % len(body)] if cut else body


bodies = st.binary(max_size=50) | st.builds(
    written,
    documents | documents | values,
    st.sampled_from([None, 1]),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b" \n", b"[" * 2000, b'{"a":']),
    st.sampled_from([b"", b"", b" ", b"\0", b"x", b"}" * 2000, b"\xff"]),
    st.just(0) | st.integers(0, 99),
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "x-request-id", "origin", "accept", "expect", "x-a"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
    | st.sampled_from(["multipart/form-data; boundary=b", "multipart/form-data", "gzip", "application/json"]),
    max_size=3,
)
paths = st.sampled_from(
    [
        "/v1/models/captcha:predict",
        "/v1/models/captcha:predict",
        "/v1/models/captcha/versions/1:predict",
        f"/v1/models/captcha/versions/{'0' * 5000}1:predict",
        "/v1/models/captcha:classify",
        "/v1/models/other:regress",
        "/recognize",
        "/recognize/path",
        "/v1/models/captcha/metadata",
    ]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"), max_size=20).map("/".__add__)


def check(http: TestClient, path: str, body: bytes, headers: dict[str, str], method: str) -> None:
    answer = http.request(method, "http://testserver" + path, content=body, headers=headers)
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    assert len(answer.headers["x-request-id"]) <= 64
    if answer.status_code >= 400:
        assert len(answer.text) < 4000


methods = st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "OPTIONS"])
fuzz = given(path=paths, body=bodies, headers=headers, method=methods)


@fuzz
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_fails_the_server(
    http: TestClient, path: str, body: bytes, headers: dict[str, str], method: str
) -> None:
    check(http, path, body, headers, method)


@pytest.mark.long
@fuzz
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=100_000)
def test_none_of_100_000_requests_fails_the_server(
    http: TestClient, path: str, body: bytes, headers: dict[str, str], method: str
) -> None:
    check(http, path, body, headers, method)

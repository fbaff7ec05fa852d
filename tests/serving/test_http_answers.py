"""Packed bodies, `OPTIONS`, other origins, methods and labels: the status that TF Serving gives, and its headers."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.testclient import TestClient

from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.errors import RequestError
from captcha_keras.serving.http.bodies import PIECE_BYTES, BodyReader
from tests.lively import FILES
from tests.serving.cases import PREDICT
from tests.serving.served import client_of

MOST = 1 << 20
BODY = json.dumps({"instances": [{"b64": base64.b64encode(FILES[0]).decode()}]}).encode()
PACKED = gzip.compress(BODY, mtime=0)


@pytest.fixture(scope="module")
def http(version: Path) -> Iterator[TestClient]:
    with client_of(ServeConfig(version.parent, max_body_bytes=MOST)) as client:
        yield client


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", PACKED, 200),
        ("gzip, identity", PACKED, 200),
        ("x-gzip", PACKED, 200),
        ("gzip", gzip.compress(BODY, 0, mtime=0), 200),
        ("gzip", BODY, 400),
        ("gzip", b"", 400),
        ("gzip", PACKED[:-1], 400),
        ("gzip", PACKED[:-5] + b"1234" + PACKED[-1:], 400),
        ("gzip", PACKED + b"x", 400),
        ("gzip", PACKED + PACKED, 400),
        ("gzip", zlib.compress(BODY), 400),
        ("gzip", gzip.compress(b"{", mtime=0), 400),
        # No other encoding is known: the body is taken as it is.
        ("identity", BODY, 200),
        ("GZIP", BODY, 200),
        ("GZIP", PACKED, 400),
        ("deflate", zlib.compress(BODY), 400),
        ("deflate", BODY, 200),
        ("br", BODY, 200),
        ("", PACKED, 400),
        # The bound on a body holds for what it unpacks to.
        ("gzip", gzip.compress(BODY + b" " * (MOST - len(BODY)), mtime=0), 200),
        ("gzip", gzip.compress(BODY + b" " * (MOST - len(BODY) + 1), mtime=0), 413),
    ],
)
def test_packed_bodies(http: TestClient, encoding: str, body: bytes, status: int) -> None:
    answer = http.post(PREDICT, content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json() == http.post(PREDICT, content=BODY).json()


def test_a_packed_form_is_read(http: TestClient) -> None:
    request = http.build_request("POST", "/recognize", files={"file": FILES[0]})
    packed = gzip.compress(request.read())
    headers = {"Content-Type": request.headers["content-type"], "Content-Encoding": "gzip"}
    answer = http.post("/recognize", content=packed, headers=headers).json()
    assert answer["text"] == http.post("/recognize", files={"file": FILES[0]}).json()["text"]


def read(chunks: list[bytes], reader: BodyReader, encoding: bytes = b"gzip") -> bytes:
    left = list(chunks)

    async def receive() -> dict[str, object]:
        chunk = left.pop(0) if left else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def body() -> bytes:
        request = Request({"type": "http", "headers": [(b"content-encoding", encoding)]}, receive)
        async with reader.read(request) as content:
            return bytes(content)

    return asyncio.run(body())


def test_a_bomb_costs_no_more_than_the_bound() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    reader = BodyReader(MOST, 2 * MOST, timeout=60)
    for step in (len(bomb), 1000):
        chunks = [bomb[place : place + step] for place in range(0, len(bomb), step)]
        tracemalloc.start()
        try:
            with pytest.raises(HTTPException) as caught:
                read(chunks, reader)
            assert tracemalloc.get_traced_memory()[1] < 3 * MOST + len(bomb)
        finally:
            tracemalloc.stop()
        assert caught.value.status_code == 413
    # What was held is let go, and a stream that unpacks to nothing ends as well.
    assert read([gzip.compress(bytes(MOST))], reader) == bytes(MOST)
    nothing = zlib.compressobj(wbits=31)
    empty_blocks = nothing.compress(b"") + b"".join(nothing.flush(zlib.Z_FULL_FLUSH) for _ in range(3))
    with pytest.raises(HTTPException):
        read([empty_blocks, *[b"\0\0\0\xff\xff" * 1000] * 300], reader)
    with pytest.raises(RequestError, match="busy"):
        read([bomb], BodyReader(MOST, MOST // 2, timeout=60))


@given(
    content=st.binary(max_size=200) | st.integers(0, 3).map(lambda count: bytes(count * PIECE_BYTES)),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=2),
    after=st.binary(max_size=9),
    step=st.integers(1, 400),
)
def test_any_packed_bytes_are_unpacked_as_zlib_does_or_refused(
    content: bytes, changes: list[tuple[int, int]], after: bytes, step: int
) -> None:
    packed = bytearray(gzip.compress(content, mtime=0))
    for place, value in changes:
        packed[place % len(packed)] = value
    packed += after
    file = zlib.decompressobj(31)
    try:
        expected = file.decompress(packed)
        fine = file.eof and not file.unused_data
    except zlib.error:
        fine = False
    chunks = [bytes(packed[place : place + step]) for place in range(0, len(packed), step)]
    reader = BodyReader(MOST, MOST, timeout=60)
    if fine:
        assert read(chunks, reader) == expected
        assert read(chunks, reader, b"identity") == packed
    else:
        with pytest.raises(HTTPException, match="no gzip file"):
            read(chunks, reader)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (PREDICT, {"Origin": "https://a.example"}, 200),
        (PREDICT, {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}, 200),
        ("/v1/", {"Origin": "https://a.example"}, 200),
        ("/V1/nothing", {"Origin": "https://a.example"}, 200),
        (PREDICT, {"Origin": "null"}, 400),
        (PREDICT, {"Origin": "ftp://a.example"}, 400),
        (PREDICT, {}, 400),
        ("/v1", {"Origin": "https://a.example"}, 404),
        ("/v2/models", {"Origin": "https://a.example"}, 404),
    ],
)
def test_options(http: TestClient, path: str, headers: dict[str, str], status: int) -> None:
    answer = http.options(path, headers=headers)
    assert answer.status_code == status
    assert status != 200 or not answer.content
    assert not [name for name in answer.headers if name.startswith("access-control")]


TF_SERVINGS = {
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "Content-Type",
}
REQUESTS = [
    ("OPTIONS", PREDICT, b"", 200),
    ("GET", "/v1/models/captcha", b"", 200),
    ("POST", PREDICT, BODY, 200),
    ("POST", PREDICT, b"{", 400),
    ("PUT", PREDICT, b"", 400),
    ("GET", "/v1/models/none", b"", 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), REQUESTS)
def test_pages_of_some_origins_may_read_the_answers(
    version: Path, method: str, path: str, body: bytes, status: int
) -> None:
    origins = ("https://a.example", "http://b.example:8080")
    for allowed in (("*",), origins):
        with client_of(ServeConfig(version.parent, cors_origins=allowed)) as http:
            for origin in (*origins, "https://c.example"):
                answer = http.request(method, path, content=body, headers={"Origin": origin})
                assert answer.status_code == status
                found = {name: value for name, value in answer.headers.items() if name.startswith("access-control")}
                shown = "*" if allowed == ("*",) else origin
                known = allowed == ("*",) or origin in allowed
                assert found == ({**TF_SERVINGS, "access-control-allow-origin": shown} if known else {})
                assert answer.headers.get("vary") == (None if allowed == ("*",) else "Origin")
            for path_of_ours in ("/livez", "/monitoring/prometheus/metrics", "/"):
                assert "access-control-allow-origin" not in http.get(path_of_ours, headers={"Origin": origin}).headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/captcha/labels/none", 200),  # a status request does not look at its label
        ("GET", "/v1/models/captcha/labels/none/metadata", 400),
        ("HEAD", "/v1/models/captcha", 400),
        ("PATCH", "/v1/models/captcha", 400),
        ("DELETE", PREDICT, 400),
        ("GET", "/v1/models//metadata", 400),
        ("POST", "/v1/models/:predict", 400),
    ],
)
def test_methods_and_labels(http: TestClient, method: str, path: str, status: int) -> None:
    assert http.request(method, path).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "tf_servings"),
    [
        # What docs/serving.md names as meant: (here, TF Serving).
        (b'{"more": NaN, ' + BODY[1:], 400, 200),
        (b'{"more": -Infinity, ' + BODY[1:], 400, 200),
        (BODY + b" x", 400, 200),
        (b'{"more": ' + b"[" * 2000 + b"]" * 2000 + b", " + BODY[1:], 400, 200),
        (b'{"instances": ["\xff"]}', 400, 200),
        (b'{"signature_name": "images", "instances": [' + b"256" + b"]}", 400, 400),
        # What both take or refuse.
        (b"\xef\xbb\xbf" + BODY, 200, 200),
        (b" " + BODY + b"\n", 200, 200),
        (b'{"instances": [NaN]}', 400, 400),
        (b'{"more": "\x01", ' + BODY[1:], 400, 400),
        (b"\xef\xbb\xbf", 400, 400),
        (b'{"more": ' + b"[" * 500 + b"]" * 500 + b", " + BODY[1:], 200, 200),
        (b'{"more": [1, 2.5e3, null, true, {"a": []}], ' + BODY[1:], 200, 200),
        (b'{"signature_name": "", ' + BODY[1:], 200, 200),
        (b'{"signature_name": null, ' + BODY[1:], 400, 400),
    ],
)
def test_documents_at_the_edge(http: TestClient, body: bytes, status: int, tf_servings: int) -> None:
    assert http.post(PREDICT, content=body).status_code == status
    assert status in (tf_servings, 400)

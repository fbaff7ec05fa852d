"""What the clients of REST do while a server is absent, busy, broken or slow, and with wrong use."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from captcha_keras.errors import CommandError, InputError
from captcha_keras.serving.client.calls import MAX_PAUSE
from captcha_keras.serving.client.clients import AsyncRestClient, RestClient
from captcha_keras.serving.client.errors import AnswerError, DeadlineError, ServerError, UnavailableError
from tests.serving import scripted
from tests.serving.scripted import ScriptedServer, Step, answer_well, free_port, refuse
from tests.serving.test_client_grpc import ScriptedGrpc
from tests.serving.twins import ALL, REST, Kind, opened, texts

IMAGES = [b"first", b"2nd"]
# The body of its first request is longer than the buffers of a socket.
LONG = [b"first" + bytes(4_000_000), b"2nd"]
NOW, THEN = formatdate(0, usegmt=True), formatdate(2, usegmt=True)
HTML = b"<html><h1>502 Bad Gateway</h1></html>"

# The script of the server, the requests that it sees for two images, and the seconds that it must have at least.
RECOVERIES: dict[str, tuple[list[Step], int, float]] = {
    "it is well": ([], 2, 0.0),
    "busy": ([refuse(503), refuse(429), refuse(503)], 5, 0.05 + 0.1 + 0.2),
    "a proxy before it": ([refuse(502, body=HTML)], 3, 0.0),
    "it asks for a second": ([refuse(503, "Retry-After: 1")], 3, 1.0),
    "it has too many requests": ([refuse(429, "Retry-After: 1")], 3, 1.0),
    "it asks until a time": (
        [refuse(503, f"Retry-After: {THEN}", f"Date: {NOW}")],
        3,
        2.0,
    ),
    "it asks until a past time": ([refuse(503, f"Retry-After: {NOW}")], 3, 0.0),
    "it asks for nonsense": ([refuse(503, "Retry-After: soon")], 3, 0.0),
    "it breaks the write": ([scripted.break_the_write] * 2, 4, 0.0),
    "it breaks the head of the answer": ([scripted.break_the_head], 3, 0.0),
    "it breaks the body of the answer": ([scripted.break_the_body], 3, 0.0),
    "it closes after the first answer": ([scripted.answer_and_close], 2, 0.0),
    "it closes as the second request arrives": ([answer_well, scripted.hang_up], 3, 0.0),
    "it is slow": ([scripted.trickle], 2, 4.0),
}


@REST
@pytest.mark.parametrize("name", RECOVERIES)
def test_it_asks_until_it_is_answered(kind: Kind, name: str) -> None:
    script, requests, seconds = RECOVERIES[name]
    with ScriptedServer(*script) as server, opened(kind, server.url, batch_size=1, timeout=50) as client:
        assert texts(client.read(LONG)) == ["first", "2nd"]
        assert len(server.arrived) == requests
        assert time.monotonic() - server.arrived[0] >= seconds


def test_a_slow_head_does_not_hold_the_asynchronous_client() -> None:
    with ScriptedServer(scripted.trickle_head) as server, opened(AsyncRestClient, server.url, timeout=1) as client:
        begin = time.monotonic()
        with pytest.raises(DeadlineError, match="did not answer within 1 s; 0 of 1 images"):
            client.read([b"a"])
        assert time.monotonic() - begin < 3


def test_a_slow_head_holds_the_blocking_client_until_it_ends() -> None:
    """A gap that docs/serving.md names: httpx2 has no option that bounds the whole head."""
    with ScriptedServer(scripted.trickle_head) as server, RestClient(server.url, timeout=1) as client:
        begin = time.monotonic()
        with pytest.raises(ServerError):
            client.read([b"a"])
        assert 3 < time.monotonic() - begin < 20


@ALL
def test_it_waits_for_a_server_that_starts_later(kind: Kind) -> None:
    port = free_port()
    scheme, kind_of_server = ("http://", ScriptedServer) if "Rest" in kind.__name__ else ("", ScriptedGrpc)
    with ThreadPoolExecutor(1) as pool, opened(kind, f"{scheme}127.0.0.1:{port}") as client:
        assert not client.ready()
        reading = pool.submit(client.read, IMAGES)
        time.sleep(1.5)
        assert not reading.done()
        with kind_of_server(port=port) as server:
            assert texts(reading.result()) == ["first", "2nd"]
            assert len(server.arrived) == 1
            client.close()


@ALL
def test_it_waits_as_long_as_a_server_takes_to_start(kind: Kind) -> None:
    assert inspect.signature(kind).parameters["timeout"].default >= 30
    # gRPC's own pauses would grow to two minutes.
    assert MAX_PAUSE <= 5


# The script, the error, a part of its message, its code, and the requests that the server sees.
ENDS: dict[str, tuple[list[Step], type[ServerError], str, str, int]] = {
    "silence": (
        [scripted.be_silent],
        DeadlineError,
        "{url} did not answer within 2 s; 0 of 2 images",
        "DEADLINE_EXCEEDED",
        1,
    ),
    "a slow answer": (
        [scripted.trickle],
        DeadlineError,
        "{url} did not answer within 2 s; 0 of",
        "DEADLINE_EXCEEDED",
        1,
    ),
    "a slow second answer": (
        [answer_well, scripted.trickle],
        DeadlineError,
        "did not answer within 2 s; 1 of 2 images",
        "DEADLINE_EXCEEDED",
        2,
    ),
    "busy for ever": (
        [refuse(503)] * 99,
        UnavailableError,
        "{url} was not available within 2 s: Not now.",
        "UNAVAILABLE",
        0,
    ),
    "broken for ever": (
        [scripted.break_the_write] * 99,
        UnavailableError,
        "was not available within 2 s: ",
        "UNAVAILABLE",
        0,
    ),
    "too much patience": (
        [refuse(429, "Retry-After: 3600")],
        UnavailableError,
        "{url} asks for 3600 s of patience, more than is left of 2 s: Not now.",
        "RESOURCE_EXHAUSTED",
        1,
    ),
    "endless patience": (
        [refuse(503, f"Retry-After: {'9' * 5000}")],
        UnavailableError,
        "asks for inf s",
        "UNAVAILABLE",
        1,
    ),
    "refused": ([refuse(400)], ServerError, "Not now.", "INVALID_ARGUMENT", 1),
    "not there": ([refuse(404)], ServerError, "Not now.", "NOT_FOUND", 1),
    "no key": ([refuse(401, body=HTML)], ServerError, "The server answered 401 Whatever.", "UNAUTHENTICATED", 1),
    "too long": ([refuse(413)], ServerError, "Not now.", "INVALID_ARGUMENT", 1),
    "it failed": ([refuse(500)], ServerError, "Not now.", "INTERNAL", 1),
    "its own deadline": ([refuse(504)], DeadlineError, "Not now.", "DEADLINE_EXCEEDED", 1),
    "another place": ([refuse(301, body=b"")], ServerError, "The server answered 301 Whatever.", "UNKNOWN", 1),
    "another server": ([refuse(200, body=HTML)], AnswerError, "The answer holds no predictions (", "INTERNAL", 1),
    "another model": (
        [refuse(200, body=b'{"predictions": [1]}')],
        AnswerError,
        "holds no predictions (",
        "INTERNAL",
        1,
    ),
    "rows lack": (
        [refuse(200, body=b'{"predictions": []}')],
        AnswerError,
        "{url} answered 0 predictions for 1",
        "INTERNAL",
        1,
    ),
    "bad gzip": ([refuse(200, "Content-Encoding: gzip")], AnswerError, "cannot be decoded", "INTERNAL", 1),
}


@REST
@pytest.mark.parametrize("name", ENDS)
def test_it_ends_in_time_with_one_sentence(kind: Kind, name: str) -> None:
    script, error, words, code, requests = ENDS[name]
    with ScriptedServer(*script) as server, opened(kind, server.url, batch_size=1, timeout=50) as client:
        begin = time.monotonic()
        with pytest.raises(error) as caught:
            client.read(IMAGES, timeout=2 if " 2 s" in words else None)
        assert time.monotonic() - begin < 3.9  # the time limit, and what a busy machine adds
        assert type(caught.value) is error
        assert isinstance(caught.value, CommandError)
        assert words.format(url=server.url) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.code == code
        assert len(server.arrived) == requests or (not requests and len(server.arrived) >= 3)


@ALL
def test_a_server_that_never_comes_is_an_error_of_one_sentence(kind: Kind) -> None:
    address = f"{'http://' if 'Rest' in kind.__name__ else ''}127.0.0.1:{free_port()}"
    with opened(kind, address, timeout=2) as client:
        assert not client.ready()
        begin = time.monotonic()
        with pytest.raises(UnavailableError, match=rf"^{address} was not available within 2 s: .*refused") as caught:
            client.read([b"a"])
        assert time.monotonic() - begin < 3
        assert caught.value.code == "UNAVAILABLE"


@ALL
def test_wrong_use_is_told_before_anything_is_sent(kind: Kind) -> None:
    rest = "Rest" in kind.__name__
    with ScriptedServer() as server:
        address = server.url if rest else server.url.removeprefix("http://")
        with opened(kind, address) as client:
            for images, words in (
                ([], "at least one image, got none"),
                (b"", "at least one image, got none"),
                ([b"a", "b"], "Image 1 must be the bytes of a file, got str"),
                (b"png", "Image 0 must be the bytes of a file, got int"),
            ):
                with pytest.raises(InputError, match=words):
                    client.read(images)
            for timeout in (0, -1, float("nan")):
                with pytest.raises(InputError, match="timeout must be above 0 seconds"):
                    client.read([b"a"], timeout=timeout)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
            ({"timeout": 0}, "timeout must be above 0 seconds, got 0"),
            ({"headers": {"a b": "c"}}, "A header's name has letters, .* got 'a b'"),
            ({"headers": {"key-bin": "c"}}, "no end '-bin'"),
            (
                {"headers": {"key": "secret\r\nx: y"}},
                r"header key must be printable ASCII on one line\.$",
            ),
            ({"address": "example.org:8501/" if rest else "http://example.org:8500"}, "needs an? "),
            ({"address": ""}, "needs an? "),
        ]
        for options, words in wrong:
            with pytest.raises(InputError, match=words):
                kind(**{"address": address, **options})
        assert server.arrived == []


@REST
def test_headers_and_the_models_name_are_sent(kind: Kind) -> None:
    with ScriptedServer() as server, opened(kind, server.url, "a b/c", headers={"X-Api-Key": "secret"}) as client:
        client.read([b"a"])
    ((first, headers),) = server.heads
    assert first == "POST /v1/models/a%20b%2Fc:predict HTTP/1.1"
    assert headers["x-api-key"] == "secret"
    assert headers["content-type"] == "application/json"


def test_threads_share_a_client() -> None:
    with ScriptedServer(*[refuse(503)] * 5) as server, RestClient(server.url) as client, ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda number: client.read([b"%d" % number]), range(40))
        assert [texts(each) for each in found] == [[str(number)] for number in range(40)]


def test_rest_needs_no_tensorflow() -> None:
    code = (
        "import sys\nfrom captcha_keras.serving.client.clients import RestClient\nRestClient('http://127.0.0.1:9')\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'grpc') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@ALL
def test_missing_packages_are_named(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    module, extra = ("httpx2", "client") if "Rest" in kind.__name__ else ("grpc", "grpc")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"pip install 'captcha-keras\[{extra}\]'"):
        kind()

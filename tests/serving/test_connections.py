"""Connections that hold on, leave or come in crowds, and what the server says of them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from captcha_keras.serving.http.connections import Connections
from tests.lively import FILES
from tests.serving.cases import PREDICT
from tests.serving.served import ServerProcess

HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
ROW = {"b64": base64.b64encode(FILES[0]).decode()}
LONG = json.dumps({"instances": [ROW] * 512}).encode()


@pytest.fixture(scope="module")
def server(version: Path) -> Iterator[ServerProcess]:
    options = ("--connections", "4", "--arrival-timeout", "3", "--batch-rows", "1")
    with ServerProcess(version.parent, *options) as server:
        yield server


@contextlib.contextmanager
def connected(server: ServerProcess, *sent: bytes) -> Iterator[list[socket.socket]]:
    """A connection for each of these beginnings."""
    with contextlib.ExitStack() as stack:
        held = []
        for each in sent:
            held.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)))
            held[-1].sendall(each)
        yield held


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def rest(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def metric(server: ServerProcess, line: str) -> float:
    page = ask(server, "/monitoring/prometheus/metrics")[2].decode().splitlines()
    return next((float(each.rsplit(" ", 1)[1]) for each in page if each.startswith(line)), 0.0)


def ask(server: ServerProcess, path: str = "/livez") -> tuple[int, Any, bytes]:
    """The status, headers and body of an answer; a client of httpx takes a second to make on a busy machine."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def logged(server: ServerProcess, **fields: object) -> bool:
    lines = [json.loads(line) for line in server.log if line.startswith("{")]
    return any(all(line.get(name) == value for name, value in fields.items()) for line in lines)


def test_an_early_answer_ends_the_connection(server: ServerProcess) -> None:
    begin = HEAD.replace(b"captcha", b"other/none") + b"Content-Length: 1000\r\n\r\n"
    with connected(server, begin) as (connection,):
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400 ")
        connection.sendall(b"x")
        start = time.monotonic()
        rest(connection)
        assert 1 < time.monotonic() - start < 15


def test_long_headers_are_refused(server: ServerProcess) -> None:
    with connected(server, b"GET / HTTP/1.1\r\n") as (connection,):
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b"X-More: " + b"a" * 8000 + b"\r\n")
                time.sleep(0.001)
        assert rest(connection).startswith(b"HTTP/1.1 431 ") or logged(server, reason="headers")
    assert metric(server, 'captcha_connections_ended_total{reason="headers"}') >= 1


def test_who_takes_no_answer_is_dropped(server: ServerProcess) -> None:
    page = b"GET /page.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(server, page * 2000) as (connection,):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        before = metric(server, 'captcha_connections_ended_total{reason="timeout"}')
        until(lambda: metric(server, 'captcha_connections_ended_total{reason="timeout"}') > before)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", HEAD + b"Content-Length: 1000\r\n\r\n{"])
def test_who_waits_makes_room(server: ServerProcess, sent: bytes) -> None:
    with connected(server, *[sent] * 12):
        time.sleep(0.2)
        start = time.monotonic()
        assert ask(server)[0] == 200
        assert time.monotonic() - start < 1
    assert metric(server, 'captcha_connections_ended_total{reason="dropped"}') >= 8
    until(lambda: logged(server, message="connection ended", reason="dropped"))


def test_a_connection_too_many_is_refused_and_told(caplog: pytest.LogCaptureFixture) -> None:
    ends: list[str] = []

    async def main() -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            begun.set()
            await release.wait()
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

        connections = Connections(most=1, timeout=20, on_end=ends.append)
        config = Config(connections.follow(app), lifespan="off", log_config=None)
        config.load()
        protocol = partial(connections.protocol, config=config, server_state=ServerState(), app_state={})
        async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as listening:
            address = listening.sockets[0].getsockname()
            first, busy = await asyncio.open_connection(*address)
            busy.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await begun.wait()
            third, another = await asyncio.open_connection(*address)
            another.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await third.read()
            release.set()
            assert (await first.read()).startswith(b"HTTP/1.1 204 ")
            for writer in (busy, another):
                writer.close()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in answer
        assert answer.endswith(b'{"error": "The server is busy; try again later."}')

    asyncio.run(main())
    assert ends == ["refused"]
    assert {record.message for record in caplog.records} >= {"connection ended"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell whether bytes wait to be read")
@pytest.mark.parametrize(
    ("sent", "ended", "begins"),
    [(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "refused", b"HTTP/1.1 204 "), (b"", "dropped", b"")],
)
def test_who_has_sent_bytes_is_not_dropped_before_they_are_read(sent: bytes, ended: str, begins: bytes) -> None:
    ends: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def main() -> bytes:
        connections = Connections(most=1, timeout=20, on_end=ends.append)
        config = Config(connections.follow(app), lifespan="off", log_config=None)
        config.load()
        protocol = partial(connections.protocol, config=config, server_state=ServerState(), app_state={})
        loop = asyncio.get_running_loop()
        async with await loop.create_server(protocol, "127.0.0.1", 0) as listening:
            address = listening.sockets[0].getsockname()
            # Both connect while the event loop is busy here, so it meets the second one before it reads from the first.
            with socket.create_connection(address) as first, socket.create_connection(address) as second:
                first.sendall(sent)
                second.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                await loop.run_in_executor(None, rest, second)
                return await loop.run_in_executor(None, rest, first)

    assert asyncio.run(main()).startswith(begins)
    assert ends == [ended]


def test_ends_are_logged_once_a_second_and_counted_each(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[str] = []
    connections = Connections(most=1, timeout=20, on_end=ends.append)
    moments = iter([100.0, 100.0, 100.4, 100.5, 100.5, 100.9, 101.1, 101.1])
    monkeypatch.setattr("captcha_keras.serving.http.connections.time.monotonic", lambda: next(moments))
    for reason in ("dropped", "dropped", "timeout", "dropped", "dropped"):
        connections.ended(reason)
    assert ends == ["dropped", "dropped", "timeout", "dropped", "dropped"]
    told = [cast(Any, record).fields for record in caplog.records]
    assert [(each["reason"], each["more"]) for each in told] == [("dropped", 0), ("timeout", 0), ("dropped", 2)]


def test_work_for_a_client_that_left_is_dropped(server: ServerProcess) -> None:
    until(lambda: ask(server)[0] == 200)
    before = metric(server, 'captcha_requests_total{interface="http",route="predict",status="499"}')
    work = HEAD + f"X-Request-Id: left\r\nContent-Length: {len(LONG)}\r\n\r\n".encode() + LONG
    with connected(server, work):
        until(lambda: metric(server, "captcha_waiting_rows ") > 100)
    until(lambda: logged(server, request_id="left", status=499))
    computed = metric(server, "captcha_batch_rows_sum ")
    until(lambda: metric(server, "captcha_waiting_rows ") == 0, seconds=2)
    time.sleep(0.5)
    assert metric(server, "captcha_batch_rows_sum ") - computed < 10
    assert metric(server, 'captcha_requests_total{interface="http",route="predict",status="499"}') == before + 1
    assert metric(server, ':tensorflow:serving:request_count{model_name="captcha",status="CANCELLED"}') >= 1


def test_keep_alive_and_pipelines_are_served(server: ServerProcess) -> None:
    page = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(server, page * 3 + page.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) as (connection,):
        assert rest(connection).count(b"HTTP/1.1 200") == 4
    with httpx2.Client(base_url=server.url) as client, ThreadPoolExecutor(2) as pool:
        assert {client.get("/livez").status_code for _ in range(20)} == {200}
        assert set(pool.map(lambda _: client.get("/livez").status_code, range(20))) == {200}

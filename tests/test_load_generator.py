"""The load generator against servers whose answers take a known time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from benchmarks.load_generator import Load, arrivals, closed_loop, open_loop, request_of, run

STALL = 1.0


class Stub:
    """Answers requests with what `answer` gives, after as long as it takes; an event loop in a thread."""

    def __init__(self, answer: Callable[[], bytes], stall: float) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._stall = stall
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._started.wait()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ended.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(EOFError), contextlib.closing(writer):
            await self._answer_all(reader, writer)

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            if len(self.requests) == 1:
                time.sleep(self._stall)
            answer = self._answer()
            writer.write(answer)
            if b"connection: close" in answer:
                return

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Stub]]:
    stubs = []

    def start(answer: Callable[[], bytes] = lambda: answer_of(200), stall: float = 0.0) -> Stub:
        stubs.append(Stub(answer, stall))
        return stubs[-1]

    yield start
    for stub in stubs:
        stub.stop()


def answer_of(status: int, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d Words\r\nContent-Length: 2\r\n" % status + more + b"\r\n{}"


REQUESTS = [request_of(b"one"), request_of(b"two")]


def test_an_open_loop_counts_the_time_for_which_a_server_stalls(serve: Callable[..., Stub]) -> None:
    due = arrivals("constant", 200, STALL)
    load = run(open_loop(serve(stall=STALL).port, REQUESTS, due))
    assert load.statuses == {200: 200}
    # Those that are due during the stall wait for its end: half of it in the mean.
    assert load.figures()["p50"] > 1000 * STALL / 2
    assert max(load.milliseconds) > 1000 * STALL
    assert load.seconds > STALL


def test_a_closed_loop_hides_the_stall(serve: Callable[..., Stub]) -> None:
    load = run(closed_loop(serve(stall=STALL).port, REQUESTS, 1, 2 * STALL))
    assert max(load.milliseconds) > 1000 * STALL
    assert load.figures()["p50"] < 1000 * STALL / 4
    assert load.late == []


def test_requests_are_sent_while_others_wait_and_connections_are_used_again(serve: Callable[..., Stub]) -> None:
    stub = serve()
    run(open_loop(stub.port, REQUESTS, [0.0, 1.0, 2.0]))
    assert (len(stub.requests), stub.connections) == (3, 1)
    assert stub.requests[0] == stub.requests[2] == REQUESTS[0]
    assert stub.requests[1] == REQUESTS[1]
    stalled = serve(stall=STALL)
    run(open_loop(stalled.port, REQUESTS, [0.0, 0.01, 0.02]))
    assert stalled.connections == 3


def test_refusals_and_broken_answers_are_counted_apart(serve: Callable[..., Stub]) -> None:
    answers = iter([answer_of(200), answer_of(503, b"connection: close\r\n"), answer_of(400)])
    closing = serve(answers.__next__)
    load = run(open_loop(closing.port, REQUESTS, [0.0, 1.0, 2.0]))
    assert load.statuses == {200: 1, 503: 1, 400: 1}
    figures = load.figures()
    assert (figures["answers"], figures["refused"], figures["errors"]) == (1, 1, 1)
    assert closing.connections == 2
    broken = serve(lambda: b"connection: close")
    assert run(open_loop(broken.port, REQUESTS, [0.0])).statuses == {0: 1}
    broken.stop()
    nobody = run(open_loop(broken.port, REQUESTS, [0.0, 0.01]))
    assert nobody.statuses == {0: 2}
    assert nobody.figures()["p99.9"] is None


def test_requests_are_due_at_the_rate_that_was_asked_for() -> None:
    constant = arrivals("constant", 50, 2)
    assert len(constant) == 100
    np.testing.assert_allclose(np.diff(constant), 0.02)
    poisson = arrivals("poisson", 1000, 20, seed=1)
    gaps = np.diff(poisson)
    assert abs(len(poisson) - 20_000) < 5 * 20_000**0.5
    assert abs(gaps.std() / gaps.mean() - 1) < 0.05  # as for no other distribution of distances but the exponential one
    assert poisson[-1] < 20
    assert (arrivals("poisson", 1000, 20, seed=2)[:9] != poisson[:9]).all()


def test_percentiles_are_those_of_answers() -> None:
    load = Load(milliseconds=[float(value) for value in range(1001)], seconds=2)
    load.statuses.update({200: 1001, 503: 2, 0: 1})
    figures = load.figures()
    assert (figures["p50"], figures["p99"], figures["p99.9"]) == (500, 990, 999)
    assert figures["answers_per_second"] == 500.5

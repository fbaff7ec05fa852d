"""Clients of an HTTP server: a closed loop, where each waits for its answer, and an open one, where none waits.

vegeta, oha and wrk2 are in none of the registries that this project uses. autocannon (npm), hey, wrk, siege and h2load
(Debian) send a request only on a connection that has its answer, so a slow server slows them; tsung (Debian) opens a
connection for each request. None draws Poisson arrivals and counts from the moment at which a request was due.
"""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import select
import selectors
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.measured_server import PATH

# Longer than the server itself lets a request wait.
TIMEOUT = 60.0

T = TypeVar("T")
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Load:
    """What clients saw.

    Attributes:
        statuses: Number of answers by status; 0: no answer.
        milliseconds: To each answer of status 200. In an open loop they count from the moment at which the request was
            due, whether or not it could be sent then.
        late: Milliseconds from the moment at which a request was due to that at which it was sent; none in a closed
            loop. What these are belongs to the client.
        seconds: From the beginning to the last answer.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def figures(self) -> dict[str, Any]:
        """The figures of a row: answers, refusals, errors, and percentiles in milliseconds (None without answers)."""
        percentiles = {
            name: round(float(np.percentile(self.milliseconds, rank)), 2) if self.milliseconds else None
            for name, rank in (("p50", 50), ("p99", 99), ("p99.9", 99.9))
        }
        return {
            "answers": self.statuses[200],
            "answers_per_second": round(self.statuses[200] / self.seconds, 1),
            "refused": self.statuses[503],
            "errors": self.statuses.total() - self.statuses[200] - self.statuses[503],
            **percentiles,
            "late_p99": round(float(np.percentile(self.late, 99)), 2) if self.late else None,
        }


class _PreciseSelector(selectors.EpollSelector):
    """epoll whose time limit has microseconds. Rounded up to milliseconds, each request would be sent late."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            select.select([self.fileno()], [], [], timeout)
        return super().select(0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run clients in an event loop with precise timers, with as many connections as the system lets a process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_PreciseSelector())) as runner:
        return runner.run(work)


async def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Let clients ask for some seconds; each sends its next request when it has the answer to the last."""
    result = Load()
    begin = time.perf_counter()
    end = begin + seconds

    async def client(number: int) -> None:
        connection = None
        while (sent := time.perf_counter()) < end:
            request = requests[(number + result.statuses.total()) % len(requests)]
            connection, status = await _ask(port, connection, request)
            result.statuses[status] += 1
            if status == 200:
                result.milliseconds.append(1000 * (time.perf_counter() - sent))
        _close(connection)

    await asyncio.gather(*(client(number) for number in range(clients)))
    result.seconds = time.perf_counter() - begin
    return result


def arrivals(kind: str, rate: float, seconds: float, seed: int = 0) -> NDArray[np.float64]:
    """The moments, in seconds from the beginning, at which requests are due.

    Args:
        kind: "constant": at equal distances; "poisson": independent of each other, at exponential distances.
        rate: Requests a second.
        seconds: All are due before.
        seed: Of the distances.
    """
    if kind == "constant":
        return np.arange(round(rate * seconds)) / rate
    generator = np.random.default_rng(seed)
    count = int(rate * seconds + 10 * (rate * seconds) ** 0.5 + 10)  # more than are ever due
    due = np.cumsum(generator.exponential(1 / rate, count))
    return due[due < seconds]


async def open_loop(port: int, requests: Sequence[bytes], due: Sequence[float] | NDArray[np.float64]) -> Load:
    """Send each request when it is due, whatever became of those before it.

    A request takes a connection that no other one uses, or opens a new one: so do clients that know nothing of each
    other.
    """
    result = Load()
    idle: list[Connection] = []
    begin = time.perf_counter()

    async def client(number: int, moment: float) -> None:
        connection = idle.pop() if idle else None
        result.late.append(1000 * (time.perf_counter() - moment))
        connection, status = await _ask(port, connection, requests[number % len(requests)])
        result.statuses[status] += 1
        if status == 200:
            result.milliseconds.append(1000 * (time.perf_counter() - moment))
        if connection is not None:
            idle.append(connection)

    async with asyncio.TaskGroup() as group:
        for number, offset in enumerate(due):
            await asyncio.sleep(max(0.0, begin + float(offset) - time.perf_counter()))
            group.create_task(client(number, begin + float(offset)))
    result.seconds = time.perf_counter() - begin
    for connection in idle:
        _close(connection)
    return result


async def _ask(port: int, connection: Connection | None, request: bytes) -> tuple[Connection | None, int]:
    """Send a request; returns the connection, if it may be used again, and the status, 0 if there was no answer."""
    if connection is not None and connection[0].at_eof():  # the server closed it meanwhile
        _close(connection)
        connection = None
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = connection = connection or await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
    except (OSError, EOFError):
        _close(connection)
        return None, 0
    if b"\r\nconnection: close\r\n" in head:
        _close(connection)
        return None, int(head[9:12])
    return connection, int(head[9:12])


def _close(connection: Connection | None) -> None:
    if connection is not None:
        connection[1].close()


def request_of(image: bytes) -> bytes:
    """A whole HTTP request for one image."""
    body = json.dumps({"instances": [{"b64": base64.b64encode(image).decode()}]}).encode()
    return f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

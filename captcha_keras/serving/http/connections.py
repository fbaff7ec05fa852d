"""HTTP connections with bounds on their number, the size of their headers, and the time that they take."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from captcha_keras.serving.json.answers import write_error

LOG = logging.getLogger(__name__)

MAX_HEADER_BYTES = 1 << 16
# Seconds that a connection which will be refused has for its first byte.
REFUSAL_TIMEOUT = 1.0
# Of those that wait, how many a new connection may ask whether they can be dropped: it costs no more with thousands.
MAX_ASKED = 16


def _refusal(status: str, header: bytes, message: str) -> bytes:
    content = write_error(message)
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
    return head.encode() + header + b"connection: close\r\n\r\n" + content


BUSY = _refusal("503 Service Unavailable", b"retry-after: 1\r\n", "The server is busy; try again later.")
TOO_LONG = _refusal("431 Request Header Fields Too Large", b"", f"Headers may have {MAX_HEADER_BYTES:,} bytes.")


class Connections:
    """The connections of one server.

    A connection whose request is complete is computed for; the others wait for bytes of their clients. If there are too
    many, that which has waited longest is dropped for a new one, unless bytes of its client have come that are not read
    yet. If none can be dropped, the new one is refused.

    Args:
        most: Connections at the same time.
        timeout: Seconds from the connection, or from the last answer, to the end of a request's headers; and seconds
            that a client may take to receive an answer.
        on_end: Called with "dropped", "refused", "timeout" or "headers" for each connection that ended so.

    Attributes:
        open: Number of connections.

    Example:
        >>> import contextlib
        >>> from functools import partial
        >>> from uvicorn.config import Config
        >>> from uvicorn.server import ServerState
        >>> ends = []
        >>> connections = Connections(most=10, timeout=0.05, on_end=ends.append)
        >>> config = Config(None, log_config=None)
        >>> protocol = partial(connections.protocol, config=config, server_state=ServerState(), app_state={})
        >>> async def send_nothing():
        ...     async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as server:
        ...         reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        ...         with contextlib.closing(writer):
        ...             return await reader.read()
        >>> asyncio.run(send_nothing()), ends  # the server closed the connection
        (b'', ['timeout'])
    """

    def __init__(self, most: int, timeout: float, on_end: Callable[[str], object] = lambda reason: None) -> None:
        self.most = most
        self.timeout = timeout
        self.open = 0
        # Those that wait for their clients, in the order in which they began to.
        self.waiting: dict[Connection, None] = {}
        self._on_end = on_end
        self._told: dict[str, tuple[float, int]] = {}

    def protocol(self, **kwargs: Any) -> asyncio.Protocol:
        """A connection, as uvicorn's option `http` asks for it."""
        return Connection(self, **kwargs)

    def follow(self, app: ASGIApp) -> ASGIApp:
        """The application, which tells each connection when its requests begin and end.

        Work for a client that has left is cancelled.
        """

        async def followed(scope: Scope, receive: Receive, send: Send) -> None:
            connection = connection_of(scope)
            if connection is None:
                await app(scope, receive, send)
                return
            connection.begin()

            async def send_and_follow(message: Message) -> None:
                headers = message.get("headers", ())
                if connection.awaits_body and headers and not any(name == b"connection" for name, _ in headers):
                    # The rest of a body is not waited for.
                    message = {**message, "headers": [*headers, (b"connection", b"close")]}
                await send(message)

            try:
                await app(scope, receive, send_and_follow)
            except asyncio.CancelledError:
                if not connection.left:
                    raise
            finally:
                connection.end()

        return followed

    def ended(self, reason: str) -> None:
        """Count a connection that was ended by the server; at most one line a second is logged of each reason."""
        self._on_end(reason)
        since, count = self._told.get(reason, (0.0, 0))
        if time.monotonic() - since < 1:
            self._told[reason] = (since, count + 1)
            return
        self._told[reason] = (time.monotonic(), 0)
        LOG.warning("connection ended", extra={"fields": {"reason": reason, "more": count, "open": self.open}})


def connection_of(scope: Scope) -> Connection | None:
    """The connection of a request; None if another server runs the application.

    Example:
        >>> connection_of({"type": "http"}) is None
        True
    """
    found = scope.get("state", {}).get("connection") if scope["type"] == "http" else None
    return found if isinstance(found, Connection) else None


class Connection(asyncio.Protocol):
    """One connection: uvicorn's HTTP protocol, watched.

    uvicorn itself limits only the wait between requests. A client that sends its headers byte by byte, or the rest of a
    body whose answer it has got, or that takes no answer, would keep its connection for ever.

    Args:
        connections: All connections.
        app_state: What uvicorn copies into the `state` of each request.
        kwargs: The other arguments of uvicorn's protocol.

    Attributes:
        left: Whether the connection is lost.
        awaits_body: Whether the body of the request under way has not arrived.

    Example:
        >>> from uvicorn.config import Config
        >>> from uvicorn.server import ServerState
        >>> loop = asyncio.new_event_loop()
        >>> kwargs = {"config": Config(None, log_config=None), "server_state": ServerState(), "_loop": loop}
        >>> Connection(Connections(most=1, timeout=1), app_state={}, **kwargs).left
        False
        >>> loop.close()
    """

    def __init__(self, connections: Connections, *, app_state: dict[str, Any], **kwargs: Any) -> None:
        self.left = False
        self.awaits_body = False
        self._all = connections
        self._inner = HttpToolsProtocol(app_state={**app_state, "connection": self}, **kwargs)
        self._transport: Any = None
        self._refused = False
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request, or refuse the connection."""
        self._transport = transport
        self._all.open += 1
        if self._all.open > self._all.most:
            oldest = islice(self._all.waiting, MAX_ASKED)
            longest = next((connection for connection in oldest if not connection.has_unread()), None)
            if longest is None:
                self._refused = True
                self._timer = asyncio.get_running_loop().call_later(REFUSAL_TIMEOUT, transport.abort)
                return
            longest.drop("dropped")
        self._inner.connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, unless they are too many for headers."""
        if self._refused:
            self._all.ended("refused")
            self._answer(BUSY)
        elif not self.awaits_body and self._bytes > MAX_HEADER_BYTES:
            self._all.ended("headers")
            # Amid an answer nothing can be said.
            self._transport.abort() if self._task else self._answer(TOO_LONG)
        else:
            self._bytes += len(data)
            self._inner.data_received(data)

    def has_unread(self) -> bool:
        """Whether bytes have come that the event loop has not read; always false on Windows."""
        if sys.platform == "win32":
            return False
        import fcntl
        import termios

        number = self._transport.get_extra_info("socket").fileno()
        return number >= 0 and any(fcntl.ioctl(number, termios.FIONREAD, bytes(4)))

    def begin(self) -> None:
        """A request's headers are complete."""
        self._task = asyncio.current_task()
        self._work()

    def body_begins(self) -> None:
        """The body of the request under way is waited for."""
        self.awaits_body = True
        self._all.waiting[self] = None

    def body_ends(self) -> None:
        """The body has arrived."""
        self.awaits_body = False
        # uvicorn stops reading amid a long body, and would not see that the client leaves.
        self._transport.resume_reading()
        self._work()

    def end(self) -> None:
        """The request under way has been answered."""
        self._task = None
        if not self.left:
            self.awaits_body = False
            self._wait()

    def drop(self, reason: str) -> None:
        """End the connection at once."""
        self._all.waiting.pop(self, None)
        self._all.ended(reason)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the work for a client that has left."""
        self.left = True
        self._all.open -= 1
        self._all.waiting.pop(self, None)
        self._stop(self._timer)
        self._stop(self._write_timer)
        if not self._refused:
            self._inner.connection_lost(exc)
        if self._task is not None:
            self._task.cancel()

    def eof_received(self) -> None:
        """Let the transport close; a client that shuts down its half is one that left."""

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what was written."""
        self._write_timer = asyncio.get_running_loop().call_later(self._all.timeout, self.drop, "timeout")
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client took it."""
        self._stop(self._write_timer)
        self._inner.resume_writing()

    def _work(self) -> None:
        self._bytes = 0
        self._all.waiting.pop(self, None)
        self._stop(self._timer)

    def _wait(self) -> None:
        self._bytes = 0
        self._all.waiting[self] = None
        # Also ends a connection that is closed while its client does not take the answer.
        self._stop(self._timer)
        self._timer = asyncio.get_running_loop().call_later(self._all.timeout, self.drop, "timeout")

    def _answer(self, content: bytes) -> None:
        self._stop(self._timer)
        self._transport.write(content)
        self._transport.close()
        self._timer = asyncio.get_running_loop().call_later(REFUSAL_TIMEOUT, self._transport.abort)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

"""HTTP connections with a time limit for the headers of each request."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also closes a connection whose headers do not arrive in time.

    uvicorn itself limits only the wait between requests. A client that sends its headers byte by byte would keep its
    connection for ever.

    Args:
        header_timeout: Seconds from the connection, or from a request's first byte, to the end of its headers.
        kwargs: The arguments that uvicorn passes.

    Example:
        >>> import contextlib
        >>> from functools import partial
        >>> from uvicorn.config import Config
        >>> from uvicorn.server import ServerState
        >>> config = Config(None, log_config=None)
        >>> protocol = partial(HeaderTimeoutProtocol, 0.05, config=config, server_state=ServerState(), app_state={})
        >>> async def send_nothing():
        ...     async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as server:
        ...         reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        ...         with contextlib.closing(writer):
        ...             return await reader.read()
        >>> asyncio.run(send_nothing())  # the server closed the connection
        b''
    """

    def __init__(self, header_timeout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._header_timeout = header_timeout
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the timer when a client connects."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer when the connection is closed."""
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the timer anew with the first byte of a request."""
        self._start_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop the timer when the headers are complete."""
        self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._header_timeout, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

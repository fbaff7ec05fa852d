"""HTTP connections that do not wait for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class ImpatientProtocol(HttpToolsProtocol):
    """Closes a connection whose next request's headers do not arrive in time.

    uvicorn itself bounds the wait between requests alone, so that a client that sends its headers byte by byte keeps a
    connection for ever.

    Args:
        header_timeout: Seconds from the connection, or from a request's first byte, to the end of its headers.
        kwargs: What uvicorn gives.
    """

    def __init__(self, header_timeout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._header_timeout = header_timeout
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request arrived."""
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its headers did."""
        self._stop_waiting()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(self._header_timeout, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

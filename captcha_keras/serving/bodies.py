"""Reads the bodies of requests, with bounds on their size, their time, and their memory all together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from captcha_keras.serving.connections import connection_of
from captcha_keras.serving.errors import Code, RequestError


class BodyReader:
    """Reads the bodies of one server's requests.

    Args:
        max_bytes: Longest body.
        max_held_bytes: Bytes of all bodies that are in memory at the same time.
        timeout: Seconds for a body to arrive.

    Example:
        >>> import asyncio
        >>> async def receive():
        ...     return {"type": "http.request", "body": b"hello"}
        >>> async def read(reader):
        ...     async with reader.read(Request({"type": "http", "headers": []}, receive)) as body:
        ...         return body
        >>> asyncio.run(read(BodyReader(max_bytes=5, max_held_bytes=100, timeout=1)))
        bytearray(b'hello')
    """

    def __init__(self, max_bytes: int, max_held_bytes: int, timeout: float) -> None:
        self._max_bytes = max_bytes
        self._max_held_bytes = max_held_bytes
        self._timeout = timeout
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """Give the body to a `with` block, to the end of which it counts as held.

        Raises:
            HTTPException: 413 if it is too long, 408 if it takes too long, 499 if the client leaves.
            RequestError: Too many bytes are held.
        """
        body = bytearray()
        connection = connection_of(request.scope)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_long()
        if connection is not None:
            connection.body_begins()
        try:
            try:
                async with asyncio.timeout(self._timeout):
                    async for chunk in request.stream():
                        self._hold(len(chunk))
                        body += chunk
                        if len(body) > self._max_bytes:
                            raise self._too_long()
            except TimeoutError as error:
                raise HTTPException(408, f"The body did not arrive within {self._timeout:g} s.") from error
            except ClientDisconnect as error:
                raise HTTPException(499, "The client left before the body was complete.") from error
            if connection is not None:
                connection.body_ends()
            yield body
        finally:
            self._held -= len(body)

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Count bytes as held until the end of a `with` block.

        Raises:
            RequestError: Too many bytes are held.
        """
        self._hold(count)
        try:
            yield
        finally:
            self._held -= count

    def _hold(self, count: int) -> None:
        if self._held + count > self._max_held_bytes:
            raise RequestError(Code.UNAVAILABLE, "The server is busy; try again later.")
        self._held += count

    def _too_long(self) -> HTTPException:
        return HTTPException(413, f"A body may have {self._max_bytes:,} bytes.")

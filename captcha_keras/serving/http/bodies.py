"""Reads the bodies of requests, with bounds on their size, their time, and their memory all together."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.http.connections import connection_of

# So much is unpacked before other requests have their turn; it takes less than a millisecond.
PIECE_BYTES = 1 << 18


class BodyReader:
    """Reads the bodies of one server's requests, and unpacks those in gzip.

    Args:
        max_bytes: Longest body, as it is sent and as it is unpacked.
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
            HTTPException: 413 if it is too long, 408 if it takes too long, 499 if the client leaves, 400 if it should
                be in gzip and is not.
            RequestError: Too many bytes are held.
        """
        body = bytearray()
        sent = 0
        gzip = Gzip() if "gzip" in request.headers.get("content-encoding", "") else None
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
                        sent += len(chunk)
                        for piece in gzip.unpack(chunk) if gzip else (chunk,):
                            self._hold(len(piece))
                            body += piece
                            if max(sent, len(body)) > self._max_bytes:
                                raise self._too_long()
                            if gzip:
                                await asyncio.sleep(0)
            except TimeoutError as error:
                raise HTTPException(408, f"The body did not arrive within {self._timeout:g} s.") from error
            except ClientDisconnect as error:
                raise HTTPException(499, "The client left before the body was complete.") from error
            if connection is not None:
                connection.body_ends()
            if gzip and sent and not gzip.complete:
                raise _no_gzip()
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


class Gzip:
    """Unpacks a gzip file of one member while it arrives.

    Example:
        >>> import gzip
        >>> file = Gzip()
        >>> list(file.unpack(gzip.compress(b"hello"))), file.complete
        ([b'hello'], True)
    """

    def __init__(self) -> None:
        self._file = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        """What a part of the file holds, in pieces of at most 256 KiB; each is unpacked when it is asked for.

        Raises:
            HTTPException: It is no part of a gzip file.
        """
        piece = b""
        while (chunk or len(piece) == PIECE_BYTES) and not self._file.unused_data:
            try:
                piece = self._file.decompress(chunk, PIECE_BYTES)
            except zlib.error as error:
                raise _no_gzip() from error
            yield piece
            chunk = self._file.unconsumed_tail

    @property
    def complete(self) -> bool:
        """Whether the file has ended, with nothing after it."""
        return self._file.eof and not self._file.unused_data


def _no_gzip() -> HTTPException:
    # Its rest may be on its way.
    return HTTPException(400, "The body is no gzip file.", {"Connection": "close"})

"""Reading the bodies of requests: bounded in size, in time, and together in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from captcha_keras.serving.errors import Code, RequestError


class Bodies:
    """Reads bodies for one server.

    Args:
        most_bytes: Longest body.
        most_held: Bytes of all bodies that are held at the same time.
        timeout: Seconds for a body to arrive.
    """

    def __init__(self, most_bytes: int, most_held: int, timeout: float) -> None:
        self._most_bytes = most_bytes
        self._most_held = most_held
        self._timeout = timeout
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The body, which counts as held until the block ends.

        Raises:
            HTTPException: 413 if it is too long, 408 if it takes too long, 400 if the client leaves.
            RequestError: Too many bytes are held.
        """
        body = bytearray()
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._most_bytes:
            raise self._too_long()
        try:
            try:
                async with asyncio.timeout(self._timeout):
                    async for chunk in request.stream():
                        self._hold(len(chunk))
                        body += chunk
                        if len(body) > self._most_bytes:
                            raise self._too_long()
            except TimeoutError as error:
                raise HTTPException(408, f"The body did not arrive within {self._timeout:g} s.") from error
            except ClientDisconnect as error:
                raise HTTPException(400, "The client left before the body was complete.") from error
            yield bytes(body)
        finally:
            self._held -= len(body)

    def _hold(self, count: int) -> None:
        if self._held + count > self._most_held:
            raise RequestError(Code.UNAVAILABLE, "The server is busy; try again later.")
        self._held += count

    def _too_long(self) -> HTTPException:
        return HTTPException(413, f"A body may have {self._most_bytes:,} bytes.")

"""Clients that read images through TensorFlow Serving or `captcha-keras serve`, over REST or gRPC.

Each has an asynchronous twin. REST needs httpx2 (`pip install 'captcha-keras[client]'`) and loads no TensorFlow. gRPC
needs the messages of the server (`captcha-keras[grpc]`), which load TensorFlow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client.calls import Caller, finish, sleep
from captcha_keras.serving.client.endpoint import Endpoint, Tls
from captcha_keras.serving.client.grpc import AsyncGrpc, BlockingGrpc, GrpcTransport
from captcha_keras.serving.client.rest import AsyncRest, BlockingRest, RestTransport

BATCH_SIZE = 64
TIMEOUT = 60.0  # seconds; a server takes up to about 30 to start


class _Connected:
    """What all clients share: how they are made."""

    _transport: ClassVar[type[RestTransport | GrpcTransport]]
    _sleep: ClassVar[staticmethod[[float], Coroutine[Any, Any, None]]]

    def __init__(
        self,
        address: str | None = None,
        model: str = "captcha",
        *,
        timeout: float = TIMEOUT,
        batch_size: int = BATCH_SIZE,
        headers: Mapping[str, str] | None = None,
        tls: Tls | None = None,
    ) -> None:
        endpoint = Endpoint(self._transport.default_address if address is None else address, model, headers or {}, tls)
        self._caller = Caller(self._transport(endpoint), timeout, batch_size, self._sleep)


class Client(_Connected):
    """A client that reads images in batches, and retries with growing pauses while the server is not available.

    It retries when a connection is refused or broken, and after an answer that says that the server is busy: 429, 502
    and 503, in gRPC UNAVAILABLE and RESOURCE_EXHAUSTED. If that answer says when to come back (`Retry-After`), the
    client does not come back sooner. Several threads may share a client.

    Args:
        address: A URL for REST, a host and a port for gRPC; without it, the default port of this machine.
        model: The name of the model.
        timeout: Seconds for a call with all its batches, attempts and pauses.
        batch_size: Images of a request, at most.
        headers: What is sent with each request, such as an API key: headers of HTTP, metadata of gRPC.
        tls: The certificates of the connection.

    Raises:
        InputError: An argument is out of range, or a package is missing.

    Example:
        >>> with RestClient("http://127.0.0.1:9", headers={"X-Api-Key": "secret"}) as client:
        ...     client.ready()  # no server listens there
        False
    """

    _sleep = staticmethod(sleep)

    def read(
        self, images: Sequence[bytes], *, alphabet: str = "", length: int | str = "", timeout: float | None = None
    ) -> list[Prediction | None]:
        """Read PNG or JPEG files.

        Args:
            images: The bytes of each file, at least one.
            alphabet: The only characters that the texts may have; "" for all that the model reads.
            length: How many characters the texts have: 4 or "4-6"; "" for all lengths that the model reads.
            timeout: Seconds for all of this; without it, the client's.

        Returns:
            A prediction for each file, in order; None for a file that the server could not decode, and for every file
            if the model reads no text within the limits.

        Raises:
            InputError: There is no image, one is not bytes, or `timeout` is not above 0. Nothing is sent.
            UnavailableError: The server could not be reached or was busy until the time was over.
            DeadlineError: The answer did not arrive in time.
            TlsError: There is no secure connection.
            AnswerError: The answer holds no predictions.
            ServerError: The server refused or failed; the base class of the last four.
        """
        return finish(self._caller.read(images, alphabet, length, timeout))

    def ready(self) -> bool:
        """Whether the server has a version of the model in service; asks once."""
        return finish(self._caller.ready())

    def close(self) -> None:
        """Close the connection."""
        finish(self._caller.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Connected):
    """The asynchronous twin of `Client`: takes the same arguments, and its methods are awaited.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncRestClient("http://127.0.0.1:9") as client:
        ...         return await client.ready()  # no server listens there
        >>> asyncio.run(main())
        False
    """

    _sleep = staticmethod(asyncio.sleep)

    async def read(
        self, images: Sequence[bytes], *, alphabet: str = "", length: int | str = "", timeout: float | None = None
    ) -> list[Prediction | None]:
        """Read PNG or JPEG files; arguments, result and errors are those of `Client.read`."""
        return await self._caller.read(images, alphabet, length, timeout)

    async def ready(self) -> bool:
        """Whether the server has a version of the model in service; asks once."""
        return await self._caller.ready()

    async def close(self) -> None:
        """Close the connection."""
        await self._caller.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class RestClient(Client):
    """A client of the REST interface; its address is a URL such as "http://127.0.0.1:8501", https turns TLS on.

    Args, errors: See `Client`.

    Example:
        >>> with RestClient("http://127.0.0.1:9") as client:
        ...     client.ready()  # no server listens there
        False
    """

    _transport = BlockingRest


class AsyncRestClient(AsyncClient):
    """The asynchronous twin of `RestClient`.

    Example:
        >>> AsyncRestClient("127.0.0.1:8501")
        Traceback (most recent call last):
        captcha_keras.errors.InputError: REST needs a URL such as http://127.0.0.1:8501, got '127.0.0.1:8501'.
    """

    _transport = AsyncRest


class GrpcClient(Client):
    """A client of the gRPC interface; its address is a host and a port such as "127.0.0.1:8500", `tls` turns TLS on.

    Args, errors: See `Client`.

    Example:
        >>> with GrpcClient("127.0.0.1:9") as client:
        ...     client.ready()  # no server listens there
        False
    """

    _transport = BlockingGrpc


class AsyncGrpcClient(AsyncClient):
    """The asynchronous twin of `GrpcClient`; its calls belong to one event loop.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncGrpcClient("127.0.0.1:9") as client:
        ...         return await client.ready()  # no server listens there
        >>> asyncio.run(main())
        False
    """

    _transport = AsyncGrpc

"""TF Serving's REST interface, as a client speaks it: the messages, and two ways to send them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from captcha_keras.errors import InputError
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client.calls import NO_TIME, Inputs
from captcha_keras.serving.client.endpoint import Endpoint
from captcha_keras.serving.client.errors import (
    AnswerError,
    DeadlineError,
    ServerError,
    TlsError,
    UnavailableError,
    error_of,
)
from captcha_keras.serving.client.retry_after import parse_retry_after
from captcha_keras.serving.errors import CODE_OF_STATUS

# The gRPC status codes of HTTP statuses, those of proxies among them. To send a body that is too long again is no use.
CODES = {
    **CODE_OF_STATUS,
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
}
# What parsing a foreign document may raise; RecursionError: it is nested too deeply.
MALFORMED = (ValueError, TypeError, LookupError, OverflowError, RecursionError)


def write_request(signature: str, inputs: Inputs) -> bytes:
    """The body of a predict request, one object for each row.

    Example:
        >>> write_request("serving_default", {"image_bytes": [b"png"]})
        b'{"signature_name": "serving_default", "instances": [{"image_bytes": {"b64": "cG5n"}}]}'
    """
    columns = {name: [{"b64": base64.b64encode(value).decode()} for value in inputs[name]] for name in inputs}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"signature_name": signature, "instances": rows}).encode()


def parse_predictions(content: bytes) -> list[Prediction | None]:
    """The predictions of an answer; None for a row that is no image.

    Raises:
        AnswerError: It is no such answer.

    Example:
        >>> row = b'{"text": "AB", "confidence": 0.5, "char_confidence": [0.5, 1.0], "valid": true}'
        >>> parse_predictions(b'{"predictions": [%s]}' % row)
        [Prediction(text='AB', confidence=0.5, char_confidence=(0.5, 1.0))]
    """
    try:
        return [_prediction(row) if row["valid"] else None for row in json.loads(content)["predictions"]]
    except MALFORMED as error:
        raise AnswerError(f"The answer holds no predictions ({type(error).__name__}: {error}).") from error


def _prediction(row: Mapping[str, Any]) -> Prediction:
    if not isinstance(row["text"], str):
        raise TypeError("text is no string")
    return Prediction(row["text"], float(row["confidence"]), tuple(map(float, row["char_confidence"])))


def parse_states(content: bytes) -> list[str]:
    """The states of the versions in the answer to a status request.

    Raises:
        AnswerError: It is no such answer.

    Example:
        >>> parse_states(b'{"model_version_status": [{"version": "1", "state": "AVAILABLE"}]}')
        ['AVAILABLE']
    """
    try:
        return [str(version["state"]) for version in json.loads(content)["model_version_status"]]
    except MALFORMED as error:
        raise AnswerError(f"The answer holds no states of a model ({type(error).__name__}: {error}).") from error


def parse_refusal(status: int, reason: str, headers: Mapping[str, str], content: bytes) -> ServerError:
    """The error that an answer tells.

    Example:
        >>> parse_refusal(503, "Service Unavailable", {"retry-after": "2"}, b'{"error": "Busy."}').retry_after
        2.0
    """
    try:
        message = str(json.loads(content)["error"])
    except MALFORMED:  # a proxy's error page
        message = f"The server answered {status} {reason}".rstrip() + "."
    retry_after = parse_retry_after(headers.get("retry-after", ""), headers.get("date", ""))
    return error_of(CODES.get(status, "UNKNOWN"), message, retry_after)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it."""
    while error is not None:
        if isinstance(error, BaseExceptionGroup):  # asyncio tried several addresses
            error = error.exceptions[0]
        yield error
        error = error.__cause__ or error.__context__


def _broken(address: str, error: BaseException) -> ServerError:
    """What a broken connection tells: the failure of TLS itself, or else the system's reason if there is one."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            if not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):  # these are ends of the connection
                return TlsError(f"There is no secure connection to {address}: {cause}")
        elif isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return UnavailableError(os.strerror(cause.errno))
    return UnavailableError(str(error) or type(error).__name__)


class RestTransport(ABC):
    """Speaks REST to an endpoint; the subclasses send blocking or asynchronously.

    Args:
        endpoint: Its address is a URL; https turns TLS on.

    Raises:
        InputError: httpx2 is not installed, or the address is no URL of http or https.

    Example:
        >>> BlockingRest(Endpoint("127.0.0.1:8501"))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: REST needs a URL such as http://127.0.0.1:8501, got '127.0.0.1:8501'.
    """

    default_address = "http://127.0.0.1:8501"

    def __init__(self, endpoint: Endpoint) -> None:
        try:
            import httpx2
        except ImportError as error:
            raise InputError("The REST client needs httpx2: pip install 'captcha-keras[client]'.") from error

        self.address = endpoint.address
        try:
            url = httpx2.URL(self.address)
        except (httpx2.InvalidURL, TypeError):
            url = httpx2.URL("")
        if url.scheme not in ("http", "https") or not url.host:
            raise InputError(f"REST needs a URL such as {self.default_address}, got {self.address!r}.")
        if endpoint.tls and url.scheme == "http":
            raise InputError(f"TLS needs a URL that begins with https, got {self.address}.")
        self._path = f"/v1/models/{quote(endpoint.model, safe='')}"
        self._httpx = httpx2
        self._http = self._client()(
            base_url=url,
            headers={"Content-Type": "application/json", **endpoint.headers},
            verify=endpoint.tls.context() if endpoint.tls else True,
        )

    def write(self, signature: str, inputs: Inputs) -> bytes:
        """Make a request."""
        return write_request(signature, inputs)

    async def predict(self, request: bytes, rows: int, timeout: float) -> list[Prediction | None]:
        """Send a request and await its answer."""
        predictions = parse_predictions(await self._ask("POST", f"{self._path}:predict", request, timeout))
        if len(predictions) != rows:
            raise AnswerError(f"{self.address} answered {len(predictions)} predictions for {rows} images.")
        return predictions

    async def states(self, timeout: float) -> list[str]:
        """Ask for the states of the model's versions."""
        return parse_states(await self._ask("GET", self._path, b"", timeout))

    async def _ask(self, method: str, path: str, body: bytes, timeout: float) -> bytes:
        request = self._http.build_request(method, path, content=body, timeout=timeout)
        try:
            response, content = await self._exchange(request, timeout)
        except (self._httpx.TimeoutException, TimeoutError) as error:
            raise DeadlineError(f"{self.address} did not answer in time.") from error
        except (self._httpx.TransportError, OSError) as error:  # OSError: some failures of TLS in AsyncClient
            raise _broken(self.address, error) from error
        except self._httpx.DecodingError as error:
            raise AnswerError(f"{self.address} sent an answer that cannot be decoded: {error}") from error
        if response.is_success:
            return content
        raise parse_refusal(response.status_code, response.reason_phrase, response.headers, content)

    @abstractmethod
    def _client(self) -> Any:
        """The class of the connection."""

    @abstractmethod
    async def _exchange(self, request: Any, timeout: float) -> tuple[Any, bytes]:
        """Send a request; returns the response and its whole body."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connection."""


class BlockingRest(RestTransport):
    """REST over `httpx2.Client`; never suspends.

    httpx2 bounds each read, not their sum. So the clock is looked at after each piece of an answer's body. The head
    comes in one call, which no public option bounds: not `timeout`, not the extension `trace`, and none of a transport.

    Example:
        >>> BlockingRest(Endpoint("http://127.0.0.1:8501")).address
        'http://127.0.0.1:8501'
    """

    def _client(self) -> Any:
        return self._httpx.Client

    async def _exchange(self, request: Any, timeout: float) -> tuple[Any, bytes]:
        end = time.monotonic() + timeout
        response = self._http.send(request, stream=True)
        content = bytearray()
        try:
            for piece in response.iter_bytes():
                content += piece
                if time.monotonic() > end:
                    raise TimeoutError
        finally:
            response.close()
        return response, bytes(content)

    async def close(self) -> None:
        """Close the connection."""
        self._http.close()


class AsyncRest(RestTransport):
    """REST over `httpx2.AsyncClient`.

    Example:
        >>> AsyncRest(Endpoint("http://127.0.0.1:8501")).address
        'http://127.0.0.1:8501'
    """

    def _client(self) -> Any:
        return self._httpx.AsyncClient

    async def _exchange(self, request: Any, timeout: float) -> tuple[Any, bytes]:
        # httpx2 bounds each step by the same time, and closes the connection better than if it is cancelled.
        async with asyncio.timeout(timeout + NO_TIME):
            response = await self._http.send(request)
        return response, response.content

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

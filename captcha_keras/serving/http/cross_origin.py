"""Requests of web pages of other origins (CORS) to TensorFlow Serving's interface, with the headers that it sends."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captcha_keras.serving.errors import Code, RequestError

EVERY_ORIGIN = "*"


class CrossOrigin:
    """ASGI middleware that lets pages of some origins read the answers of the paths below /v1.

    Args:
        app: The application that answers.
        origins: The origins, such as "https://example.com"; "*" stands for every one.

    Example:
        >>> from starlette.testclient import TestClient
        >>> client = TestClient(CrossOrigin(Response(), ["https://a.example"]))
        >>> client.get("/v1/models", headers={"Origin": "https://a.example"}).headers["access-control-allow-origin"]
        'https://a.example'
        >>> "access-control-allow-origin" in client.get("/v1/models", headers={"Origin": "https://b.example"}).headers
        False
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application."""
        if not self._origins or scope["type"] != "http" or scope["path"][:4].lower() != "/v1/":
            await self._app(scope, receive, send)
            return
        origin = EVERY_ORIGIN if EVERY_ORIGIN in self._origins else Request(scope).headers.get("origin", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if origin != EVERY_ORIGIN:
                    headers.add_vary_header("Origin")  # a cache keeps the answers to different origins apart
                if origin in self._origins:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Allow-Methods"] = "POST, GET"
                    headers["Access-Control-Allow-Headers"] = "Content-Type"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def answer_options(request: Request) -> Response:
    """The answer to an `OPTIONS` request below /v1, whatever its path.

    Raises:
        RequestError: It names no origin.

    Example:
        >>> answer_options(Request({"type": "http", "headers": [(b"origin", b"https://a.example")]})).status_code
        200
    """
    origin = request.headers.get("origin", "")
    if "http://" not in origin and "https://" not in origin:
        raise RequestError(Code.FAILED_PRECONDITION, "Origin header is missing in CORS preflight")
    return Response()

"""Keeps other sites out of a server that is for this machine's own pages alone."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from captcha_keras.serving.http.errors import error_answer

HOSTS = ("127.0.0.1", "localhost")


class OwnPagesOnly:
    """ASGI middleware that refuses what a browser sends for a page of another site.

    A name of another site that was made to point to this machine (DNS rebinding) is in `Host`; a form or a script of
    another site (cross-site request forgery) has that site in `Origin`.

    Args:
        app: The application that answers what is left.

    Example:
        >>> from starlette.responses import PlainTextResponse
        >>> from starlette.testclient import TestClient
        >>> client = TestClient(OwnPagesOnly(PlainTextResponse("hello")), base_url="http://127.0.0.1:8502")
        >>> client.get("/").text
        'hello'
        >>> client.get("/", headers={"Host": "example.org"}).status_code
        403
        >>> client.post("/", headers={"Origin": "http://example.org"}).status_code
        403
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or refuse it."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        own = host.rpartition(":")[0] or host
        if own not in HOSTS or headers.get("origin", f"http://{host}") != f"http://{host}":
            answer = error_answer(403, "This server answers its own page alone, on 127.0.0.1.")
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

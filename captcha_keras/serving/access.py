"""The access log: one log line and one count in the metrics for each HTTP request."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captcha_keras.serving.metrics import Metrics

LOG = logging.getLogger(__name__)


class AccessLog:
    """ASGI middleware that logs and counts each request with the status of its answer.

    Args:
        app: The application that answers.
        metrics: Where the requests are counted.

    Example:
        >>> import asyncio
        >>> async def app(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 404})
        >>> async def send(message):
        ...     print(message["status"])
        >>> metrics = Metrics()
        >>> scope = {"type": "http", "method": "GET", "path": "/none"}
        >>> asyncio.run(AccessLog(app, metrics)(scope, None, send))
        404
        >>> b'captcha_requests_total{interface="http",route="none",status="404"} 1.0' in metrics.page()
        True
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 499  # stays so if the client leaves before an answer

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - begin
            # The router sets the endpoint. Paths would be unbounded labels: clients can make up any number of them.
            route = getattr(scope.get("endpoint"), "__name__", "none")
            self._metrics.request("http", route, str(status), seconds)
            LOG.info(
                "request",
                extra={
                    "fields": {
                        "method": scope["method"],
                        "path": scope["path"],
                        "status": status,
                        "milliseconds": round(1000 * seconds, 2),
                        "client": (scope.get("client") or [None])[0],
                    }
                },
            )

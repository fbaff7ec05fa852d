"""One log line and one count for each HTTP request."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captcha_keras.serving.metrics import Metrics

LOG = logging.getLogger(__name__)


class AccessLog:
    """ASGI middleware that logs and counts what the application answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 499  # the client left before an answer

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - begin
            # The router leaves the endpoint here; paths themselves are without number.
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

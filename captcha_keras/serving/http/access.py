"""The access log: one log line and one count in the metrics for each HTTP request."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captcha_keras.serving.http.connections import connection_of
from captcha_keras.serving.http.errors import error_answer
from captcha_keras.serving.metrics import Metrics
from captcha_keras.serving.request_ids import REQUEST_ID, request_id

LOG = logging.getLogger(__name__)

HEADER = REQUEST_ID.encode()


class AccessLog:
    """ASGI middleware that logs and counts each request with the status of its answer.

    The request's id is that of its header `X-Request-Id`, or a new one; it is in the log and in the answer. A client
    that left is status 499, a failure 500 with its traceback.

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
        named = request_id(value.decode("latin-1") for name, value in scope.get("headers", ()) if name == HEADER)
        status, complete, failure = 0, False, None

        async def send_and_note(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, named.encode())]}
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            connection = connection_of(scope)
            left = connection is not None and connection.left
            if left or status:
                status = 499 if left else status
                raise
            # Only the end of the server cancels other work. Unanswered, the web server would call it a failure.
            headers = {"Retry-After": "1", "Connection": "close"}
            await error_answer(503, "The server ends; try again later.", headers)(scope, receive, send_and_note)
        except Exception as error:
            status, failure = 500, error
            if not complete:  # the web server ends the connection
                raise
        finally:
            seconds = time.perf_counter() - begin
            # What answered; paths would be unbounded labels: clients can make up any number of them.
            route = str(scope.get("route_name") or getattr(scope.get("endpoint"), "__name__", "none"))
            self._metrics.request("http", route, str(status), seconds, scope.get("model_name"))
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "milliseconds": round(1000 * seconds, 2),
                "client": (scope.get("client") or [None])[0],
                "request_id": named,
            }
            LOG.log(logging.ERROR if failure else logging.INFO, "request", exc_info=failure, extra={"fields": fields})

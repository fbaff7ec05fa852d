"""Answers the calls of gRPC: counts them, logs them, and turns errors into status codes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc

from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.metrics import Metrics
from captcha_keras.serving.request_ids import REQUEST_ID, request_id

LOG = logging.getLogger(__name__)

STATUS_CODES = {code: grpc.StatusCode[code.name] for code in Code}


@dataclass
class Call:
    """What is told of a call.

    Attributes:
        route: What answers it, for metrics and log.
        model: Name of the model that it asks for, as soon as it is known.

    Example:
        >>> Call("predict")
        Call(route='predict', model='')
    """

    route: str
    model: str = ""


class Calls:
    """Awaits the answers of calls.

    The request's id is that of the metadata `x-request-id`, or a new one. It is in the log and the trailing metadata.

    Args:
        metrics: Where the calls are counted.

    Example:
        >>> from types import SimpleNamespace
        >>> async def work():
        ...     return "answer"
        >>> context = SimpleNamespace(
        ...     invocation_metadata=lambda: (("x-request-id", "mine"),),
        ...     set_trailing_metadata=print,
        ...     peer=lambda: "ipv4:127.0.0.1:1",
        ...     add_done_callback=lambda callback: None,
        ... )
        >>> asyncio.run(Calls(Metrics()).answer(context, Call("predict"), work()))
        (('x-request-id', 'mine'),)
        'answer'
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Wait until no call is under way: the answer of each has been sent."""
        await self._idle.wait()

    def _ends(self, context: Any) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def answer(self, context: Any, call: Call, work: Awaitable[Any]) -> Any:
        """Await an answer; abort the call if it is refused or fails."""
        self._under_way += 1
        self._idle.clear()
        context.add_done_callback(self._ends)
        begin = time.perf_counter()
        metadata = context.invocation_metadata() or ()
        named = request_id(value for name, value in metadata if name == REQUEST_ID and isinstance(value, str))
        context.set_trailing_metadata(((REQUEST_ID, named),))
        code, failure = "OK", None
        try:
            return await work
        except RequestError as error:
            code = error.code.name
            await context.abort(STATUS_CODES[error.code], str(error))
        except asyncio.CancelledError:
            left = context.time_remaining()
            code = "CANCELLED" if left is None or left > 0 else "DEADLINE_EXCEEDED"
            raise
        except Exception as error:
            code, failure = "INTERNAL", error
            await context.abort(grpc.StatusCode.INTERNAL, "The server failed; its log tells why.")
        finally:
            seconds = time.perf_counter() - begin
            self._metrics.request("grpc", call.route, code, seconds, call.model)
            fields = {
                "method": "grpc",
                "path": call.route,
                "status": code,
                "milliseconds": round(1000 * seconds, 2),
                "client": context.peer(),
                "request_id": named,
            }
            LOG.log(logging.ERROR if failure else logging.INFO, "request", exc_info=failure, extra={"fields": fields})

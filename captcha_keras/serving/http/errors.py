"""Errors as HTTP answers: JSON with one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from captcha_keras.serving.errors import HTTP_STATUS, Code, RequestError
from captcha_keras.serving.json.answers import write_error


async def _refuse(request: Request, error: Any) -> Response:
    # The client may try again soon: computing a full queue takes seconds.
    headers = {"Retry-After": "1"} if error.code is Code.UNAVAILABLE else {}
    return error_answer(HTTP_STATUS[error.code], str(error), headers)


async def _refuse_http(request: Request, error: Any) -> Response:
    # The unread rest of a refused body would be taken for the next request on this connection.
    headers = {**(error.headers or {}), **({"Connection": "close"} if error.status_code in (408, 413) else {})}
    return error_answer(error.status_code, error.detail, headers)


async def _fail(request: Request, error: Exception) -> Response:
    return error_answer(500, "The server failed; its log tells why.")


# What `Starlette(exception_handlers=…)` takes.
EXCEPTION_HANDLERS: Mapping[Any, Any] = {RequestError: _refuse, HTTPException: _refuse_http, Exception: _fail}


def error_answer(status: int, message: str, headers: Mapping[str, Any] | None = None) -> Response:
    """The answer to a request that failed.

    Example:
        >>> answer = error_answer(404, "There is no such image.")
        >>> answer.status_code, answer.body
        (404, b'{"error": "There is no such image."}')
    """
    return Response(write_error(message), status, headers, media_type="application/json")

"""The HTTP application: TF Serving's interface, the short one, the page, metrics."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from captcha_keras.serving.access import AccessLog
from captcha_keras.serving.bodies import Bodies
from captcha_keras.serving.drawing import draw, source_for
from captcha_keras.serving.errors import HTTP_STATUS, Code, RequestError, invalid
from captcha_keras.serving.json_answers import write_error
from captcha_keras.serving.json_requests import parse_json
from captcha_keras.serving.metrics import CONTENT_TYPE
from captcha_keras.serving.model import ServedModel
from captcha_keras.serving.recognize import recognize, recognize_files
from captcha_keras.serving.rest import describe, parse_path, predict
from captcha_keras.serving.service import Service

if TYPE_CHECKING:
    from data_gen import ImageSource

PAGE = Path(__file__).parent / "page"
PAGE_TYPES = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Application:
    """Answers HTTP requests.

    Args:
        service: What it answers with.
    """

    def __init__(self, service: Service) -> None:
        config = service.config
        self._service = service
        self._bodies = Bodies(config.max_body_bytes, config.max_held_bytes, config.arrival_timeout)
        self._drawing = asyncio.Lock()
        self._drawn_for: tuple[ServedModel, ImageSource] | None = None
        self.asgi = Starlette(
            routes=[
                Route("/", self.page),
                Route("/page.css", self.page),
                Route("/page.js", self.page),
                Route("/draw", self.draw, methods=["POST"]),
                Route("/recognize", self.recognize, methods=["POST"]),
                Route("/recognize/path", self.recognize_path, methods=["POST"]),
                Route("/monitoring/prometheus/metrics", self.metrics),
                # Its paths are case-insensitive in TF Serving.
                Route("/v1/{path:path}", self.tf_serving, methods=EVERY_METHOD),
                Route("/V1/{path:path}", self.tf_serving, methods=EVERY_METHOD),
            ],
            middleware=[Middleware(AccessLog, metrics=service.metrics)],
            exception_handlers={RequestError: _refuse, HTTPException: _refuse_http, Exception: _fail},
        )

    async def tf_serving(self, request: Request) -> Response:
        """TF Serving's interface below /v1."""
        target = parse_path(request.method, request.scope["raw_path"].decode("latin-1"))
        if request.method == "GET":
            return JSONResponse(describe(target, self._service.repository))
        async with self._bodies.read(request) as body:
            answer = await predict(target, body, self._service.repository, self._service.batcher)
        return Response(answer, media_type="application/json")

    async def recognize(self, request: Request) -> Response:
        """Read the uploaded image."""
        begin = time.perf_counter()
        async with self._bodies.read(request) as body:
            content = await _uploaded(request, body)
            answer = await recognize(content, self._service.repository.current, self._service.batcher)
        return JSONResponse({**answer, "milliseconds": round(1000 * (time.perf_counter() - begin), 2)})

    async def recognize_path(self, request: Request) -> Response:
        """Read image files on the server's disk."""
        root = self._service.config.image_root
        if root is None:
            raise RequestError(
                Code.NOT_FOUND, "Reading files of the server is off; it is turned on with --image-root DIR."
            )
        async with self._bodies.read(request) as body:
            paths = parse_json(body).get("filePathList")
            if not isinstance(paths, list):
                raise invalid('The body must be like {"filePathList": ["a.png"]}.')
            texts = await recognize_files(paths, root, self._service.repository.current, self._service.batcher)
        return JSONResponse({"code": 0, "msg": "ok", "data": texts})

    async def draw(self, request: Request) -> Response:
        """Draw a new image."""
        async with self._drawing:  # a source draws one image at a time
            text, content, media_type = await asyncio.to_thread(draw, self._source())
        return JSONResponse(
            {"text": text, "image": base64.b64encode(content).decode(), "type": media_type},
            headers={"Cache-Control": "no-store"},
        )

    async def page(self, request: Request) -> Response:
        """The page and what belongs to it."""
        name = request.url.path.removeprefix("/") or "index.html"
        return Response((PAGE / name).read_bytes(), media_type=PAGE_TYPES[name], headers=SECURITY_HEADERS)

    async def metrics(self, request: Request) -> Response:
        """What Prometheus reads."""
        return Response(self._service.metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    def _source(self) -> ImageSource:
        model = self._service.repository.current
        if self._drawn_for is None or self._drawn_for[0] is not model:
            self._drawn_for = (model, source_for(model))
        return self._drawn_for[1]


async def _uploaded(request: Request, body: bytes) -> bytes:
    """The one file of a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid("The body must be a form with one file (multipart/form-data).")

    async def stream() -> AsyncIterator[bytes]:
        yield body
        yield b""

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=1, max_fields=8).parse()  # type: ignore[arg-type]
    except MultiPartException as error:
        raise invalid(f"The form cannot be read: {error.message}") from error
    except KeyError as error:
        raise invalid("The form cannot be read: its type names no boundary.") from error
    try:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise invalid("The form must have one file.")
        return await files[0].read()
    finally:
        await form.close()


async def _refuse(request: Request, error: Any) -> Response:
    # A client that is shed may come back soon: the queue is at most seconds long.
    headers = {"Retry-After": "1"} if error.code is Code.UNAVAILABLE else {}
    return _error(HTTP_STATUS[error.code], str(error), headers)


async def _refuse_http(request: Request, error: Any) -> Response:
    # What is left of a body that was refused would be taken for the next request.
    headers = {**(error.headers or {}), **({"Connection": "close"} if error.status_code in (408, 413) else {})}
    return _error(error.status_code, error.detail, headers)


async def _fail(request: Request, error: Exception) -> Response:
    return _error(500, "The server failed; its log tells why.", {})


def _error(status: int, message: str, headers: dict[str, Any]) -> Response:
    return Response(write_error(message), status, headers, media_type="application/json")

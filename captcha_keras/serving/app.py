"""The HTTP application: TF Serving's interface, the short interface, the page, and the metrics."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from captcha_keras.serving.access import AccessLog
from captcha_keras.serving.bodies import BodyReader
from captcha_keras.serving.drawing import ImageDrawer
from captcha_keras.serving.errors import HTTP_STATUS, Code, RequestError, invalid
from captcha_keras.serving.json_answers import write_error
from captcha_keras.serving.json_document import parse_json
from captcha_keras.serving.metrics import CONTENT_TYPE
from captcha_keras.serving.recognize import recognize, recognize_files
from captcha_keras.serving.rest import describe, parse_path, predict
from captcha_keras.serving.service import Service

PAGE = Path(__file__).parent / "page"
PAGE_TYPES = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
# The limits of an answer of `/recognize`, by the names of their fields.
LIMITS = ("alphabet", "length")
MAX_FIELD_BYTES = 1 << 14
EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Application:
    """The routes of the HTTP interface.

    Args:
        service: The parts that answer.

    Attributes:
        asgi: The ASGI application that a server runs.

    Example:
        >>> from starlette.testclient import TestClient
        >>> from captcha_keras.serving.config import ServeConfig
        >>> from captcha_keras.serving.repository import ModelRepository
        >>> config = ServeConfig(Path("models/captcha"))
        >>> application = Application(Service.create(config, ModelRepository(config.model, config.name)))
        >>> TestClient(application.asgi).get("/v1/models").json()
        {'error': 'Missing model name in request.'}
    """

    def __init__(self, service: Service) -> None:
        config = service.config
        self._service = service
        self._bodies = BodyReader(config.max_body_bytes, config.max_held_bytes, config.arrival_timeout)
        self._drawer = ImageDrawer()
        self.asgi = Starlette(
            routes=[
                Route("/", self.page),
                Route("/page.css", self.page),
                Route("/page.js", self.page),
                Route("/draw", self.draw, methods=["POST"]),
                Route("/recognize", self.recognize, methods=["POST"]),
                Route("/recognize/path", self.recognize_path, methods=["POST"]),
                Route("/monitoring/prometheus/metrics", self.metrics),
                # TF Serving's paths are case-insensitive.
                Route("/v1/{path:path}", self.tf_serving, methods=EVERY_METHOD),
                Route("/V1/{path:path}", self.tf_serving, methods=EVERY_METHOD),
            ],
            middleware=[Middleware(AccessLog, metrics=service.metrics)],
            exception_handlers={RequestError: _refuse, HTTPException: _refuse_http, Exception: _fail},
        )

    async def tf_serving(self, request: Request) -> Response:
        """Answer a request of TF Serving's interface, below /v1."""
        target = parse_path(request.method, request.scope["raw_path"].decode("latin-1"))
        if request.method == "GET":
            return JSONResponse(describe(target, self._service.repository))
        async with self._bodies.read(request) as body:
            answer = await predict(target, body, self._service.repository, self._service.batcher)
        return Response(answer, media_type="application/json")

    async def recognize(self, request: Request) -> Response:
        """Read the image of a form, within the limits that the form or the query sets."""
        begin = time.perf_counter()
        async with self._bodies.read(request) as body:
            form = await _parse_form(request, body)
            try:
                content, limits = await _only_file(form), _limits(request, form)
            finally:
                await form.close()
            answer = await recognize(content, self._service.repository.current, self._service.batcher, **limits)
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
        drawn = await self._drawer.draw(self._service.repository.current)
        image = base64.b64encode(drawn.content).decode()
        return JSONResponse(
            {"text": drawn.text, "image": image, "type": drawn.media_type}, headers={"Cache-Control": "no-store"}
        )

    async def page(self, request: Request) -> Response:
        """Answer with a file of the page."""
        name = request.url.path.removeprefix("/") or "index.html"
        return Response((PAGE / name).read_bytes(), media_type=PAGE_TYPES[name], headers=SECURITY_HEADERS)

    async def metrics(self, request: Request) -> Response:
        """Answer with the metrics."""
        return Response(self._service.metrics.page(), headers={"Content-Type": CONTENT_TYPE})


async def _parse_form(request: Request, body: bytes) -> FormData:
    """The multipart form of a body that has arrived."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid("The body must be a form with one file (multipart/form-data).")

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    parser = MultiPartParser(request.headers, stream(), max_files=1, max_fields=8, max_part_size=MAX_FIELD_BYTES)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise invalid(f"The form cannot be read: {error.message}") from error
    except KeyError as error:
        raise invalid("The form cannot be read: its type names no boundary.") from error
    except ValueError as error:  # some codecs raise no UnicodeDecodeError
        raise invalid("The form cannot be read: its text is not in its charset.") from error


async def _only_file(form: FormData) -> bytes:
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if len(files) != 1:
        raise invalid("The form must have one file.")
    return await files[0].read()


def _limits(request: Request, form: FormData) -> dict[str, str]:
    """The limits of an answer, from the fields of the form and the query."""
    given = [
        (name, value)
        for name, value in (*form.multi_items(), *request.query_params.multi_items())
        if name in LIMITS and isinstance(value, str)
    ]
    limits = dict(given)
    if len(limits) < len(given):
        raise invalid("alphabet and length may each be given once, as a field of the form or in the query.")
    return limits


async def _refuse(request: Request, error: Any) -> Response:
    # The client may try again soon: computing a full queue takes seconds.
    headers = {"Retry-After": "1"} if error.code is Code.UNAVAILABLE else {}
    return _error(HTTP_STATUS[error.code], str(error), headers)


async def _refuse_http(request: Request, error: Any) -> Response:
    # The unread rest of a refused body would be taken for the next request on this connection.
    headers = {**(error.headers or {}), **({"Connection": "close"} if error.status_code in (408, 413) else {})}
    return _error(error.status_code, error.detail, headers)


async def _fail(request: Request, error: Exception) -> Response:
    return _error(500, "The server failed; its log tells why.", {})


def _error(status: int, message: str, headers: dict[str, Any]) -> Response:
    return Response(write_error(message), status, headers, media_type="application/json")

"""The HTTP application: TF Serving's interface, the short interface, the page, and the metrics."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncGenerator

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.http.access import AccessLog
from captcha_keras.serving.http.cross_origin import CrossOrigin, answer_options
from captcha_keras.serving.http.drawing import ImageDrawer
from captcha_keras.serving.http.errors import EXCEPTION_HANDLERS
from captcha_keras.serving.http.page_files import page_file
from captcha_keras.serving.http.recognize import recognize, recognize_files
from captcha_keras.serving.http.rest import describe, parse_path, predict
from captcha_keras.serving.json.document import format_error, opens, parse_json, split_rows
from captcha_keras.serving.metrics import CONTENT_TYPE
from captcha_keras.serving.service import Service

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
        >>> from pathlib import Path
        >>> from starlette.testclient import TestClient
        >>> from captcha_keras.serving.config import ServeConfig
        >>> application = Application(Service.create(ServeConfig(Path("models/captcha"))))
        >>> TestClient(application.asgi).get("/v1/models").json()
        {'error': 'Missing model name in request.'}
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._bodies = service.bodies
        self._drawer = ImageDrawer()
        application = Starlette(
            routes=[
                # First, for most requests are for these. TF Serving's paths are case-insensitive.
                Route("/v1/{path:path}", self.tf_serving, methods=EVERY_METHOD),
                Route("/V1/{path:path}", self.tf_serving, methods=EVERY_METHOD),
                Route("/livez", self.livez),
                Route("/readyz", self.readyz),
                Route("/", self.page),
                Route("/page.css", self.page),
                Route("/page.js", self.page),
                Route("/draw", self.draw, methods=["POST"]),
                Route("/recognize", self.recognize, methods=["POST"]),
                Route("/recognize/path", self.recognize_path, methods=["POST"]),
                Route("/monitoring/prometheus/metrics", self.metrics),
            ],
            exception_handlers=EXCEPTION_HANDLERS,
        )
        application.router.redirect_slashes = False  # a path that is not there is 404, as in TF Serving
        # Outside of what turns a failure into an answer, so that they see both.
        self.asgi = AccessLog(CrossOrigin(application, service.config.cors_origins), service.metrics)

    async def tf_serving(self, request: Request) -> Response:
        """Answer a request of TF Serving's interface, below /v1."""
        if request.method == "OPTIONS":
            return answer_options(request)
        path, query = request.scope["raw_path"], request.scope["query_string"]
        # No path has a query: as in TF Serving it is a part of the model's name, or of nothing that is known.
        target = parse_path(request.method, (path + b"?" + query if query else path).decode("latin-1"))
        request.scope["route_name"], request.scope["model_name"] = target.action, target.model
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
            texts = await recognize_files(_paths(body), root, self._service.repository.current, self._service.batcher)
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
        return page_file(request.url.path.removeprefix("/") or "index.html")

    async def livez(self, request: Request) -> Response:
        """Answer that the server runs."""
        return JSONResponse({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """Answer whether new requests may be sent: each model is in service, and the server is not about to end."""
        if self._service.draining:
            return JSONResponse({"status": "the server is about to end"}, 503)
        ready = self._service.repository.serving
        return JSONResponse({"status": "ready" if ready else "no model is in service"}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Answer with the metrics."""
        return Response(self._service.metrics.page(), headers={"Content-Type": CONTENT_TYPE})


class _PathBody(msgspec.Struct):
    filePathList: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815


def _paths(body: bytearray) -> list[str]:
    if not opens(parse_json(body, msgspec.Raw), "{"):
        raise format_error(body, "Is not object")
    paths = parse_json(body, _PathBody).filePathList
    if not opens(paths, "["):
        raise invalid('The body must be like {"filePathList": ["a.png"]}.')
    return [parse_json(path, str) for path in split_rows(paths)]


async def _parse_form(request: Request, body: bytearray) -> FormData:
    """The multipart form of a body that has arrived."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid("The body must be a form with one file (multipart/form-data).")

    async def stream() -> AsyncGenerator[bytes, None]:
        yield bytes(body)
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

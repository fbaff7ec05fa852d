"""The page for labelling: its files, the images of the folder, and what the page asks and tells."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import socket
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from captcha_keras.errors import InputError
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.http.bodies import BodyReader
from captcha_keras.serving.http.errors import EXCEPTION_HANDLERS
from captcha_keras.serving.http.page_files import SECURITY_HEADERS, page_file
from captcha_keras.serving.http.server import HttpServer, on_first_signal
from captcha_keras.serving.labelling.origin import OwnPagesOnly
from captcha_keras.serving.labelling.session import Session

MAX_BODY_BYTES = 1 << 14
# No page of another site may show an image, and none is kept.
IMAGE_HEADERS = {**SECURITY_HEADERS, "Cross-Origin-Resource-Policy": "same-origin"}


def labelling_app(session: Session) -> Starlette:
    """The routes of the page.

    Args:
        session: The state of the labelling.

    Example:
        >>> from starlette.testclient import TestClient
        >>> client = TestClient(labelling_app(None), base_url="http://127.0.0.1:8502")
        >>> client.get("/").headers["content-type"]
        'text/html; charset=utf-8'
        >>> client.post("/label", content=b"[]").json()
        {'error': 'The body must be a JSON object with the texts image and text.'}
    """
    bodies = BodyReader(MAX_BODY_BYTES, 1 << 24, timeout=20.0)

    async def page(request: Request) -> Response:
        return page_file(request.url.path.removeprefix("/") or "label.html")

    async def image(request: Request) -> Response:
        name = request.path_params["name"]
        content = await _call(session.content, name)
        return Response(content, media_type=mimetypes.guess_type(name)[0], headers=IMAGE_HEADERS)

    async def following(request: Request) -> Response:
        return _answer(await _call(session.next))

    async def view(request: Request) -> Response:
        return _answer(await _call(session.view, request.query_params.get("image", "")))

    async def status(request: Request) -> Response:
        return _answer(await _call(session.status, request.query_params.get("image")))

    async def label(request: Request) -> Response:
        name, text = await fields(request, "image", "text")
        await _call(session.label, name, text)
        return await following(request)

    async def skip(request: Request) -> Response:
        await _call(session.skip, *await fields(request, "image"))
        return await following(request)

    async def fields(request: Request, *names: str) -> list[str]:
        """The texts of these names in a body of JSON."""
        wrong = invalid(f"The body must be a JSON object with the texts {' and '.join(names)}.")
        async with bodies.read(request) as body:
            try:
                document = json.loads(body)
                texts = [document[name] for name in names]
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise wrong from error
        if not all(isinstance(text, str) for text in texts):
            raise wrong
        return texts

    return Starlette(
        routes=[
            *(Route(path, page) for path in ("/", "/page.css", "/label.css", "/label.js")),
            Route("/images/{name:path}", image),
            Route("/next", following),
            Route("/view", view),
            Route("/status", status),
            Route("/label", label, methods=["POST"]),
            Route("/skip", skip, methods=["POST"]),
        ],
        middleware=[Middleware(OwnPagesOnly)],
        exception_handlers=EXCEPTION_HANDLERS,
    )


def serve_labelling(session: Session, listener: socket.socket, on_start: Callable[[str], object]) -> None:
    """Serve the page until SIGTERM or SIGINT; a second signal ends the process at once.

    Args:
        session: The state of the labelling.
        listener: The socket that listens, on this machine alone.
        on_start: Called with the address when it can be opened.

    Example:
        >>> import signal
        >>> from captcha_keras.serving.http.server import listen
        >>> def stop(address):
        ...     signal.raise_signal(signal.SIGTERM)
        >>> with listen("127.0.0.1", 0) as listener:
        ...     serve_labelling(None, listener, on_start=stop)
    """

    async def serve() -> None:
        server = HttpServer(labelling_app(session))
        on_first_signal(server.stop)
        host, port = listener.getsockname()
        on_start(f"http://{host}:{port}/")
        await server.serve(sockets=[listener])

    asyncio.run(serve())


async def _call(work: Callable[..., Any], *arguments: Any) -> Any:
    """What a method of the session returns, called in a thread because it may wait for a disk."""
    try:
        return await asyncio.to_thread(work, *arguments)
    except KeyError as error:
        raise RequestError(Code.NOT_FOUND, f"The folder has no image {error.args[0]!r}.") from error
    except InputError as error:
        raise invalid(str(error)) from error
    except OSError as error:
        raise RequestError(Code.INTERNAL, f"{error.filename or 'The file'}: {error.strerror or error}.") from error


def _answer(value: Any) -> Response:
    return JSONResponse(value, headers=SECURITY_HEADERS)

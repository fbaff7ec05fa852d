"""The files of the pages, and the headers that keep other sites out of them."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def page_file(name: str) -> Response:
    """Answer with a file of a page; one of HTML begins with what all pages have in their heads.

    Args:
        name: The name of a file that is there; never a part of a request that no route has checked.

    Example:
        >>> answer = page_file("page.css")
        >>> answer.status_code, answer.headers["content-type"], answer.headers["x-content-type-options"]
        (200, 'text/css; charset=utf-8', 'nosniff')
    """
    path = PAGE / name
    parts = [PAGE / "head.html", path] if path.suffix == ".html" else [path]
    content = b"".join(part.read_bytes() for part in parts)
    return Response(content, media_type=TYPES[path.suffix], headers=SECURITY_HEADERS)

"""The ids of requests, by which a client finds its request in the server's log."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

# The name of the header and of the metadata.
REQUEST_ID = "x-request-id"
VALID_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")


def request_id(given: Iterable[str]) -> str:
    """The first valid id that a client gave its request, or a new one.

    Example:
        >>> request_id(["not valid", "mine"]), len(request_id([]))
        ('mine', 16)
    """
    return next(filter(VALID_ID.fullmatch, given), None) or secrets.token_hex(8)

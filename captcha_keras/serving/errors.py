"""What can go wrong with a request, in the words that TensorFlow Serving, HTTP and gRPC share."""

from __future__ import annotations

from enum import StrEnum, auto


class Code(StrEnum):
    """The canonical status codes that this server gives; the names are gRPC's."""

    INVALID_ARGUMENT = auto()
    FAILED_PRECONDITION = auto()
    NOT_FOUND = auto()
    UNIMPLEMENTED = auto()
    UNAVAILABLE = auto()
    DEADLINE_EXCEEDED = auto()
    INTERNAL = auto()


# As `ToHTTPStatusCode` in tensorflow_serving/model_servers/http_server.cc.
HTTP_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.NOT_FOUND: 404,
    Code.INTERNAL: 500,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        code: Why.
        message: What the client is told: TF Serving's own words where it has some.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> RequestError:
    """An `INVALID_ARGUMENT`."""
    return RequestError(Code.INVALID_ARGUMENT, message)

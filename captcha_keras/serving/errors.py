"""The errors of requests, with the status codes that TensorFlow Serving, HTTP and gRPC have for them."""

from __future__ import annotations

from enum import StrEnum, auto


class Code(StrEnum):
    """The gRPC status codes that this server gives.

    Example:
        >>> HTTP_STATUS[Code.NOT_FOUND]
        404
    """

    INVALID_ARGUMENT = auto()
    FAILED_PRECONDITION = auto()
    NOT_FOUND = auto()
    UNIMPLEMENTED = auto()
    UNAVAILABLE = auto()
    DEADLINE_EXCEEDED = auto()
    INTERNAL = auto()


# The same as `ToHTTPStatusCode` in tensorflow_serving/model_servers/http_server.cc.
HTTP_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.NOT_FOUND: 404,
    Code.INTERNAL: 500,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
# The other way round; of two codes with one status, the first.
CODE_OF_STATUS = {status: code.name for code, status in reversed(HTTP_STATUS.items())}


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        code: The kind of error.
        message: What the client is told, in TF Serving's words where it has any.

    Example:
        >>> error = RequestError(Code.UNAVAILABLE, "The server is busy; try again later.")
        >>> error.code.name, str(error)
        ('UNAVAILABLE', 'The server is busy; try again later.')
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> RequestError:
    """A `RequestError` with the code `INVALID_ARGUMENT`.

    Example:
        >>> invalid("A request must have at least one row.").code.name
        'INVALID_ARGUMENT'
    """
    return RequestError(Code.INVALID_ARGUMENT, message)


def not_for(method: str) -> RequestError:
    """The error of a request to classify or regress: every signature here has outputs that are made for `predict`.

    Example:
        >>> str(not_for("classify"))
        'The signatures of this model are for predict, not for classify.'
    """
    return invalid(f"The signatures of this model are for predict, not for {method}.")

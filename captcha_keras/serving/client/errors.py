"""The errors of a client's calls."""

from __future__ import annotations

from captcha_keras.errors import CommandError

# The gRPC status codes after which the same request may succeed later.
TEMPORARY = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED"})


class ServerError(CommandError):
    """A call that failed: the server refused or failed, or one of the subclasses says more.

    Args:
        message: What happened, in one sentence; the server's own words where it has any.
        code: A gRPC status code such as "NOT_FOUND".

    Example:
        >>> raise ServerError("Servable not found for request: Latest(other)", "NOT_FOUND")
        Traceback (most recent call last):
        captcha_keras.serving.client.errors.ServerError: Servable not found for request: Latest(other)
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class UnavailableError(ServerError):
    """The server could not be reached, broke the connection, or was busy; the same call may succeed later.

    Args:
        message: What happened.
        code: "UNAVAILABLE" or "RESOURCE_EXHAUSTED".
        retry_after: Seconds for which the server asks the client to wait; 0 if it does not say.

    Example:
        >>> UnavailableError("The server is busy; try again later.", retry_after=2.0).retry_after
        2.0
    """

    def __init__(self, message: str, code: str = "UNAVAILABLE", retry_after: float = 0.0) -> None:
        super().__init__(message, code)
        self.retry_after = retry_after


class DeadlineError(ServerError):
    """The answer did not arrive in time.

    Example:
        >>> DeadlineError("http://127.0.0.1:8501 did not answer within 60 s.").code
        'DEADLINE_EXCEEDED'
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, "DEADLINE_EXCEEDED")


class TlsError(ServerError):
    """No secure connection: one side does not trust the other, or the server does not speak TLS.

    Example:
        >>> TlsError("https://127.0.0.1:8501 has a certificate that is not trusted.").code
        'UNAVAILABLE'
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, "UNAVAILABLE")


class AnswerError(ServerError):
    """An answer that is no prediction or status: something else listens at the address, or the model is another.

    Example:
        >>> AnswerError("http://127.0.0.1:80 answered 3 predictions for 2 images.").code
        'INTERNAL'
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, "INTERNAL")


def error_of(code: str, message: str, retry_after: float = 0.0) -> ServerError:
    """The error of a status code; its message is on one line.

    Example:
        >>> error_of("UNAVAILABLE", "The server is busy.", 1.0)
        UnavailableError('The server is busy.')
    """
    message = " ".join(message.split())[:1000] or code
    if code in TEMPORARY:
        return UnavailableError(message, code, retry_after)
    return DeadlineError(message) if code == "DEADLINE_EXCEEDED" else ServerError(message, code)

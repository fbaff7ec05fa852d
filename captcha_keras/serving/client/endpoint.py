"""Where a client's server is, and how the two trust each other."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from captcha_keras.errors import InputError

# What both HTTP and gRPC allow.
HEADER_NAME = re.compile("[A-Za-z0-9_.-]+")
HEADER_VALUE = re.compile("[ -~]*")


@dataclass(frozen=True)
class Tls:
    """The certificates of a client's connection; all files are PEM.

    Args:
        ca: The authorities that may have signed the server's certificate. Without it these are the system's for REST,
            and those that come with grpcio for gRPC.
        certificate: The client's own certificate, for servers that ask for one.
        key: The private key of `certificate`.

    Raises:
        InputError: A file is missing or is no such file, or only one of `certificate` and `key` is given.

    Example:
        >>> Tls(ca="none.pem")
        Traceback (most recent call last):
        captcha_keras.errors.InputError: Cannot read the certificate file none.pem: No such file or directory.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise InputError("A client's certificate needs its key, and a key its certificate: give both.")
        self.pem()
        self.context()

    def pem(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """The contents of `ca`, `key` and `certificate`, in the order that gRPC takes them."""
        return _content(self.ca), _content(self.key), _content(self.certificate)

    def context(self) -> ssl.SSLContext:
        """The same for Python's own TLS."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key, password=self._no_password)
        except ssl.SSLError as error:
            files = ", ".join(str(file) for file in (self.ca, self.certificate, self.key) if file is not None)
            raise InputError(f"The certificate files must be PEM and fit together ({error}): {files}.") from error
        return context

    def _no_password(self) -> str:
        raise InputError(f"The key {self.key} has a password; expected a key without one.")


def _content(file: str | Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read the certificate file {file}: {error.strerror}.") from error


@dataclass(frozen=True)
class Endpoint:
    """A model on a server.

    Args:
        address: A URL for REST, a host and port for gRPC.
        model: The name of the model.
        headers: What is sent with each request: headers of HTTP, metadata of gRPC.
        tls: The certificates of the connection.

    Raises:
        InputError: A header is not one.

    Example:
        >>> Endpoint("http://127.0.0.1:8501", headers={"X-Api-Key": "secret"}).model
        'captcha'
    """

    address: str
    model: str = "captcha"
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: Tls | None = None

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name) or name.lower().endswith("-bin"):
                raise InputError(f"A header's name has letters, digits and '-_.', and no end '-bin'; got {name!r}.")
            if not HEADER_VALUE.fullmatch(value):  # not repeated: it may be a secret
                raise InputError(f"The value of the header {name} must be printable ASCII on one line.")

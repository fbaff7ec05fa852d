"""An HTTP application on a socket of its own, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from captcha_keras.errors import InputError
from captcha_keras.serving.http.connections import Connections

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HttpServer(uvicorn.Server):
    """uvicorn's server without its handlers of signals, which would end the process by the signal.

    uvicorn has no option for that. `capture_signals` is a public method, and overriding it the way that others take.

    Args:
        asgi: The application.
        arrival_timeout: Seconds for a request's headers to arrive, and for a client to receive its answer.
        max_connections: Connections at the same time.
        stop_timeout: Seconds that requests under way get when it stops.
        on_end: See `Connections`.

    Example:
        >>> async def serve_until_stopped():
        ...     server = HttpServer(None)
        ...     on_first_signal(server.stop)
        ...     signal.raise_signal(signal.SIGTERM)
        ...     await asyncio.sleep(0.1)
        ...     return server.should_exit
        >>> asyncio.run(serve_until_stopped())
        True
    """

    def __init__(
        self,
        asgi: ASGIApp,
        *,
        arrival_timeout: float = 20.0,
        max_connections: int = 1024,
        stop_timeout: float = 10.0,
        on_end: Callable[[str], object] = lambda reason: None,
    ) -> None:
        connections = Connections(max_connections, arrival_timeout, on_end)
        super().__init__(
            uvicorn.Config(
                connections.follow(asgi),
                http=connections.protocol,  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=round(stop_timeout),
            )
        )

    def capture_signals(self) -> Any:
        """Leave the signals alone."""
        return contextlib.nullcontext()

    def stop(self) -> None:
        """End as soon as the requests under way are answered."""
        self.should_exit = True


def on_first_signal(stop: Callable[[], object]) -> None:
    """Call a function at the first SIGTERM or SIGINT; a second one ends the process as if it had no handler.

    To be called inside of the event loop.

    Example:
        >>> async def until_stopped():
        ...     stopped = asyncio.Event()
        ...     on_first_signal(stopped.set)
        ...     signal.raise_signal(signal.SIGTERM)
        ...     await stopped.wait()
        ...     return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        >>> asyncio.run(until_stopped())
        True
    """
    loop = asyncio.get_running_loop()

    def begin() -> None:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, begin)


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        host: The address.
        port: The port; 0 for any free one.

    Raises:
        InputError: The address cannot be used.

    Example:
        >>> with listen("127.0.0.1", 0) as listener:
        ...     listener.getsockname()[0]
        '127.0.0.1'
    """
    if not 0 <= port <= 65535:
        raise InputError(f"A port must be 0 to 65535, got {port}.")  # getaddrinfo takes it modulo 65536
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named, which `socket.create_server` does not do: asyncio sets TCP_NODELAY only on such
        # sockets. Without it the two writes of an answer, headers and body, take 40 ms.
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise InputError(f"Cannot listen on {host}, port {port}: {error}.") from error
    return listener

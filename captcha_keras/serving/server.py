"""The embedded server: one process with one event loop that answers HTTP and gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn

from captcha_keras.errors import CommandError, InputError
from captcha_keras.serving.app import Application
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.protocol import HeaderTimeoutProtocol
from captcha_keras.serving.repository import ModelRepository
from captcha_keras.serving.service import Service

LOG = logging.getLogger(__name__)


def serve(config: ServeConfig, *, on_start: Callable[[int, int | None], object] = lambda http, grpc: None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        config: The settings.
        on_start: Called with the ports of HTTP and gRPC as soon as both listen.

    Raises:
        InputError: There is no model or no image folder, or an address cannot be used.
        CommandError: The model cannot be loaded.

    Example:
        >>> from pathlib import Path
        >>> serve(ServeConfig(Path("none")))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: none holds no exported model; write one with captcha-keras export --to none.
    """
    if config.image_root is not None and not config.image_root.is_dir():
        raise InputError(f"--image-root {config.image_root} is no folder.")
    repository = ModelRepository(config.model, config.name)
    repository.poll()
    if not repository.serving:
        raise _nothing_to_serve(repository)
    asyncio.run(_serve(Service.create(config, repository), on_start))


async def _serve(service: Service, on_start: Callable[[int, int | None], object]) -> None:
    config = service.config
    with listen(config.host, config.port) as listener:
        server = _HttpServer(
            uvicorn.Config(
                Application(service).asgi,
                http=partial(HeaderTimeoutProtocol, config.arrival_timeout),  # type: ignore[arg-type]
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=config.max_connections,
                timeout_graceful_shutdown=round(config.stop_timeout),
            )
        )
        grpc_server, grpc_port = await _start_grpc(service)
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, server.stop)
        watching = asyncio.create_task(_watch(service.repository, config.poll_interval))
        port = listener.getsockname()[1]
        LOG.info("serving", extra={"fields": {"host": config.host, "port": port, "grpc_port": grpc_port}})
        on_start(port, grpc_port)
        try:
            await server.serve(sockets=[listener])
            if grpc_server is not None:
                await grpc_server.stop(config.stop_timeout)
        finally:
            watching.cancel()
            service.batcher.close()
    LOG.info("stopped")


class _HttpServer(uvicorn.Server):
    """uvicorn's server without its handlers of signals, which would end the process by the signal."""

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    def stop(self) -> None:
        """End as soon as the requests under way are answered; at once when called a second time."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def _watch(repository: ModelRepository, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await asyncio.to_thread(repository.poll)
        except Exception:  # whatever it is, the model stays in service, and the next look may succeed
            LOG.exception("looking for a new version failed")


async def _start_grpc(service: Service) -> tuple[Any, int | None]:
    if service.config.grpc_port is None:
        return None, None
    try:
        from captcha_keras.serving.grpc_server import start_grpc
    except ImportError as error:
        raise InputError(f"gRPC needs more packages: pip install 'captcha-keras[grpc]' ({error}).") from error
    return await start_grpc(service)


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


def _nothing_to_serve(repository: ModelRepository) -> InputError | CommandError:
    failed = [status for status in repository.states if status.error]
    if failed:
        return CommandError(failed[0].error)
    return InputError(
        f"{repository.path} holds no exported model; write one with captcha-keras export --to {repository.path}."
    )

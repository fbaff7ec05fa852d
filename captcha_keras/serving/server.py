"""The embedded server: one process, one event loop, HTTP and gRPC."""

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
from captcha_keras.serving.protocol import ImpatientProtocol
from captcha_keras.serving.repository import ModelRepository
from captcha_keras.serving.service import Service

LOG = logging.getLogger(__name__)


def serve(config: ServeConfig, *, started: Callable[[int, int | None], object] = lambda http, grpc: None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        config: The settings.
        started: Told the ports of HTTP and gRPC when both answer.

    Raises:
        InputError: There is no model, the image folder is none, or an address cannot be used.
        CommandError: The model cannot be loaded.
    """
    if config.image_root is not None and not config.image_root.is_dir():
        raise InputError(f"--image-root {config.image_root} is no folder.")
    repository = ModelRepository(config.model, config.name)
    repository.poll()
    if not repository.serving:
        raise _nothing_to_serve(repository)
    asyncio.run(_serve(Service.of(config, repository), started))


async def _serve(service: Service, started: Callable[[int, int | None], object]) -> None:
    config = service.config
    with listen(config.host, config.port) as listener:
        server = _HttpServer(
            uvicorn.Config(
                Application(service).asgi,
                http=partial(ImpatientProtocol, config.arrival_timeout),  # type: ignore[arg-type]
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
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        watching = asyncio.create_task(_watch(service.repository, config.poll_interval))
        port = listener.getsockname()[1]
        LOG.info("serving", extra={"fields": {"host": config.host, "port": port, "grpc_port": grpc_port}})
        started(port, grpc_port)
        try:
            await server.serve(sockets=[listener])
            if grpc_server is not None:
                await grpc_server.stop(config.stop_timeout)
        finally:
            watching.cancel()
            service.batcher.close()
    LOG.info("stopped")


class _HttpServer(uvicorn.Server):
    """uvicorn's server without its own handling of signals, which would end the process with one."""

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    def stop(self) -> None:
        """Answer what is under way, then end; at once when told twice."""
        self.force_exit = self.should_exit
        self.should_exit = True


async def _watch(repository: ModelRepository, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await asyncio.to_thread(repository.poll)
        except Exception:  # whatever it is, the model in service goes on and later versions are still looked for
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
    """A listening socket.

    Raises:
        InputError: The address cannot be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol named: asyncio sets TCP_NODELAY on such sockets alone, and without it the two writes of an
        # answer, headers and body, take 40 ms. `socket.create_server` names none.
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

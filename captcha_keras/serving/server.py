"""The embedded server: one process with one event loop that answers HTTP and gRPC."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from captcha_keras.errors import CommandError, InputError
from captcha_keras.serving.app import Application
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.http_server import HttpServer, listen
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
        server = HttpServer(
            Application(service).asgi,
            arrival_timeout=config.arrival_timeout,
            max_connections=config.max_connections,
            stop_timeout=config.stop_timeout,
            on_end=service.metrics.connection_ended,
        )
        grpc_server, grpc_port = await _start_grpc(service)
        server.stop_on_signals()
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


def _nothing_to_serve(repository: ModelRepository) -> InputError | CommandError:
    failed = [status for status in repository.states if status.error]
    if failed:
        return CommandError(failed[0].error)
    return InputError(
        f"{repository.path} holds no exported model; write one with captcha-keras export --to {repository.path}."
    )

"""The embedded server: one process with one event loop that answers HTTP and gRPC."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from captcha_keras.errors import InputError
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.http.app import Application
from captcha_keras.serving.http.server import HttpServer, listen, on_first_signal
from captcha_keras.serving.models.repository import ModelRepository
from captcha_keras.serving.service import Service

LOG = logging.getLogger(__name__)


def serve(config: ServeConfig, *, on_start: Callable[[int, int | None], object] = lambda http, grpc: None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first, until a second signal ends the process.

    Args:
        config: The settings.
        on_start: Called with the ports of HTTP and gRPC as soon as both listen.

    Raises:
        InputError: There is no model or no image folder, or an address cannot be used.
        CommandError: A model cannot be loaded.

    Example:
        >>> from pathlib import Path
        >>> serve(ServeConfig(Path("none")))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: none holds no exported model; write one with captcha-keras export --to none.
    """
    if config.image_root is not None and not config.image_root.is_dir():
        raise InputError(f"--image-root {config.image_root} is no folder.")
    service = Service.create(config)
    service.repository.poll()
    service.repository.check_serving()
    asyncio.run(_serve(service, on_start))


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
        grpc = await _start_grpc(service)
        ending: list[asyncio.Task[None]] = []

        def drain() -> None:
            LOG.info("draining")
            service.draining = True
            if grpc is not None:
                ending.append(asyncio.create_task(grpc.stop(config.stop_timeout)))
            server.stop()

        on_first_signal(drain)
        watching = asyncio.create_task(_watch(service.repository, config.poll_interval))
        port = listener.getsockname()[1]
        grpc_port = None if grpc is None else grpc.port
        LOG.info("serving", extra={"fields": {"host": config.host, "port": port, "grpc_port": grpc_port}})
        on_start(port, grpc_port)
        try:
            await server.serve(sockets=[listener])
            await asyncio.gather(*ending)
        finally:
            watching.cancel()
            service.batcher.close()
    LOG.info("stopped")


async def _watch(repository: ModelRepository, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await asyncio.to_thread(repository.poll)
        except Exception:  # whatever it is, the models stay in service, and the next look may succeed
            LOG.exception("looking for new versions failed")


async def _start_grpc(service: Service) -> Any:
    """The running gRPC server, with its `port` and `stop`; None if there shall be none."""
    if service.config.grpc_port is None:
        return None
    try:
        from captcha_keras.serving.grpc.server import start_grpc
    except ImportError as error:
        raise InputError(f"gRPC needs more packages: pip install 'captcha-keras[grpc]' ({error}).") from error
    return await start_grpc(service)

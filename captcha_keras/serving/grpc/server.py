"""The server of TensorFlow Serving's gRPC interface, with the services that tell of health and of services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

from captcha_keras.errors import InputError
from captcha_keras.serving.grpc.calls import Call, Calls
from captcha_keras.serving.grpc.services import Method, ModelService, PredictionService
from captcha_keras.serving.service import Service

PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name
MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name


class GrpcServer:
    """A gRPC server that was started.

    Args:
        server: The server.
        health: Tells clients of its health.
        calls: Its calls.
        port: The port that it listens on.

    Attributes:
        port: The port that it listens on.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras.serving.config import ServeConfig
        >>> async def start_and_stop():
        ...     server = await start_grpc(Service.create(ServeConfig(Path("models/captcha"), grpc_port=0)))
        ...     await server.stop(grace=1)
        ...     return server.port > 0
        >>> asyncio.run(start_and_stop())
        True
    """

    def __init__(self, server: grpc.aio.Server, health: health.aio.HealthServicer, calls: Calls, port: int) -> None:
        self._server = server
        self._health = health
        self._calls = calls
        self.port = port

    async def stop(self, grace: float) -> None:
        """Refuse new calls at once and end.

        Args:
            grace: Seconds that calls under way get.
        """
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.create_task(self._server.stop(grace))
        idle = asyncio.create_task(self._calls.idle())
        await asyncio.wait((stopping, idle), return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        # A client that watches the health would hold the server until the end of the grace.
        await self._server.stop(None)
        await stopping


async def start_grpc(service: Service) -> GrpcServer:
    """Start the gRPC server of a service.

    Raises:
        InputError: The address cannot be used.
    """
    config = service.config
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", config.max_body_bytes), ("grpc.so_reuseport", 0)],
        maximum_concurrent_rpcs=config.max_connections,
    )
    calls = Calls(service.metrics)
    for name, methods in {
        PREDICTION: PredictionService(service).methods,
        MODEL: ModelService(service.repository).methods,
    }.items():
        server.add_generic_rpc_handlers((_handler(name, calls, methods),))
    health_servicer = await _add_health(server)
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = server.add_insecure_port(f"{host}:{config.grpc_port}")
    except RuntimeError as error:
        raise InputError(f"Cannot listen on {config.host}, port {config.grpc_port}, for gRPC.") from error
    await server.start()
    return GrpcServer(server, health_servicer, calls, port)


async def _add_health(server: grpc.aio.Server) -> health.aio.HealthServicer:
    """Add the services that tell of the server's health and of its services."""
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", PREDICTION, MODEL):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((PREDICTION, MODEL, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return servicer


def _handler(service: str, calls: Calls, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
    """The handler of a service whose methods take a message as bytes, and bound it before it is parsed."""

    def answered(method: Method) -> Any:
        async def answer(content: bytes, context: Any) -> Any:
            call = Call(method.__name__)
            return await calls.answer(context, call, method(content, call))

        return grpc.unary_unary_rpc_method_handler(
            answer, response_serializer=lambda message: message.SerializeToString()
        )

    return grpc.method_handlers_generic_handler(service, {name: answered(method) for name, method in methods.items()})

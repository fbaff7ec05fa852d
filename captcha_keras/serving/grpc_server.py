"""TensorFlow Serving's gRPC interface: `PredictionService` and `ModelService`, with TF Serving's own messages."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

from captcha_keras.errors import InputError
from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.bodies import BodyReader
from captcha_keras.serving.errors import invalid
from captcha_keras.serving.grpc_calls import Calls
from captcha_keras.serving.grpc_tensors import parse_predict, to_array, to_tensor
from captcha_keras.serving.model import DEFAULT_SIGNATURE, Arrays, ServedModel
from captcha_keras.serving.repository import ModelRepository
from captcha_keras.serving.service import Service

SIGNATURE_DEF = "signature_def"
PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name
MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name
# A longer message may take more than a millisecond to parse. It is parsed in a thread.
LONG_MESSAGE = 1 << 15


async def start_grpc(service: Service) -> tuple[grpc.aio.Server, int]:
    """Start the gRPC server of a service; returns it and its port.

    Raises:
        InputError: The address cannot be used.
    """
    config = service.config
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", config.max_body_bytes), ("grpc.so_reuseport", 0)],
        maximum_concurrent_rpcs=config.max_connections,
    )
    calls = Calls(service.metrics)
    prediction = PredictionService(service.repository, service.batcher, calls, config.max_body_bytes, service.bodies)
    # The first handler that knows a method answers it: here the one that takes the message as bytes.
    server.add_generic_rpc_handlers((_predict_handler(prediction),))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(service.repository, calls), server)
    await _add_health(server)
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = server.add_insecure_port(f"{host}:{config.grpc_port}")
    except RuntimeError as error:
        raise InputError(f"Cannot listen on {config.host}, port {config.grpc_port}, for gRPC.") from error
    await server.start()
    return server, port


def _predict_handler(prediction: PredictionService) -> Any:
    method = grpc.unary_unary_rpc_method_handler(
        prediction.Predict, response_serializer=predict_pb2.PredictResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(PREDICTION, {"Predict": method})


async def _add_health(server: grpc.aio.Server) -> None:
    """Add the services that tell of the server's health and of its services."""
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", PREDICTION, MODEL):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((PREDICTION, MODEL, health.SERVICE_NAME, reflection.SERVICE_NAME), server)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TF Serving's `PredictionService` with `Predict` and `GetModelMetadata`; other methods are not implemented.

    Example:
        >>> import asyncio
        >>> from types import SimpleNamespace
        >>> from captcha_keras.serving.metrics import Metrics
        >>> # In place of a ServedModel, of a ModelRepository and of a call's context:
        >>> model = SimpleNamespace(version=3, meta_graph=SimpleNamespace(signature_def={}))
        >>> repository = SimpleNamespace(find=lambda name, version, label: model)
        >>> context = SimpleNamespace(
        ...     invocation_metadata=tuple, set_trailing_metadata=lambda metadata: None, peer=lambda: "nobody"
        ... )
        >>> service = PredictionService(repository, None, Calls(Metrics()), max_bytes=1000, bodies=None)
        >>> request = get_model_metadata_pb2.GetModelMetadataRequest(
        ...     model_spec={"name": "captcha"}, metadata_field=["signature_def"]
        ... )
        >>> asyncio.run(service.GetModelMetadata(request, context)).model_spec.version.value
        3
    """

    def __init__(
        self, repository: ModelRepository, batcher: Batcher, calls: Calls, max_bytes: int, bodies: BodyReader
    ) -> None:
        self._repository = repository
        self._batcher = batcher
        self._calls = calls
        self._max_bytes = max_bytes
        self._bodies = bodies

    async def Predict(self, request: bytes, context: Any) -> Any:  # noqa: N802
        """Run a signature of the model; the request is a serialised `PredictRequest`."""
        return await self._calls.answer(context, "predict", self._predict(request))

    async def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer with the signatures of the version in service."""
        return await self._calls.answer(context, "metadata", self._metadata(request))

    async def _predict(self, content: bytes) -> Any:
        with self._bodies.hold(len(content)):
            if len(content) > LONG_MESSAGE:
                model, request, arrays = await asyncio.to_thread(self._parse, content)
            else:
                model, request, arrays = self._parse(content)
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            names = _output_names(request.output_filter, model.outputs(signature))
            outputs = await self._batcher.run(model, signature, arrays)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = signature
        response.model_spec.version.value = model.version
        for name in names:
            response.outputs[name].CopyFrom(to_tensor(outputs[name]))
        return response

    def _parse(self, content: bytes) -> tuple[ServedModel, Any, Arrays]:
        request = parse_predict(content)
        model = _find_model(self._repository, request)
        model.inputs(request.model_spec.signature_name)
        return model, request, {name: to_array(tensor, self._max_bytes) for name, tensor in request.inputs.items()}

    async def _metadata(self, request: Any) -> Any:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid(f"Metadata field {field} is not supported")
        model = _find_model(self._repository, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in model.meta_graph.signature_def.items():
            signatures.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = model.version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """TF Serving's `ModelService` with `GetModelStatus`.

    A reload by request is not implemented, for the folder decides which version is served.

    Example:
        >>> import asyncio
        >>> from types import SimpleNamespace
        >>> from captcha_keras.serving.metrics import Metrics
        >>> states = [SimpleNamespace(version=3, state="AVAILABLE", error="")]
        >>> repository = SimpleNamespace(status=lambda name, version: states)  # in place of a ModelRepository
        >>> request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "captcha"})
        >>> context = SimpleNamespace(
        ...     invocation_metadata=tuple, set_trailing_metadata=lambda metadata: None, peer=lambda: "nobody"
        ... )
        >>> answer = asyncio.run(ModelService(repository, Calls(Metrics())).GetModelStatus(request, context))
        >>> answer.model_version_status[0].version
        3
    """

    def __init__(self, repository: ModelRepository, calls: Calls) -> None:
        self._repository = repository
        self._calls = calls

    async def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer with the states of the versions."""
        return await self._calls.answer(context, "status", self._status(request))

    async def _status(self, request: Any) -> Any:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        if spec.HasField("version_label"):
            self._repository.find(spec.name, None, spec.version_label)
        response = get_model_status_pb2.GetModelStatusResponse()
        for status in self._repository.status(spec.name, version):
            entry = response.model_version_status.add()
            entry.version = status.version
            entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(status.state)
            entry.status.error_code = 2 if status.error else 0  # UNKNOWN or OK
            entry.status.error_message = status.error
        return response


def _find_model(repository: ModelRepository, request: Any) -> ServedModel:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    return repository.find(
        spec.name,
        spec.version.value if spec.HasField("version") else None,
        spec.version_label if spec.HasField("version_label") else None,
    )


def _output_names(names: Any, outputs: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name not in outputs:
            raise invalid(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set "
                f"{{{','.join(sorted(outputs))}}}."
            )
        if name in names[:index]:
            raise invalid(f"duplicate output tensor alias: {name}")
    return tuple(names) or outputs

"""TensorFlow Serving's gRPC interface: `PredictionService` and `ModelService`, with TF Serving's own messages."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from captcha_keras.errors import InputError
from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.metrics import Metrics
from captcha_keras.serving.model import DEFAULT_SIGNATURE, ServedModel
from captcha_keras.serving.repository import ModelRepository
from captcha_keras.serving.service import Service

SIGNATURE_DEF = "signature_def"
STATUS_CODES = {code: grpc.StatusCode[code.name] for code in Code}


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
    calls = _Calls(service.metrics)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(service.repository, service.batcher, calls, config.max_body_bytes), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(service.repository, calls), server)
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = server.add_insecure_port(f"{host}:{config.grpc_port}")
    except RuntimeError as error:
        raise InputError(f"Cannot listen on {config.host}, port {config.grpc_port}, for gRPC.") from error
    await server.start()
    return server, port


class _Calls:
    """Awaits the answers of calls, aborts those that are refused, and counts them all."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def answer(self, context: grpc.aio.ServicerContext[Any, Any], route: str, work: Awaitable[Any]) -> Any:
        begin = time.perf_counter()
        code = "OK"
        try:
            return await work
        except RequestError as error:
            code = error.code.name
            await context.abort(STATUS_CODES[error.code], str(error))
        finally:
            self._metrics.request("grpc", route, code, time.perf_counter() - begin)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TF Serving's `PredictionService` with `Predict` and `GetModelMetadata`; other methods are not implemented.

    Example:
        >>> import asyncio
        >>> from types import SimpleNamespace
        >>> # In place of a ServedModel and of a ModelRepository:
        >>> model = SimpleNamespace(version=3, meta_graph=SimpleNamespace(signature_def={}))
        >>> repository = SimpleNamespace(find=lambda name, version, label: model)
        >>> service = PredictionService(repository, None, _Calls(Metrics()), max_bytes=1000)
        >>> request = get_model_metadata_pb2.GetModelMetadataRequest(
        ...     model_spec={"name": "captcha"}, metadata_field=["signature_def"]
        ... )
        >>> asyncio.run(service.GetModelMetadata(request, context=None)).model_spec.version.value
        3
    """

    def __init__(self, repository: ModelRepository, batcher: Batcher, calls: _Calls, max_bytes: int) -> None:
        self._repository = repository
        self._batcher = batcher
        self._calls = calls
        self._max_bytes = max_bytes

    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a signature of the model."""
        return await self._calls.answer(context, "predict", self._predict(request))

    async def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer with the signatures of the version in service."""
        return await self._calls.answer(context, "metadata", self._metadata(request))

    async def _predict(self, request: Any) -> Any:
        model = _find_model(self._repository, request)
        signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
        model.inputs(signature)
        arrays = {name: to_array(tensor, self._max_bytes) for name, tensor in request.inputs.items()}
        names = _output_names(request.output_filter, model.outputs(signature))
        outputs = await self._batcher.run(model, signature, arrays)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = signature
        response.model_spec.version.value = model.version
        for name in names:
            response.outputs[name].CopyFrom(to_tensor(outputs[name]))
        return response

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
        >>> states = [SimpleNamespace(version=3, state="AVAILABLE", error="")]
        >>> repository = SimpleNamespace(status=lambda name, version: states)  # in place of a ModelRepository
        >>> request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "captcha"})
        >>> answer = asyncio.run(ModelService(repository, _Calls(Metrics())).GetModelStatus(request, context=None))
        >>> answer.model_version_status[0].version
        3
    """

    def __init__(self, repository: ModelRepository, calls: _Calls) -> None:
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


def to_array(tensor: Any, max_bytes: int) -> NDArray[Any]:
    """The array of a `TensorProto`.

    Args:
        tensor: The message.
        max_bytes: Greatest number of values.

    Raises:
        RequestError: The message is malformed, or its shape has more values than a request has bytes.

    Example:
        >>> to_array(tf.make_tensor_proto([b"a", b"b"]), max_bytes=1000)
        array([b'a', b'b'], dtype=object)
    """
    try:
        dtype = tf.as_dtype(tensor.dtype)
        count = 1
        for dim in tensor.tensor_shape.dim:
            count *= dim.size
        # A short message may hold one value and a shape of billions.
        if dtype == tf.string and count != len(tensor.string_val):
            raise invalid(f"The tensor has {len(tensor.string_val)} strings, its shape {count}.")
        if not 0 <= count <= max_bytes:
            raise invalid(f"A tensor may have {max_bytes:,} values, got {count:,}.")
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise invalid(f"Tensor parsing error: {error}") from error


def to_tensor(array: NDArray[Any]) -> Any:
    """A `TensorProto` with the values in the field of their type, where TF Serving puts them.

    Example:
        >>> list(to_tensor(np.array([[0.5, 0.25]], np.float32)).float_val)
        [0.5, 0.25]
    """
    tensor = tf.make_tensor_proto(array[:0], shape=[0, *array.shape[1:]])
    tensor.ClearField("tensor_content")
    for dim, size in zip(tensor.tensor_shape.dim, array.shape, strict=True):
        dim.size = size
    values = array.reshape(-1).tolist()
    if array.dtype == object:
        tensor.string_val.extend(values)
    elif array.dtype == np.bool_:
        tensor.bool_val.extend(values)
    else:
        tensor.float_val.extend(values)
    return tensor


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

"""The methods of TensorFlow Serving's gRPC services, `PredictionService` and `ModelService`, on its own messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from captcha_keras.serving.errors import Code, RequestError, invalid, not_for
from captcha_keras.serving.grpc.calls import Call
from captcha_keras.serving.grpc.tensors import parse_message, parse_predict, to_array, to_tensor
from captcha_keras.serving.models.model import DEFAULT_SIGNATURE, Arrays, ServedModel
from captcha_keras.serving.models.repository import ModelRepository
from captcha_keras.serving.service import Service
from captcha_keras.spec import shorten

SIGNATURE_DEF = "signature_def"
# A longer message may take more than a millisecond to parse. It is parsed in a thread.
LONG_MESSAGE = 1 << 15
# The methods that a task of `MultiInference` may ask for, as TF Serving names them.
INFERENCES = {"tensorflow/serving/classify": "classify", "tensorflow/serving/regress": "regress"}

# Takes a serialised request and what is told of its call; returns a message.
Method = Callable[[bytes, Call], Coroutine[Any, Any, Any]]


class PredictionService:
    """TF Serving's `PredictionService`. Each method takes a serialised request and returns a message.

    Args:
        service: The parts that answer.

    Example:
        >>> from types import SimpleNamespace
        >>> # In place of a ServedModel and of a Service:
        >>> model = SimpleNamespace(version=3, meta_graph=SimpleNamespace(signature_def={}))
        >>> parts = SimpleNamespace(repository=SimpleNamespace(find=lambda name, version, label: model))
        >>> request = get_model_metadata_pb2.GetModelMetadataRequest(
        ...     model_spec={"name": "captcha"}, metadata_field=["signature_def"]
        ... )
        >>> answer = PredictionService(parts).metadata(request.SerializeToString(), Call("metadata"))
        >>> asyncio.run(answer).model_spec.version.value
        3
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods by the names that clients call."""
        return {
            "Predict": self.predict,
            "GetModelMetadata": self.metadata,
            "Classify": self.classify,
            "Regress": self.regress,
            "MultiInference": self.multi_inference,
        }

    async def predict(self, content: bytes, call: Call) -> Any:
        """Run a signature of the model."""
        with self._service.bodies.hold(len(content)):
            if len(content) > LONG_MESSAGE:
                model, request, arrays = await asyncio.to_thread(self._parse, content, call)
            else:
                model, request, arrays = self._parse(content, call)
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            names = _output_names(request.output_filter, model.outputs(signature))
            outputs = await self._service.batcher.run(model, signature, arrays)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = signature
        response.model_spec.version.value = model.version
        for name in names:
            response.outputs[name].CopyFrom(to_tensor(outputs[name]))
        return response

    def _parse(self, content: bytes, call: Call) -> tuple[ServedModel, Any, Arrays]:
        request = parse_predict(content)
        model = self._find(request, call)
        model.inputs(request.model_spec.signature_name)
        most = self._service.config.max_body_bytes
        return model, request, {name: to_array(tensor, most) for name, tensor in request.inputs.items()}

    async def metadata(self, content: bytes, call: Call) -> Any:
        """Answer with the signatures of the version in service."""
        request = parse_message(content, get_model_metadata_pb2.GetModelMetadataRequest)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid(f"Metadata field {shorten(field)} is not supported")
        model = self._find(request, call)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in model.meta_graph.signature_def.items():
            signatures.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = model.version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    async def classify(self, content: bytes, call: Call) -> Any:
        """Refuse the request: no signature is for it."""
        self._find(parse_message(content, classification_pb2.ClassificationRequest), call)
        raise not_for("classify")

    async def regress(self, content: bytes, call: Call) -> Any:
        """Refuse the request: no signature is for it."""
        self._find(parse_message(content, regression_pb2.RegressionRequest), call)
        raise not_for("regress")

    async def multi_inference(self, content: bytes, call: Call) -> Any:
        """Refuse the request: no signature is for its first task, and so none for all."""
        tasks = parse_message(content, inference_pb2.MultiInferenceRequest).tasks
        task = tasks[0] if tasks else inference_pb2.InferenceTask()
        if not task.HasField("model_spec"):
            raise invalid("ModelSpec has no name specified.")
        try:
            self._find(task, call).inputs(task.model_spec.signature_name)
        except RequestError as error:
            if error.code is Code.FAILED_PRECONDITION:
                raise invalid(f"Requested signature not found in model graph: {error}") from error
            raise
        if task.method_name not in INFERENCES:
            raise RequestError(Code.UNIMPLEMENTED, f"Unsupported signature method_name: {shorten(task.method_name)}")
        raise not_for(INFERENCES[task.method_name])

    def _find(self, request: Any, call: Call) -> ServedModel:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        call.model = spec.name
        return self._service.repository.find(
            spec.name,
            spec.version.value if spec.HasField("version") else None,
            spec.version_label if spec.HasField("version_label") else None,
        )


class ModelService:
    """TF Serving's `ModelService`. Each method takes a serialised request and returns a message.

    Args:
        repository: Gives the states of versions.

    Example:
        >>> from types import SimpleNamespace
        >>> states = [SimpleNamespace(version=3, state="AVAILABLE", error="")]
        >>> repository = SimpleNamespace(status=lambda name, version: states)  # in place of a ModelRepository
        >>> request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "captcha"})
        >>> answer = ModelService(repository).status(request.SerializeToString(), Call("status"))
        >>> asyncio.run(answer).model_version_status[0].version
        3
    """

    def __init__(self, repository: ModelRepository) -> None:
        self._repository = repository

    @property
    def methods(self) -> Mapping[str, Method]:
        """The methods by the names that clients call."""
        return {"GetModelStatus": self.status, "HandleReloadConfigRequest": self.reload_config}

    async def status(self, content: bytes, call: Call) -> Any:
        """Answer with the states of the versions; as in TF Serving, a label is not looked at."""
        request = parse_message(content, get_model_status_pb2.GetModelStatusRequest)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        call.model = spec.name
        response = get_model_status_pb2.GetModelStatusResponse()
        for status in self._repository.status(spec.name, spec.version.value if spec.HasField("version") else None):
            entry = response.model_version_status.add()
            entry.version = status.version
            entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(status.state)
            entry.status.error_code = 2 if status.error else 0  # UNKNOWN or OK
            entry.status.error_message = status.error
        return response

    async def reload_config(self, content: bytes, call: Call) -> Any:
        """Refuse the request: the options of the server alone say what is served."""
        request = parse_message(content, model_management_pb2.ReloadConfigRequest)
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid("Only a model_config_list can be reloaded.")
        raise RequestError(Code.UNIMPLEMENTED, "The options of this server say which models it serves.")


def _output_names(names: Any, outputs: tuple[str, ...]) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if name not in outputs:
            raise invalid(
                f"output tensor alias not found in signature: {shorten(name)} Outputs expected to be in the set "
                f"{{{','.join(sorted(outputs))}}}."
            )
        if name in names[:index]:
            raise invalid(f"duplicate output tensor alias: {shorten(name)}")
    return tuple(names) or outputs

"""TF Serving's gRPC interface, as a client speaks it: the messages, and two ways to send them.

The messages load TensorFlow, so they are imported as a client is made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from captcha_keras.errors import InputError
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client.calls import FIRST_PAUSE, MAX_PAUSE, Inputs
from captcha_keras.serving.client.endpoint import Endpoint
from captcha_keras.serving.client.errors import AnswerError, ServerError, TlsError, error_of
from captcha_keras.serving.client.retry_after import parse_retry_after

DT_STRING = 7
# gRPC tells these in words alone, with the code of a server that is not there.
TLS_FAILURES = ("SSL_ERROR_SSL", "erification check failed")
# gRPC itself waits between attempts to connect, up to two minutes: it would miss the start of a server.
OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", int(1000 * FIRST_PAUSE)),
    ("grpc.max_reconnect_backoff_ms", int(1000 * MAX_PAUSE)),
    # A name may stand for several servers, as Kubernetes' headless services do: each call goes to the next.
    ("grpc.lb_policy_name", "round_robin"),
)


def write_request(model: str, signature: str, inputs: Inputs) -> Any:
    """A `PredictRequest`.

    Example:
        >>> write_request("captcha", "serving_default", {"image_bytes": [b"png"]}).model_spec.name
        'captcha'
    """
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, rows in inputs.items():
        tensor = request.inputs[name]
        tensor.dtype = DT_STRING
        tensor.tensor_shape.dim.add().size = len(rows)
        tensor.string_val.extend(rows)
    return request


def parse_predictions(answer: Any, rows: int) -> list[Prediction | None]:
    """The predictions of a `PredictResponse`; None for a row that is no image.

    Raises:
        AnswerError: It does not hold `rows` predictions.

    Example:
        >>> from tensorflow_serving.apis.predict_pb2 import PredictResponse
        >>> parse_predictions(PredictResponse(), 1)
        Traceback (most recent call last):
        captcha_keras.serving.client.errors.AnswerError: The answer holds no predictions for 1 images.
    """
    outputs = answer.outputs
    texts, valid = outputs["text"].string_val, outputs["valid"].bool_val
    confidences, chars = outputs["confidence"].float_val, outputs["char_confidence"].float_val
    length = len(chars) // rows
    if not len(texts) == len(valid) == len(confidences) == rows or len(chars) != rows * length:
        raise AnswerError(f"The answer holds no predictions for {rows} images.")
    try:
        return [
            Prediction(text.decode(), confidences[row], tuple(chars[row * length : (row + 1) * length]))
            if valid[row]
            else None
            for row, text in enumerate(texts)
        ]
    except UnicodeDecodeError as error:
        raise AnswerError(f"The answer holds a text that is no UTF-8: {error}") from error


def parse_refusal(address: str, error: Any) -> ServerError:
    """The error that a `grpc.RpcError` tells.

    Example:
        >>> from types import SimpleNamespace
        >>> error = SimpleNamespace(  # in place of a grpc.RpcError
        ...     code=lambda: SimpleNamespace(name="UNAVAILABLE"), details=lambda: "Busy.",
        ...     trailing_metadata=lambda: (("retry-after", "2"),),
        ... )
        >>> parse_refusal("127.0.0.1:8500", error).retry_after
        2.0
    """
    code, message = error.code().name, error.details() or ""
    if code == "UNAVAILABLE" and any(words in message for words in TLS_FAILURES):
        return TlsError(f"There is no secure connection to {address}: {message}")
    if "larger than max" in message:  # RESOURCE_EXHAUSTED, as of a busy server; but waiting does not help
        return ServerError(message, code)
    metadata = {str(name): str(value) for name, value in error.trailing_metadata() or ()}
    return error_of(code, message, parse_retry_after(metadata.get("retry-after", ""), metadata.get("date", "")))


class GrpcTransport(ABC):
    """Speaks gRPC to an endpoint; the subclasses send blocking or asynchronously.

    Args:
        endpoint: Its address is a host and a port; `tls` turns TLS on.

    Raises:
        InputError: grpcio or tensorflow-serving-api is not installed, or the address is a URL.

    Example:
        >>> BlockingGrpc(Endpoint("http://127.0.0.1:8500"))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: gRPC needs an address such as 127.0.0.1:8500, got 'http://127.0.0.1:8500'.
    """

    default_address = "127.0.0.1:8500"

    def __init__(self, endpoint: Endpoint) -> None:
        try:
            import grpc
            import tensorflow_serving.apis.model_service_pb2_grpc
            import tensorflow_serving.apis.prediction_service_pb2_grpc as prediction_service
        except ImportError as error:
            raise InputError(f"gRPC needs more packages: pip install 'captcha-keras[grpc]' ({error}).") from error

        self.address = endpoint.address
        if "//" in self.address or not self.address:
            raise InputError(f"gRPC needs an address such as {self.default_address}, got {self.address!r}.")
        self._model = endpoint.model
        self._metadata = tuple((name.lower(), value) for name, value in endpoint.headers.items())
        self._grpc = grpc
        self._credentials = grpc.ssl_channel_credentials(*endpoint.tls.pem()) if endpoint.tls else None
        self._prediction_service = prediction_service
        self._model_service = tensorflow_serving.apis.model_service_pb2_grpc

    @cached_property
    def _channel(self) -> Any:
        maker = self._maker()
        if self._credentials is None:
            return maker.insecure_channel(self.address, OPTIONS)
        return maker.secure_channel(self.address, self._credentials, OPTIONS)

    @cached_property
    def _prediction(self) -> Any:
        return self._prediction_service.PredictionServiceStub(self._channel)

    @cached_property
    def _models(self) -> Any:
        return self._model_service.ModelServiceStub(self._channel)

    def write(self, signature: str, inputs: Inputs) -> Any:
        """Make a request."""
        return write_request(self._model, signature, inputs)

    async def predict(self, request: Any, rows: int, timeout: float) -> list[Prediction | None]:
        """Send a request and await its answer."""
        return parse_predictions(await self._ask(self._prediction.Predict, request, timeout), rows)

    async def states(self, timeout: float) -> list[str]:
        """Ask for the states of the model's versions."""
        from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus

        request = GetModelStatusRequest()
        request.model_spec.name = self._model
        answer = await self._ask(self._models.GetModelStatus, request, timeout)
        names = {number: name for name, number in ModelVersionStatus.State.items()}
        return [names.get(version.state, "UNKNOWN") for version in answer.model_version_status]

    async def _ask(self, method: Any, request: Any, timeout: float) -> Any:
        try:
            return await self._call(method, request, timeout=timeout, metadata=self._metadata)
        except self._grpc.RpcError as error:
            raise parse_refusal(self.address, error) from error

    @abstractmethod
    def _maker(self) -> Any:
        """The module that makes channels."""

    @abstractmethod
    async def _call(self, method: Any, request: Any, **options: Any) -> Any:
        """Call a method of a service and await its answer."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connection."""


class BlockingGrpc(GrpcTransport):
    """gRPC over `grpc`; never suspends.

    Example:
        >>> BlockingGrpc(Endpoint("127.0.0.1:8500")).address
        '127.0.0.1:8500'
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        _ = self._prediction, self._models  # now, for threads share them later

    def _maker(self) -> Any:
        return self._grpc

    async def _call(self, method: Any, request: Any, **options: Any) -> Any:
        return method(request, **options)

    async def close(self) -> None:
        """Close the connection."""
        self._channel.close()


class AsyncGrpc(GrpcTransport):
    """gRPC over `grpc.aio`; the channel belongs to the event loop of the first call.

    Example:
        >>> AsyncGrpc(Endpoint("127.0.0.1:8500")).address
        '127.0.0.1:8500'
    """

    def _maker(self) -> Any:
        import grpc.aio

        return grpc.aio

    async def _call(self, method: Any, request: Any, **options: Any) -> Any:
        return await method(request, **options)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

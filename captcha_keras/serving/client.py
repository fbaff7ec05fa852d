"""Clients that read images through TensorFlow Serving or `captcha-keras serve`, over REST or gRPC.

REST needs httpx2 (`pip install 'captcha-keras[client]'`) and loads no TensorFlow. gRPC needs the messages of the server
(`captcha-keras[grpc]`), which load TensorFlow.
"""

from __future__ import annotations

import base64
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from captcha_keras.errors import CommandError, InputError
from captcha_keras.recognizer.prediction import Prediction

BATCH_SIZE = 64
ATTEMPTS = 6
FIRST_PAUSE = 0.1  # seconds; doubled with each attempt
MAX_PAUSE = 5.0
Inputs = Mapping[str, Sequence[bytes]]
# The gRPC status codes of HTTP statuses.
CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ServerError(CommandError):
    """An error of a request: the server refused it, or could not be reached.

    Args:
        message: The server's message, or what kept the request from it.
        code: A gRPC status code such as "NOT_FOUND".

    Example:
        >>> ServerError("The server is busy; try again later.", "UNAVAILABLE").temporary
        True
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code == "UNAVAILABLE"


class Client(ABC):
    """A client that reads images in batches, and retries with growing pauses while the server is not available.

    Args:
        model: The name of the model.
        timeout: Seconds for a request.
        batch_size: Images of a request, at most.
        attempts: How often a request is sent before the client gives up.

    Example:
        >>> class Fake(Client):  # in place of a RestClient
        ...     def close(self): pass
        ...     def _states(self): return ["AVAILABLE"]
        ...     def _predict(self, signature, inputs):
        ...         return [Prediction("AB3D", 1.0, (1.0,) * 4) for _ in inputs["image_bytes"]]
        >>> with Fake("captcha", timeout=30.0, batch_size=64, attempts=6) as client:
        ...     client.ready(), [prediction.text for prediction in client.read([b"a", b"b"])]
        (True, ['AB3D', 'AB3D'])
    """

    def __init__(self, model: str, timeout: float, batch_size: int, attempts: int) -> None:
        if batch_size < 1 or attempts < 1:
            raise ValueError(f"batch_size and attempts must be at least 1, got {batch_size} and {attempts}.")
        self._model = model
        self._timeout = timeout
        self._batch_size = batch_size
        self._attempts = attempts

    def read(self, images: Sequence[bytes], *, alphabet: str = "", length: int | str = "") -> list[Prediction | None]:
        """Read PNG or JPEG files.

        Args:
            images: The bytes of each file.
            alphabet: The only characters that the texts may have; "" for all that the model reads.
            length: How many characters the texts have: 4 or "4-6"; "" for all lengths that the model reads.

        Returns:
            A prediction for each file, in order; None for a file that the server could not decode, and for every file
            if the model reads no text within the limits.

        Raises:
            ServerError: The server refused, or was not available in the last attempt either.
        """
        limits = {"alphabet": alphabet.encode(), "length": str(length).encode()}
        signature = "limited" if any(limits.values()) else "serving_default"
        predictions: list[Prediction | None] = []
        for first in range(0, len(images), self._batch_size):
            inputs = {"image_bytes": images[first : first + self._batch_size]}
            if signature == "limited":
                inputs |= {name: [limit] * len(inputs["image_bytes"]) for name, limit in limits.items()}
            predictions += self._predict_with_retries(signature, inputs)
        return predictions

    def ready(self) -> bool:
        """Whether the server has a version of the model in service."""
        try:
            return "AVAILABLE" in self._states()
        except ServerError:
            return False

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _states(self) -> list[str]:
        """The states of the model's versions."""

    @abstractmethod
    def _predict(self, signature: str, inputs: Inputs) -> list[Prediction | None]:
        """Send one request."""

    def _predict_with_retries(self, signature: str, inputs: Inputs) -> list[Prediction | None]:
        pause = FIRST_PAUSE
        for _ in range(self._attempts - 1):
            try:
                return self._predict(signature, inputs)
            except ServerError as error:
                if not error.temporary:
                    raise
            # Half of the pause is random: clients that were refused together shall not come back together.
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, MAX_PAUSE)
        return self._predict(signature, inputs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RestClient(Client):
    """A client of the REST interface.

    Args:
        url: Such as "http://127.0.0.1:8501".
        model, timeout, batch_size, attempts: See `Client`.

    Raises:
        InputError: httpx2 is not installed.

    Example:
        >>> with RestClient("http://127.0.0.1:9", attempts=1) as client:
        ...     client.ready()  # no server listens there
        False
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8501",
        model: str = "captcha",
        *,
        timeout: float = 30.0,
        batch_size: int = BATCH_SIZE,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(model, timeout, batch_size, attempts)
        try:
            import httpx2
        except ImportError as error:
            raise InputError("The REST client needs httpx2: pip install 'captcha-keras[client]'.") from error

        self._path = f"/v1/models/{model}"
        self._http = httpx2.Client(base_url=url, timeout=timeout)
        self._failures = (httpx2.ConnectError, httpx2.RemoteProtocolError, httpx2.ReadError)
        self._timeouts = httpx2.TimeoutException

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _states(self) -> list[str]:
        return [version["state"] for version in self._ask("GET", self._path)["model_version_status"]]

    def _predict(self, signature: str, inputs: Inputs) -> list[Prediction | None]:
        columns = {name: [{"b64": base64.b64encode(value).decode()} for value in inputs[name]] for name in inputs}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        answer = self._ask("POST", f"{self._path}:predict", {"signature_name": signature, "instances": rows})
        return [
            Prediction(row["text"], row["confidence"], tuple(row["char_confidence"])) if row["valid"] else None
            for row in answer["predictions"]
        ]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            response = self._http.request(method, path, json=body)
        except self._failures as error:
            raise ServerError(f"The server cannot be reached: {error}", "UNAVAILABLE") from error
        except self._timeouts as error:
            raise ServerError(f"The server did not answer in time: {error}", "DEADLINE_EXCEEDED") from error
        if response.is_success:
            return response.json()
        try:
            message = response.json()["error"]
        except (ValueError, KeyError, TypeError):  # a proxy's error page
            message = f"{response.status_code} {response.reason_phrase}"
        raise ServerError(message, CODES.get(response.status_code, "UNKNOWN"))


class GrpcClient(Client):
    """A client of the gRPC interface.

    Args:
        target: Such as "127.0.0.1:8500".
        model, timeout, batch_size, attempts: See `Client`.

    Raises:
        InputError: grpcio or tensorflow-serving-api is not installed.

    Example:
        >>> with GrpcClient("127.0.0.1:9", attempts=1) as client:
        ...     client.ready()  # no server listens there
        False
    """

    def __init__(
        self,
        target: str = "127.0.0.1:8500",
        model: str = "captcha",
        *,
        timeout: float = 30.0,
        batch_size: int = BATCH_SIZE,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(model, timeout, batch_size, attempts)
        try:
            import grpc
            from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
        except ImportError as error:
            raise InputError(f"gRPC needs more packages: pip install 'captcha-keras[grpc]' ({error}).") from error

        self._channel = grpc.insecure_channel(target)
        self._failure = grpc.RpcError
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _states(self) -> list[str]:
        from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus

        request = GetModelStatusRequest()
        request.model_spec.name = self._model
        versions = self._ask(self._models.GetModelStatus, request).model_version_status
        return [ModelVersionStatus.State.Name(version.state) for version in versions]

    def _predict(self, signature: str, inputs: Inputs) -> list[Prediction | None]:
        from tensorflow_serving.apis.predict_pb2 import PredictRequest

        request = PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for name, rows in inputs.items():
            tensor = request.inputs[name]
            tensor.dtype = 7  # DT_STRING
            tensor.tensor_shape.dim.add().size = len(rows)
            tensor.string_val.extend(rows)
        outputs = self._ask(self._prediction.Predict, request).outputs
        length = outputs["char_confidence"].tensor_shape.dim[1].size
        confidences = outputs["char_confidence"].float_val
        return [
            Prediction(
                text.decode(),
                outputs["confidence"].float_val[row],
                tuple(confidences[row * length : (row + 1) * length]),
            )
            if outputs["valid"].bool_val[row]
            else None
            for row, text in enumerate(outputs["text"].string_val)
        ]

    def _ask(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except self._failure as error:
            raise ServerError(error.details(), error.code().name) from error

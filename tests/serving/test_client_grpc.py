"""What the clients of gRPC do while a server is absent, busy, broken or slow, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse
from tensorflow_serving.apis.predict_pb2 import PredictResponse

from captcha_keras.serving.client.errors import AnswerError, DeadlineError, ServerError, UnavailableError
from tests.serving.twins import GRPC, Kind, opened, texts

IMAGES = [b"first", b"2nd"]
# A step answers a request, or aborts the call.
Step = Callable[[Any, Any], Any]


def answer_well(request: Any, context: Any) -> Any:
    """The beginning of each image as its text."""
    rows = request.inputs["image_bytes"].string_val
    response = PredictResponse()
    response.outputs["text"].string_val.extend(row[:5] for row in rows)
    response.outputs["valid"].bool_val.extend(row != b"junk" for row in rows)
    response.outputs["confidence"].float_val.extend([0.5] * len(rows))
    response.outputs["char_confidence"].float_val.extend([0.5, 1.0] * len(rows))
    return response


def refuse(code: str, message: str = "Not\n now.", **metadata: str) -> Step:
    def step(request: Any, context: Any) -> Any:
        context.set_trailing_metadata(tuple((name.replace("_", "-"), value) for name, value in metadata.items()))
        context.abort(grpc.StatusCode[code], message)

    return step


def be_silent(request: Any, context: Any) -> Any:
    left = threading.Event()
    context.add_callback(left.set)
    left.wait()


def answer_nothing(request: Any, context: Any) -> Any:
    return PredictResponse()


def answer_bad_text(request: Any, context: Any) -> Any:
    response = answer_well(request, context)
    response.outputs["text"].string_val[0] = b"\xff"
    return response


def answer_long(request: Any, context: Any) -> Any:
    response = answer_well(request, context)
    response.outputs["text"].string_val[0] = bytes(5_000_000)
    return response


class ScriptedGrpc(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):
    """A gRPC server whose requests each take a step of a script; then it answers well."""

    def __init__(self, *script: Step, port: int = 0, credentials: Any = None) -> None:
        self.script = deque(script)
        self.arrived: list[float] = []
        self.metadata: list[dict[str, Any]] = []
        self.pool = ThreadPoolExecutor(8)
        self.server = grpc.server(self.pool, options=[("grpc.so_reuseport", 0)])
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self, self.server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(self, self.server)
        address = f"127.0.0.1:{port}"
        if credentials is None:
            port = self.server.add_insecure_port(address)
        else:
            port = self.server.add_secure_port(address, credentials)
        self.address = f"127.0.0.1:{port}"

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.arrived.append(time.monotonic())
        self.metadata.append({each.key: each.value for each in context.invocation_metadata()})
        step = self.script.popleft() if self.script else answer_well
        return step(request, context)

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = GetModelStatusResponse()
        for state in (30, 99):  # AVAILABLE and one that is not known yet
            response.model_version_status.add().state = state
        return response

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop(None).wait()
        self.pool.shutdown()


# The script, the requests that the server sees for two images, and the seconds that it must have at least.
RECOVERIES: dict[str, tuple[list[Step], int, float]] = {
    "it is well": ([], 2, 0.0),
    "busy": ([refuse("UNAVAILABLE"), refuse("RESOURCE_EXHAUSTED"), refuse("UNAVAILABLE")], 5, 0.05 + 0.1 + 0.2),
    "it asks for a second": ([refuse("UNAVAILABLE", retry_after="1")], 3, 1.0),
    "it asks for nonsense": ([refuse("UNAVAILABLE", retry_after="soon")], 3, 0.0),
}


@GRPC
@pytest.mark.parametrize("name", RECOVERIES)
def test_it_asks_until_it_is_answered(kind: Kind, name: str) -> None:
    script, requests, seconds = RECOVERIES[name]
    with ScriptedGrpc(*script) as server, opened(kind, server.address, batch_size=1, timeout=50) as client:
        assert client.ready()
        assert texts(client.read(IMAGES)) == ["first", "2nd"]
        assert len(server.arrived) == requests
        assert time.monotonic() - server.arrived[0] >= seconds
        assert client.read([b"junk"]) == [None]


# The script, the error, a part of its message, its code, and the requests that the server sees.
ENDS: dict[str, tuple[list[Step], type[ServerError], str, str, int]] = {
    "silence": ([be_silent], DeadlineError, "{} did not answer within 2 s; 0 of 2 images", "DEADLINE_EXCEEDED", 1),
    "busy for ever": ([refuse("UNAVAILABLE")] * 99, UnavailableError, "within 2 s: Not now.", "UNAVAILABLE", 0),
    "too much patience": (
        [refuse("RESOURCE_EXHAUSTED", retry_after="3600")],
        UnavailableError,
        "{} asks for 3600 s of patience, more than is left of 2 s: Not now.",
        "RESOURCE_EXHAUSTED",
        1,
    ),
    "refused": ([refuse("INVALID_ARGUMENT")], ServerError, "Not now.", "INVALID_ARGUMENT", 1),
    "without words": ([refuse("NOT_FOUND", "")], ServerError, "NOT_FOUND", "NOT_FOUND", 1),
    "its own deadline": ([refuse("DEADLINE_EXCEEDED")], DeadlineError, "Not now.", "DEADLINE_EXCEEDED", 1),
    "another model": ([answer_nothing], AnswerError, "The answer holds no predictions for 1 images.", "INTERNAL", 1),
    "no text": ([answer_bad_text], AnswerError, "holds a text that is no UTF-8", "INTERNAL", 1),
    "too long": ([answer_long], ServerError, "larger than max", "RESOURCE_EXHAUSTED", 1),
}


@GRPC
@pytest.mark.parametrize("name", ENDS)
def test_it_ends_in_time_with_one_sentence(kind: Kind, name: str) -> None:
    script, error, words, code, requests = ENDS[name]
    with ScriptedGrpc(*script) as server, opened(kind, server.address, batch_size=1, timeout=50) as client:
        begin = time.monotonic()
        with pytest.raises(error) as caught:
            client.read(IMAGES, timeout=2 if " 2 s" in words else None)
        assert time.monotonic() - begin < 3.9  # the time limit, and what a busy machine adds
        assert type(caught.value) is error
        assert words.format(server.address) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.code == code
        assert len(server.arrived) == requests or (not requests and len(server.arrived) >= 3)


class Cutter:
    """Stands before a server and ends its first connections once they have carried some bytes from the client."""

    def __init__(self, address: str, after: int, connections: int) -> None:
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._after = after
        self.cuts = connections
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            limit, self.cuts = (self._after, self.cuts - 1) if self.cuts else (1 << 60, 0)
            for source, sink, bytes_left in ((client, server, limit), (server, client, 1 << 60)):
                thread = threading.Thread(target=self._pass_on, args=(source, sink, bytes_left))
                self._threads.append(thread)
                thread.start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket, left: int) -> None:
        try:
            while left > 0 and (piece := source.recv(min(left, 1 << 16))):
                sink.sendall(piece)
                left -= len(piece)
        except OSError:
            pass
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        sink.close()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join()


@GRPC
@pytest.mark.parametrize("after", [10, 500_000])
def test_it_repeats_what_was_cut(kind: Kind, after: int) -> None:
    with (
        ScriptedGrpc() as server,
        Cutter(server.address, after, connections=2) as cutter,
        opened(kind, cutter.address, batch_size=1, timeout=50) as client,
    ):
        assert texts(client.read([b"first" + bytes(1_000_000), b"2nd"])) == ["first", "2nd"]
        assert cutter.cuts == 0
        assert len(server.arrived) == 2


@GRPC
def test_headers_are_metadata(kind: Kind) -> None:
    with ScriptedGrpc() as server, opened(kind, server.address, headers={"X-Api-Key": "secret"}) as client:
        client.read([b"a"])
    assert server.metadata[0]["x-api-key"] == "secret"

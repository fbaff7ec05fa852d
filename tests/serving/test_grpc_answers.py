"""The status codes of TF Serving's gRPC methods, case by case, and how the server ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from captcha_keras.serving.batching import BatchingConfig
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.errors import RequestError
from captcha_keras.serving.grpc.server import GrpcServer, start_grpc
from captcha_keras.serving.grpc.tensors import parse_message
from captcha_keras.serving.service import Service
from tests.lively import FILES

PREDICT = "/tensorflow.serving.PredictionService/Predict"
KINDS = {
    PREDICT: predict_pb2.PredictRequest,
    "/tensorflow.serving.PredictionService/GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    "/tensorflow.serving.PredictionService/Classify": classification_pb2.ClassificationRequest,
    "/tensorflow.serving.PredictionService/Regress": regression_pb2.RegressionRequest,
    "/tensorflow.serving.PredictionService/MultiInference": inference_pb2.MultiInferenceRequest,
    "/tensorflow.serving.ModelService/GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
    "/tensorflow.serving.ModelService/HandleReloadConfigRequest": model_management_pb2.ReloadConfigRequest,
}
_, METADATA, CLASSIFY, REGRESS, INFERENCE, STATUS, RELOAD = KINDS

SPEC: dict[str, Any] = {"name": "captcha"}
NO_NAME: dict[str, Any] = {"signature_name": "images"}
OTHER = {"name": "other"}
VERSION_9 = {"name": "captcha", "version": {"value": 9}}
VERSION_0 = {"name": "captcha", "version": {}}
LABEL = {"name": "captcha", "version_label": "none"}
IMAGES = {"image_bytes": tf.make_tensor_proto(FILES[:1])}
PACKED = {
    "image_bytes": {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": 2}]},
        "tensor_content": b"\1\2abc",
    }
}
TASK = {"model_spec": SPEC, "method_name": "tensorflow/serving/classify"}


def task(spec: dict[str, Any], method: str = "tensorflow/serving/classify") -> dict[str, Any]:
    return {"tasks": [{"model_spec": spec, "method_name": method}]}


CASES: list[tuple[str, dict[str, Any], str]] = [
    (PREDICT, {"model_spec": SPEC, "inputs": IMAGES}, "OK"),
    (PREDICT, {"model_spec": SPEC, "inputs": PACKED}, "OK"),
    (PREDICT, {"model_spec": {**SPEC, "version": {"value": 1}}, "inputs": IMAGES, "output_filter": ["text"]}, "OK"),
    (PREDICT, {"inputs": IMAGES}, "INVALID_ARGUMENT"),
    (PREDICT, {"model_spec": NO_NAME, "inputs": IMAGES}, "INVALID_ARGUMENT"),
    (PREDICT, {"model_spec": OTHER, "inputs": IMAGES}, "NOT_FOUND"),
    (PREDICT, {"model_spec": VERSION_9, "inputs": IMAGES}, "NOT_FOUND"),
    (PREDICT, {"model_spec": VERSION_0, "inputs": IMAGES}, "NOT_FOUND"),
    (PREDICT, {"model_spec": LABEL, "inputs": IMAGES}, "INVALID_ARGUMENT"),
    (PREDICT, {"model_spec": {**SPEC, "signature_name": "none"}, "inputs": IMAGES}, "FAILED_PRECONDITION"),
    (PREDICT, {"model_spec": {**OTHER, "signature_name": "none"}, "inputs": IMAGES}, "NOT_FOUND"),
    (PREDICT, {"model_spec": SPEC}, "INVALID_ARGUMENT"),
    (PREDICT, {"model_spec": SPEC, "inputs": {"image": IMAGES["image_bytes"]}}, "INVALID_ARGUMENT"),
    (PREDICT, {"model_spec": SPEC, "inputs": IMAGES, "output_filter": ["none"]}, "INVALID_ARGUMENT"),
    (PREDICT, {"model_spec": SPEC, "inputs": IMAGES, "output_filter": ["text", "text"]}, "INVALID_ARGUMENT"),
    (METADATA, {"model_spec": SPEC, "metadata_field": ["signature_def"]}, "OK"),
    (METADATA, {"metadata_field": ["signature_def"]}, "INVALID_ARGUMENT"),
    (METADATA, {"model_spec": SPEC}, "INVALID_ARGUMENT"),
    (METADATA, {"model_spec": OTHER, "metadata_field": ["more"]}, "INVALID_ARGUMENT"),
    (METADATA, {"model_spec": OTHER, "metadata_field": ["signature_def"]}, "NOT_FOUND"),
    (METADATA, {"model_spec": NO_NAME, "metadata_field": ["signature_def"]}, "INVALID_ARGUMENT"),
    (METADATA, {"model_spec": LABEL, "metadata_field": ["signature_def"]}, "INVALID_ARGUMENT"),
    *(
        (method, request, code)
        for method in (CLASSIFY, REGRESS)
        for request, code in [
            ({"model_spec": SPEC}, "INVALID_ARGUMENT"),
            ({"model_spec": SPEC, "input": {"example_list": {"examples": [{}]}}}, "INVALID_ARGUMENT"),
            ({"model_spec": {**SPEC, "signature_name": "none"}}, "INVALID_ARGUMENT"),
            ({}, "INVALID_ARGUMENT"),
            ({"model_spec": NO_NAME}, "INVALID_ARGUMENT"),
            ({"model_spec": OTHER}, "NOT_FOUND"),
            ({"model_spec": VERSION_9}, "NOT_FOUND"),
            ({"model_spec": LABEL}, "INVALID_ARGUMENT"),
        ]
    ),
    (INFERENCE, task(SPEC), "INVALID_ARGUMENT"),
    (INFERENCE, task(SPEC, "tensorflow/serving/regress"), "INVALID_ARGUMENT"),
    (INFERENCE, task(SPEC, "tensorflow/serving/predict"), "UNIMPLEMENTED"),
    (INFERENCE, task(SPEC, ""), "UNIMPLEMENTED"),
    (INFERENCE, task({**SPEC, "signature_name": "none"}, ""), "INVALID_ARGUMENT"),
    (INFERENCE, task(NO_NAME, ""), "INVALID_ARGUMENT"),
    (INFERENCE, task(OTHER), "NOT_FOUND"),
    (INFERENCE, {"tasks": [{"method_name": "tensorflow/serving/classify"}]}, "INVALID_ARGUMENT"),
    (INFERENCE, {}, "INVALID_ARGUMENT"),
    (STATUS, {"model_spec": SPEC}, "OK"),
    (STATUS, {"model_spec": LABEL}, "OK"),
    (STATUS, {"model_spec": {**SPEC, "version": {"value": 1}}}, "OK"),
    (STATUS, {}, "INVALID_ARGUMENT"),
    (STATUS, {"model_spec": NO_NAME}, "NOT_FOUND"),
    (STATUS, {"model_spec": OTHER}, "NOT_FOUND"),
    (STATUS, {"model_spec": VERSION_9}, "NOT_FOUND"),
    (STATUS, {"model_spec": VERSION_0}, "NOT_FOUND"),
    (RELOAD, {}, "INVALID_ARGUMENT"),
    (RELOAD, {"config": {}}, "INVALID_ARGUMENT"),
    (RELOAD, {"config": {"custom_model_config": {}}}, "INVALID_ARGUMENT"),
    # Meant; TF Serving loads what the list names.
    (RELOAD, {"config": {"model_config_list": {}}}, "UNIMPLEMENTED"),
]


async def _end_of_tasks() -> None:
    """Await computations whose clients have left."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=20)


class Running:
    """A gRPC server whose event loop runs in a thread."""

    def __init__(self, config: ServeConfig) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._service = Service.create(config)
        self._service.repository.poll()
        self.server: GrpcServer = self.submit(start_grpc(self._service)).result(30)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.server.port}")

    def submit(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        self.channel.close()
        self.submit(self.server.stop(0)).result(30)
        self.submit(_end_of_tasks()).result(30)
        self._service.batcher.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def running(version: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(**options: Any) -> Running:
        started.append(Running(ServeConfig(version.parent, grpc_port=0, **options)))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def channel(version: Path) -> Iterator[grpc.Channel]:
    running = Running(ServeConfig(version.parent, grpc_port=0))
    yield running.channel
    running.close()


def code_of(channel: grpc.Channel, method: str, content: bytes) -> str:
    try:
        channel.unary_unary(method)(content, timeout=60)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


@pytest.mark.parametrize(("method", "request_fields", "code"), CASES)
def test_codes_are_tf_servings(channel: grpc.Channel, method: str, request_fields: dict[str, Any], code: str) -> None:
    assert code_of(channel, method, KINDS[method](**request_fields).SerializeToString()) == code


@pytest.mark.parametrize("method", KINDS)
def test_what_is_no_message_is_refused(channel: grpc.Channel, method: str) -> None:
    for content in (b"\xff" * 40, b"\x0a\xff", bytes(100_000), KINDS[PREDICT](inputs=IMAGES).SerializeToString() * 50):
        assert code_of(channel, method, content) == "INVALID_ARGUMENT"


@given(st.sampled_from(list(KINDS)), st.binary(max_size=40), st.sampled_from([b"", b"\x0a\x09\x0a\x07captcha"]))
def test_no_message_fails_the_server(channel: grpc.Channel, method: str, content: bytes, start: bytes) -> None:
    assert code_of(channel, method, start + content) not in ("INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED")


@given(st.binary(max_size=60), st.sampled_from(list(KINDS.values())))
def test_any_bytes_are_a_message_or_refused(content: bytes, kind: Any) -> None:
    with contextlib.suppress(RequestError):
        assert isinstance(parse_message(content, kind), kind)


def test_the_last_calls_are_answered_and_new_ones_refused(running: Callable[..., Running]) -> None:
    started = running(batching=BatchingConfig(max_batch_size=1, threads=1))
    stub = health_pb2_grpc.HealthStub(started.channel)
    watching = iter(stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=60))
    assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
    many = KINDS[PREDICT](model_spec=SPEC, inputs={"image_bytes": tf.make_tensor_proto(FILES[:1] * 300)})
    call = started.channel.unary_unary(PREDICT)
    under_way = call.future(many.SerializeToString(), timeout=60)
    started.submit(asyncio.sleep(0.3)).result(30)
    assert not under_way.done()
    stopping = started.submit(started.server.stop(60))
    assert next(watching).status == health_pb2.HealthCheckResponse.NOT_SERVING
    with grpc.insecure_channel(f"127.0.0.1:{started.server.port}") as late:
        for channel in (late, started.channel):
            assert code_of(channel, STATUS, KINDS[STATUS](model_spec=SPEC).SerializeToString()) == "UNAVAILABLE"
    assert not under_way.done()
    response = predict_pb2.PredictResponse.FromString(under_way.result(60))
    assert len(response.outputs["text"].string_val) == 300
    stopping.result(20)  # although the client still watches


def test_calls_end_with_the_grace(running: Callable[..., Running]) -> None:
    started = running(batching=BatchingConfig(max_batch_size=1, threads=1))
    many = KINDS[PREDICT](model_spec=SPEC, inputs={"image_bytes": tf.make_tensor_proto(FILES[:1] * 500)})
    under_way = started.channel.unary_unary(PREDICT).future(many.SerializeToString(), timeout=60)
    started.submit(asyncio.sleep(0.2)).result(30)
    started.submit(started.server.stop(0.1)).result(20)
    with pytest.raises(grpc.RpcError):
        under_way.result(20)

"""Messages of gRPC that are meant to harm, and what the server says of calls."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.grpc.tensors import parse_predict, to_array
from tests.lively import FILES
from tests.serving.served import ServerProcess
from tests.serving.test_connections import logged, metric, until


def message(*shape: int, **fields: Any) -> Any:
    tensor = TensorProto(**fields)
    for size in shape:
        tensor.tensor_shape.dim.add().size = size
    return tensor


def request_of(tensor: Any, name: str = "image_bytes") -> Any:
    request = PredictRequest()
    request.model_spec.name = "captcha"
    request.inputs[name].CopyFrom(tensor)
    return request


STRING, UINT8 = int(tf.string.as_datatype_enum), int(tf.uint8.as_datatype_enum)
HARMFUL = {
    "many strings": message(10**6, dtype=STRING, string_val=[b""] * 10**6),
    "many numbers": message(5 * 10**6, dtype=UINT8, int_val=bytes(5 * 10**6)),
    "many dimensions": message(*[1] * 10**5, dtype=UINT8, int_val=[1]),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_message_is_refused_while_it_is_bytes(name: str) -> None:
    content = request_of(HARMFUL[name]).SerializeToString()
    tracemalloc.start()
    try:
        with pytest.raises(RequestError, match=r"may have 512 rows|must be in tensor_content|may have 4,096 bytes"):
            parse_predict(content)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (message(1, dtype=UINT8, int_val=[300]), "does not fit uint8"),
        (message(1, dtype=UINT8, int_val=[-1]), "does not fit uint8"),
        (message(3, dtype=UINT8, tensor_content=b"ab"), "has 2 values, its shape 3"),
        (message(513, dtype=STRING, string_val=[b""] * 513), "may have 512 rows"),
        (message(1, 10**9, dtype=STRING), "may have 512 values, got 1,000,000,000"),
        (message(2, dtype=STRING, tensor_content=b"\1\2ab"), "the strings end at byte 5 of 4"),
        (message(2, dtype=STRING, tensor_content=b"\1"), "malformed number"),
        (message(1, dtype=21), "type 21 is not supported"),
        (message(1, dtype=20), "type 20 is not supported"),
        (message(1, dtype=0), "type 0 is not supported"),
    ],
)
def test_a_tensor_that_cannot_be_is_refused(tensor: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        to_array(tensor, 1000)
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("tensor", "values"),
    [
        # The last value stands for those that are missing, and what is too much is passed over.
        (message(2, 2, dtype=UINT8, int_val=[1, 2]), [[1, 2], [2, 2]]),
        (message(2, dtype=UINT8), [0, 0]),
        (message(1, dtype=UINT8, int_val=[1, 300]), [1]),
        (message(3, dtype=STRING, string_val=[b"a", b"b"]), [b"a", b"b", b"b"]),
        (message(2, dtype=STRING), [b"", b""]),
        (message(1, dtype=STRING, string_val=[b"a", b"b"]), [b"a"]),
        # `tensor_content` counts before the field of the type.
        (message(2, dtype=UINT8, tensor_content=b"\3\4", int_val=[1]), [3, 4]),
        (message(2, dtype=STRING, tensor_content=b"\1\2abc", string_val=[b"x"]), [b"a", b"bc"]),
        (message(0, dtype=STRING, tensor_content=b"x"), []),
    ],
)
def test_a_tensor_has_the_values_that_tensorflow_finds_in_it(tensor: Any, values: Any) -> None:
    assert to_array(tensor, 1000).tolist() == values
    assert tf.io.parse_tensor(tensor.SerializeToString(), tensor.dtype).numpy().tolist() == values


def test_the_tensor_of_an_array_is_that_array() -> None:
    assert to_array(tf.make_tensor_proto(np.arange(6, dtype=np.uint8)), 1000).tolist() == [0, 1, 2, 3, 4, 5]


packed = st.lists(st.binary(max_size=3), max_size=3).map(
    lambda strings: bytes(map(len, strings)) + b"".join(strings)
) | st.binary(max_size=7)


@given(
    st.sampled_from([STRING, UINT8]),
    st.lists(st.integers(0, 3), max_size=2),
    st.fixed_dictionaries(
        {},
        optional={
            "string_val": st.lists(st.binary(max_size=3), max_size=4),
            "int_val": st.lists(st.integers(0, 255), max_size=4),
            "tensor_content": packed,
            "float_val": st.just([1.0]),
        },
    ),
    st.booleans(),
)
def test_any_tensor_is_read_or_refused_as_tensorflow_does(
    dtype: int, shape: list[int], fields: dict[str, Any], unknown: bool
) -> None:
    tensor = message(*shape, dtype=dtype, **fields)
    tensor.tensor_shape.unknown_rank = unknown
    try:
        parsed = tf.io.parse_tensor(tensor.SerializeToString(), dtype).numpy()
    except tf.errors.InvalidArgumentError:
        with pytest.raises(RequestError):
            to_array(tensor, 1000)
        return
    found = to_array(tensor, 1000)
    expected = np.array(parsed, found.dtype)  # `numpy` makes of one string its bytes
    assert found.shape == expected.shape
    assert found.tolist() == expected.tolist()


@given(
    st.builds(
        TensorProto,
        dtype=st.integers(0, 130),
        string_val=st.lists(st.binary(max_size=3), max_size=3),
        int_val=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
        half_val=st.lists(st.integers(0, 2**31 - 1), max_size=2),
        float_val=st.lists(st.floats(width=32), max_size=2),
        tensor_content=st.binary(max_size=4),
        tensor_shape=st.builds(
            lambda sizes, unknown: {"dim": [{"size": size} for size in sizes], "unknown_rank": unknown},
            st.lists(st.integers(-2, 5) | st.integers(-(2**63), 2**63 - 1), max_size=20),
            st.booleans(),
        ),
    )
)
def test_any_tensor_is_an_array_or_refused(tensor: Any) -> None:
    content = request_of(tensor).SerializeToString()
    with contextlib.suppress(RequestError):
        assert to_array(parse_predict(content).inputs["image_bytes"], 1000).size <= 1000


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_bytes_are_a_request_or_refused(content: bytes, place: int) -> None:
    good = request_of(message(1, dtype=STRING, string_val=[b"x"])).SerializeToString()
    for each in (content, good[:place] + content, content + good, good + content):
        with contextlib.suppress(RequestError):
            parse_predict(each)


@pytest.fixture(scope="module")
def server(version: Path) -> Iterator[ServerProcess]:
    with ServerProcess(version.parent, "--grpc-port", "0", "--batch-rows", "1") as server:
        yield server


@pytest.fixture(scope="module")
def channel(server: ServerProcess) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


def code_of(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return str(caught.value.code().name)


def test_no_tensor_fails_the_server(channel: Any) -> None:
    predict = PredictionServiceStub(channel).Predict
    for dtype in {*range(24), 101, 999} - {STRING}:
        for fields in ({}, {"int_val": [300]}, {"half_val": [1 << 20]}, {"tensor_content": b"abc"}):
            assert code_of(predict, request_of(message(1, dtype=dtype, **fields)), timeout=20) == "INVALID_ARGUMENT"
    assert code_of(predict, request_of(message(1, dtype=STRING, tensor_content=b"abc"))) == "INVALID_ARGUMENT"
    for tensor in HARMFUL.values():
        assert code_of(predict, request_of(tensor), timeout=20) == "INVALID_ARGUMENT"
    raw = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert code_of(raw, b"\xff" * 40, timeout=20) == "INVALID_ARGUMENT"
    assert code_of(raw, b"", timeout=20) == "INVALID_ARGUMENT"


def test_calls_are_counted_and_logged_by_their_code(server: ServerProcess, channel: Any) -> None:
    predict = PredictionServiceStub(channel).Predict
    one, many = (request_of(message(rows, dtype=STRING, string_val=FILES[:1] * rows)) for rows in (1, 400))
    _, call = predict.with_call(one, timeout=20, metadata=(("x-request-id", "mine"),))
    assert dict(call.trailing_metadata())["x-request-id"] == "mine"
    until(lambda: logged(server, request_id="mine", status="OK", path="predict"))
    assert code_of(predict, many, timeout=0.3) == "DEADLINE_EXCEEDED"
    future = predict.future(many, metadata=(("x-request-id", "left"),))
    time.sleep(0.3)
    future.cancel()
    until(lambda: logged(server, request_id="left", status="CANCELLED"), seconds=5)
    until(lambda: metric(server, "captcha_waiting_rows ") == 0, seconds=5)
    for code in ("OK", "CANCELLED", "DEADLINE_EXCEEDED"):
        assert metric(server, f'captcha_requests_total{{interface="grpc",route="predict",status="{code}"}}') >= 1
        assert metric(server, f':tensorflow:serving:request_count{{model_name="captcha",status="{code}"}}') >= 1


def test_health_and_reflection(channel: Any) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    for name in ("", "tensorflow.serving.PredictionService"):
        answer = check(health_pb2.HealthCheckRequest(service=name), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert code_of(check, health_pb2.HealthCheckRequest(service="none"), timeout=20) == "NOT_FOUND"
    ask = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(ask, timeout=20)
    names = {each.name for each in answer.list_services_response.service}
    assert names >= {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService", "grpc.health.v1.Health"}


def test_a_failure_is_told_as_one(caplog: pytest.LogCaptureFixture) -> None:
    import asyncio
    from types import SimpleNamespace

    from captcha_keras.serving.grpc.calls import Call, Calls
    from captcha_keras.serving.metrics import Metrics

    aborted: list[Any] = []

    async def abort(code: Any, words: str) -> None:
        aborted.append((code.name, words))
        raise grpc.aio.AbortError

    async def fail() -> None:
        raise RuntimeError("secret")

    context = SimpleNamespace(
        invocation_metadata=tuple,
        set_trailing_metadata=lambda _: None,
        add_done_callback=lambda _: None,
        peer=lambda: "nobody",
        abort=abort,
    )
    metrics = Metrics()
    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(Calls(metrics).answer(context, Call("predict"), fail()))
    assert aborted == [("INTERNAL", "The server failed; its log tells why.")]
    assert b'captcha_requests_total{interface="grpc",route="predict",status="INTERNAL"} 1.0' in metrics.page()
    assert json.dumps(aborted).count("secret") == 0
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.exc_info
    assert "secret" in str(line.exc_info[1])

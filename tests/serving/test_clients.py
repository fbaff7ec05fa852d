"""The whole way from client to answer, against the embedded server and, if there is one, TF Serving itself.

TF_SERVING_URL=http://127.0.0.1:8501 (and TF_SERVING_GRPC=127.0.0.1:8500) name a TF Serving that serves models/captcha.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import tensorflow as tf

from captcha_keras.errors import CommandError
from captcha_keras.recognizer.formats import read_spec
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.serving.client.clients import AsyncGrpcClient, AsyncRestClient, GrpcClient, RestClient
from captcha_keras.serving.client.errors import ServerError
from captcha_keras.spec import parse_length
from data_gen import Series
from tests.lively import FILES
from tests.serving.cases import PREDICT, REFUSALS
from tests.serving.scripted import free_port
from tests.serving.served import ServerProcess
from tests.serving.twins import ALL, Kind, opened


@dataclass(frozen=True)
class Served:
    """A server and what its model says without it."""

    url: str
    grpc: str
    files: list[bytes]
    expected: dict[str, Any]

    def address(self, kind: Kind) -> str:
        return self.grpc if kind in (GrpcClient, AsyncGrpcClient) else self.url


@pytest.fixture(scope="module", params=["embedded", "TF Serving"])
def served(request: pytest.FixtureRequest, version: Path) -> Iterator[Served]:
    if request.param == "embedded":
        with ServerProcess(version.parent, "--grpc-port", "0") as server:
            yield described(server.url, f"127.0.0.1:{server.grpc_port}", version)
    elif "TF_SERVING_URL" in os.environ:
        grpc = os.environ.get("TF_SERVING_GRPC", "127.0.0.1:8500")
        yield described(os.environ["TF_SERVING_URL"], grpc, pretrained_path("captcha") / "1")
    else:
        pytest.skip("TF_SERVING_URL names no TF Serving")


def described(url: str, grpc: str, version: Path) -> Served:
    source = Series(read_spec(version), "clients").source()
    files = [source.draw(index).content for index in range(20)]
    rows = [*files[:7], b"junk", files[8][:-60], b"", *files[10:]]
    loaded = tf.saved_model.load(str(version)).signatures["serving_default"]
    return Served(url, grpc, rows, {name: value.numpy() for name, value in loaded(tf.constant(rows)).items()})


@pytest.fixture(params=[RestClient, AsyncRestClient, GrpcClient, AsyncGrpcClient])
def client(request: pytest.FixtureRequest, served: Served) -> Iterator[Any]:
    with opened(request.param, served.address(request.param), batch_size=8) as client:
        yield client


def same(found: list[Prediction | None], served: Served, rows: slice = slice(None)) -> None:
    expected = {name: values[rows] for name, values in served.expected.items()}
    assert [prediction is not None for prediction in found] == expected["valid"].tolist()
    for row, prediction in enumerate(found):
        if prediction is not None:
            assert prediction.text == expected["text"][row].decode()
            assert prediction.confidence == pytest.approx(float(expected["confidence"][row]), abs=1e-5)
            np.testing.assert_allclose(prediction.char_confidence, expected["char_confidence"][row], atol=1e-5)


def test_a_client_reads_what_the_model_reads(client: Any, served: Served) -> None:
    assert client.ready()
    found = client.read(served.files)
    same(found, served)
    assert sum(prediction is None for prediction in found) >= 2
    assert len({prediction.text for prediction in found if prediction}) > 3
    same(client.read(served.files[:3]), served, slice(3))


@ALL
def test_a_client_may_start_before_its_server(kind: Kind, version: Path) -> None:
    ports = [free_port(), free_port()]
    address = f"127.0.0.1:{ports[1]}" if kind in (GrpcClient, AsyncGrpcClient) else f"http://127.0.0.1:{ports[0]}"
    options = ["--port", str(ports[0]), "--grpc-port", str(ports[1])]
    # The longest that this machine may need; the default is for one that has nothing else to do.
    with opened(kind, address, timeout=300) as client, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(client.read, FILES)
        with ServerProcess(version.parent, *options):
            assert all(reading.result())


def test_a_client_sets_limits(client: Any, served: Served) -> None:
    signatures = httpx2.get(f"{served.url}/v1/models/captcha/metadata").json()["metadata"]["signature_def"]
    if "limited" not in signatures["signature_def"]:
        pytest.skip("the model was exported without limits")
    for limits in ({"alphabet": "0é"}, {"length": 2}, {"alphabet": "0Xé", "length": "1-2"}):
        found = client.read(served.files, **limits)
        assert [prediction is not None for prediction in found] == served.expected["valid"].tolist()
        texts = [prediction.text for prediction in found if prediction]
        assert len(set(texts)) > 1
        shortest, longest = parse_length(str(limits.get("length", "0-3")))
        assert all(
            shortest <= len(text) <= longest and set(text) <= set(limits.get("alphabet", text)) for text in texts
        )
    assert client.read(served.files[:3], alphabet="?") == [None] * 3


@ALL
def test_another_model_is_not_there(kind: Kind, served: Served) -> None:
    with opened(kind, served.address(kind), "other") as client:
        assert not client.ready()
        with pytest.raises(ServerError, match=r"Servable not found for request: Latest\(other\)") as caught:
            client.read(served.files[:1])
        assert caught.value.code == "NOT_FOUND"
        assert isinstance(caught.value, CommandError)


@pytest.mark.parametrize(("method", "path", "body", "status", "words"), REFUSALS)
def test_refusals_are_tf_servings(served: Served, method: str, path: str, body: str, status: int, words: str) -> None:
    answer = httpx2.request(method, served.url + path, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert words in answer.json()["error"]


def test_rest_speaks_rows_columns_and_every_signature(served: Served) -> None:
    rows = [{"b64": base64.b64encode(content).decode()} for content in served.files]
    by_row = httpx2.post(served.url + PREDICT, json={"instances": rows}).json()["predictions"]
    by_column = httpx2.post(served.url + PREDICT, json={"inputs": {"image_bytes": rows}}).json()["outputs"]
    assert by_column == {name: [row[name] for row in by_row] for name in by_column}
    assert [row["text"] for row in by_row] == [text.decode() for text in served.expected["text"]]
    request = {"signature_name": "probabilities", "instances": rows[:2]}
    heads = httpx2.post(served.url + PREDICT, json=request).json()["predictions"]
    for row in range(2):
        best = [max(heads[row][f"char_{place}"]) for place in range(served.expected["char_confidence"].shape[1])]
        np.testing.assert_allclose(best, served.expected["char_confidence"][row], atol=1e-5)


def test_status_and_metadata(served: Served) -> None:
    (status,) = httpx2.get(f"{served.url}/v1/models/captcha").json()["model_version_status"]
    assert status == {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    metadata = httpx2.get(f"{served.url}/v1/models/captcha/metadata").json()
    assert metadata["model_spec"] == {"name": "captcha", "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["image_bytes"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknown_rank": False,
    }
    assert set(signature["outputs"]) == {"text", "confidence", "char_confidence", "valid"}


class TestGrpc:
    """The messages themselves."""

    @pytest.fixture
    def stubs(self, served: Served) -> Iterator[tuple[Any, Any]]:
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        with grpc.insecure_channel(served.grpc) as channel:
            yield (
                prediction_service_pb2_grpc.PredictionServiceStub(channel),
                model_service_pb2_grpc.ModelServiceStub(channel),
            )

    @staticmethod
    def request(files: list[bytes], **spec: Any) -> Any:
        from tensorflow_serving.apis.predict_pb2 import PredictRequest

        request = PredictRequest()
        request.model_spec.name = spec.pop("name", "captcha")
        if "version" in spec:
            request.model_spec.version.value = spec.pop("version")
        for field, value in spec.items():
            setattr(request.model_spec, field, value)
        request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(files, shape=[len(files)]))
        return request

    @staticmethod
    def refusal(call: Any, request: Any) -> tuple[str, str]:
        import grpc

        with pytest.raises(grpc.RpcError) as caught:
            call(request, timeout=20)
        return caught.value.code().name, caught.value.details()

    def test_predict(self, stubs: tuple[Any, Any], served: Served) -> None:
        request = self.request(served.files, version=1)
        answer = stubs[0].Predict(request, timeout=20)
        assert (answer.model_spec.name, answer.model_spec.version.value) == ("captcha", 1)
        assert answer.model_spec.signature_name == "serving_default"
        for name, expected in served.expected.items():
            found = tf.make_ndarray(answer.outputs[name])
            assert found.dtype == expected.dtype
            if name.endswith("confidence"):
                np.testing.assert_allclose(found, expected, atol=1e-5)
                assert len(answer.outputs[name].float_val) == expected.size
            else:
                np.testing.assert_array_equal(found, expected)
        request.output_filter.extend(["valid"])
        assert list(stubs[0].Predict(request, timeout=20).outputs) == ["valid"]

    def test_refusals(self, stubs: tuple[Any, Any], served: Served) -> None:
        predict = stubs[0].Predict
        files = served.files[:1]
        assert self.refusal(predict, self.request(files, name="no")) == (
            "NOT_FOUND",
            "Servable not found for request: Latest(no)",
        )
        assert self.refusal(predict, self.request(files, version=7)) == (
            "NOT_FOUND",
            "Servable not found for request: Specific(captcha, 7)",
        )
        assert self.refusal(predict, self.request(files, signature_name="none")) == (
            "FAILED_PRECONDITION",
            'Serving signature key "none" not found.',
        )
        request = self.request(files)
        request.inputs["more"].CopyFrom(tf.make_tensor_proto([1]))
        code, words = self.refusal(predict, request)
        assert code == "INVALID_ARGUMENT"
        assert "input size does not match signature: 2!=1" in words
        assert "Sent extra: {more}" in words
        request = self.request(files)
        request.output_filter.append("none")
        code, words = self.refusal(predict, request)
        assert code == "INVALID_ARGUMENT"
        assert "output tensor alias not found in signature: none" in words
        request = self.request(files)
        request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([1.0]))
        assert self.refusal(predict, request)[0] == "INVALID_ARGUMENT"

    def test_metadata_and_status(self, stubs: tuple[Any, Any], served: Served) -> None:
        from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
        from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus

        request = GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = "captcha"
        signatures = SignatureDefMap()
        stubs[0].GetModelMetadata(request, timeout=20).metadata["signature_def"].Unpack(signatures)
        assert set(signatures.signature_def) >= {"serving_default", "probabilities", "images"}
        del request.metadata_field[:]
        assert self.refusal(stubs[0].GetModelMetadata, request) == (
            "INVALID_ARGUMENT",
            "GetModelMetadataRequest must specify at least one metadata_field",
        )
        asked = GetModelStatusRequest()
        asked.model_spec.name = "captcha"
        (status,) = stubs[1].GetModelStatus(asked, timeout=20).model_version_status
        assert (status.version, status.state, status.status.error_code) == (1, ModelVersionStatus.AVAILABLE, 0)
        asked.model_spec.version.value = 5
        assert self.refusal(stubs[1].GetModelStatus, asked) == (
            "NOT_FOUND",
            "Could not find version 5 of model captcha",
        )


def test_a_short_message_cannot_stand_for_a_long_array() -> None:
    """Of the embedded server alone: TF Serving would make the array."""
    from captcha_keras.serving.errors import RequestError
    from captcha_keras.serving.grpc.tensors import to_array

    bomb = tf.make_tensor_proto(np.zeros(1, np.uint8))
    bomb.tensor_shape.dim[0].size = 500
    bomb.tensor_shape.dim.add().size = 10**12
    with pytest.raises(RequestError, match="may have 1,000 values, got 500,000,000,000,000"):
        to_array(bomb, 1000)
    strings = tf.make_tensor_proto([b"a"])
    strings.tensor_shape.dim[0].size = 10**9
    with pytest.raises(RequestError, match="may have 512 rows"):
        to_array(strings, 1000)
    negative = tf.make_tensor_proto(np.zeros(1, np.uint8))
    negative.tensor_shape.dim[0].size = -5
    with pytest.raises(RequestError, match=r"got the shape \[-5\]"):
        to_array(negative, 1000)
    unknown = tf.make_tensor_proto(np.zeros(1, np.uint8))
    unknown.dtype = 999
    with pytest.raises(RequestError, match="Tensor parsing error"):
        to_array(unknown, 1000)

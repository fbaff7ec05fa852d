"""The server as a process: several models, labels, rolling back, and its end by signals."""

from __future__ import annotations

import base64
import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc, prediction_service_pb2_grpc
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from captcha_keras.dataset.images import decode_image
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.serving.grpc.tensors import to_tensor
from captcha_keras.serving.http.recognize import _as_rows
from tests.lively import FILES
from tests.serving.served import ServerProcess
from tests.serving.test_server import body, until
from tests.serving.test_versions import put

SHIPPED = pretrained_path("captcha") / "1"
CONFIG = """
model_config_list {{
  config {{ name: "captcha" base_path: "{0}/captcha" model_platform: "tensorflow" }}
  config {{
    name: "small" base_path: "{0}/small" model_platform: "tensorflow"
    model_version_policy {{ all {{ }} }}
    version_labels {{ key: "stable" value: 3 }}
    version_labels {{ key: "canary" value: 4 }}
    version_labels {{ key: "next" value: 5 }}
  }}
}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, version: Path) -> Path:
    """Two versions of the shipped model, two of a small one, and the file that names both models."""
    folder = tmp_path_factory.mktemp("models")
    for name, source, numbers in (("captcha", SHIPPED, (1, 2)), ("small", version, (3, 4))):
        (folder / name).mkdir()
        for number in numbers:
            put(source, folder / name, number)
    (folder / "models.config").write_text(CONFIG.format(folder))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    options = ("--model-config", str(folder / "models.config"), "--grpc-port", "0", "--batch-rows", "1")
    with ServerProcess(None, *options, "--threads", "1", "--load-retry-interval", "1") as server:
        yield server


def states(server: ServerProcess, model: str) -> dict[str, str]:
    answer = httpx2.get(f"{server.url}/v1/models/{model}").json()
    return {each["version"]: each["state"] for each in answer["model_version_status"]}


def test_two_models_are_served_by_name_version_and_label(server: ServerProcess, folder: Path) -> None:
    assert states(server, "captcha") == {"2": "AVAILABLE"}
    assert states(server, "small") == {"4": "AVAILABLE", "3": "AVAILABLE"}

    def ask(path: str) -> Any:
        return httpx2.post(f"{server.url}/v1/models/{path}:predict", json=body(FILES), timeout=60)

    answers = [ask(path) for path in ("captcha", "small", "small/versions/3", "small/labels/stable")]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[0].json() != answers[1].json() == answers[2].json() == answers[3].json()
    refusals = [ask(path) for path in ("captcha/versions/1", "small/labels/next", "small/labels/none", "other")]
    assert [answer.status_code for answer in refusals] == [404, 404, 400, 404]
    assert "Specific(small, 5)" in refusals[1].text
    assert "Unrecognized servable version label: none" in refusals[2].text
    shown = httpx2.post(f"{server.url}/recognize", files={"file": FILES[0]}).json()
    assert (shown["model_version"], len(shown["text"])) == (2, 4)  # the first model's
    drawn = base64.b64decode(httpx2.post(f"{server.url}/draw").json()["image"])
    assert decode_image(drawn).shape == (80, 170, 3)
    page = httpx2.get(f"{server.url}/monitoring/prometheus/metrics").text
    assert 'captcha_model_version{model_name="captcha"} 2.0' in page
    assert ':tensorflow:serving:request_count{model_name="small",status="OK"} 3.0' in page
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "small"})
        found = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request).model_version_status
        assert [status.version for status in found] == [4, 3]


def test_deleting_the_newest_version_rolls_back(server: ServerProcess, folder: Path) -> None:
    (folder / "captcha" / "2").rename(folder / "away")
    until(lambda: states(server, "captcha") == {"2": "END", "1": "AVAILABLE"}, 60)
    assert httpx2.post(f"{server.url}/recognize", files={"file": FILES[0]}).json()["model_version"] == 1


def test_a_version_that_cannot_be_loaded_at_first_comes_later(server: ServerProcess, folder: Path) -> None:
    weights = folder / "away" / "variables" / "variables.index"
    content = weights.read_bytes()
    weights.write_bytes(b"damaged")
    (folder / "away").rename(folder / "captcha" / "7")
    until(lambda: states(server, "captcha").get("7") == "LOADING", 60)
    until(lambda: any('"version not loaded"' in line for line in server.log), 60)
    assert states(server, "captcha")["1"] == "AVAILABLE"
    (folder / "captcha" / "7" / "variables" / "variables.index").write_bytes(content)
    until(lambda: states(server, "captcha") == {"7": "AVAILABLE", "2": "END", "1": "END"}, 120)


def busy(server: ServerProcess) -> None:
    metrics = f"{server.url}/monitoring/prometheus/metrics"
    until(lambda: "\ncaptcha_waiting_rows 0.0\n" not in httpx2.get(metrics).text)


def test_sigterm_drains_both_interfaces_at_once(server: ServerProcess) -> None:
    """The last test of this server."""
    rows = _as_rows(FILES * 20)
    request = PredictRequest(model_spec={"name": "small"}, inputs={"image_bytes": to_tensor(rows)})
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel, ThreadPoolExecutor(1) as pool:
        health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        by_grpc = predict.future(request)
        url = f"{server.url}/v1/models/small:predict"
        by_http = pool.submit(httpx2.post, url, json=body(FILES * 20), timeout=60)
        busy(server)
        server.process.send_signal(signal.SIGTERM)
        assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
        health.cancel()
        with pytest.raises(grpc.RpcError) as refused:
            predict(request, timeout=20)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        until(lambda: refuses(server))
        # Both refuse while both still work.
        assert not by_grpc.done()
        assert not by_http.done()
        assert len(by_http.result().json()["predictions"]) == len(rows)
        assert len(by_grpc.result().outputs["text"].string_val) == len(rows)
    assert server.process.wait(30) == 0
    assert '"message": "stopped"' in server.log[-1]


def refuses(server: ServerProcess) -> bool:
    try:
        httpx2.get(f"{server.url}/livez")
    except httpx2.ConnectError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(version: Path, number: signal.Signals) -> None:
    with ServerProcess(version.parent, "--batch-rows", "1", "--threads", "1") as server, ThreadPoolExecutor(1) as pool:
        url = f"{server.url}/v1/models/captcha:predict"
        request = pool.submit(httpx2.post, url, json=body(FILES * 60), timeout=60)
        busy(server)
        server.process.send_signal(number)
        until(lambda: any('"draining"' in line for line in server.log))
        begin = time.monotonic()
        assert server.stop(number) == -number
        assert time.monotonic() - begin < 2
        with pytest.raises(httpx2.TransportError):
            request.result()


def test_what_takes_too_long_is_given_up_at_the_end(version: Path) -> None:
    options = ("--batch-rows", "1", "--threads", "1", "--stop-timeout", "0")
    with ServerProcess(version.parent, *options) as server, ThreadPoolExecutor(1) as pool:
        url = f"{server.url}/v1/models/captcha:predict"
        request = pool.submit(httpx2.post, url, json=body(FILES * 60), timeout=60)
        busy(server)
        assert server.stop() == 0
        answer = request.result()
        assert answer.status_code == 503
        assert answer.json() == {"error": "The server ends; try again later."}
        assert answer.headers["retry-after"] == "1"
        answered = answer.headers["x-request-id"]
    (line,) = [line for line in server.log if answered in line]
    assert json.loads(line)["status"] == 503
    assert not any("Traceback" in line for line in server.log)

"""The proxy of `deploy/`, in the real nginx, before servers that tell what reaches them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
import pytest

from captcha_keras.serving.client.clients import GrpcClient, RestClient
from captcha_keras.serving.client.endpoint import Tls
from tests.serving.nginx import DEPLOY, NOBODY, Nginx, free_port, open_folder
from tests.serving.served import ServerProcess

KEY = "0123456789abcdef" * 4
ANYONE = (DEPLOY / "anyone.map").read_text()
PREDICT = "/tensorflow.serving.PredictionService/Predict"


class Told(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {"method": self.command, "path": self.path, "bytes": len(content), "headers": [*self.headers]}
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Echo(grpc.GenericRpcHandler):
    """Answers any call with its request."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        assert "x-api-key" not in dict(details.invocation_metadata)
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    """The ports of a server of REST and of one of gRPC."""
    calls = grpc.server(ThreadPoolExecutor(2), handlers=[Echo()])
    grpc_port = calls.add_insecure_port("127.0.0.1:0")
    calls.start()
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, grpc_port
        server.shutdown()
    calls.stop(None).wait()


@pytest.fixture(scope="module")
def proxy(ports: tuple[int, int]) -> Iterator[Nginx]:
    with open_folder() as folder, Nginx(folder, *ports, ANYONE) as running:
        yield running


@pytest.fixture(scope="module")
def keyed(ports: tuple[int, int]) -> Iterator[Nginx]:
    """A proxy that asks for a key."""
    with open_folder() as folder, Nginx(folder, *ports, f'"{KEY}" shop;\n') as running:
        yield running


def ask(proxy: Nginx, path: str, method: str = "GET", client: str = "127.0.0.1", **more: Any) -> tuple[int, Any, Any]:
    """The status, the document and the headers of an answer; the path is sent as it is written."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", proxy.port, context=proxy.client_context(), source_address=(client, 0), timeout=30
    )
    try:
        connection.request(method, path, **more)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


def call(proxy: Nginx, method: str, **metadata: str) -> bytes:
    credentials = grpc.ssl_channel_credentials(proxy.certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{proxy.port}", credentials) as channel:
        named = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        return bytes(channel.unary_unary(method)(b"rows", timeout=20, metadata=named))


def test_nginx_takes_the_settings(ports: tuple[int, int]) -> None:
    with open_folder() as folder:
        nginx = Nginx(folder, *ports, ANYONE)
        told = nginx.check()
        assert told.returncode == 0, told.stderr
        assert "warn" not in told.stderr
        nginx.write(nginx.read().replace("limit_conn connections", "limit_con connections"))
        told = nginx.check()
        assert told.returncode != 0
        assert 'unknown directive "limit_con"' in told.stderr


def test_without_a_file_of_clients_it_does_not_start(ports: tuple[int, int]) -> None:
    with open_folder() as folder:
        nginx = Nginx(folder, *ports, ANYONE)
        (folder / "clients.map").unlink()
        assert "clients.map" in nginx.check().stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_it_needs_no_privileges(proxy: Nginx) -> None:
    assert proxy.process
    assert Path(f"/proc/{proxy.process.pid}").stat().st_uid == NOBODY


@pytest.mark.parametrize("model", ["captcha", "any"])
def test_the_models_are_reached(proxy: Nginx, model: str) -> None:
    for place in ("", "/metadata", "/versions/3", "/versions/3/metadata"):
        status, told, _ = ask(proxy, f"/v1/models/{model}{place}", client="127.0.0.2")
        assert (status, told["path"]) == (200, f"/v1/models/{model}{place}")
    body = b"x" * 3_000_000  # does not fit into memory buffers
    for place in (":predict", "/versions/3:predict"):
        status, told, _ = ask(proxy, f"/v1/models/{model}{place}", "POST", "127.0.0.2", body=body)
        assert (status, told["method"], told["bytes"]) == (200, "POST", len(body))


def test_a_path_reaches_the_server_as_it_was_matched(proxy: Nginx) -> None:
    for written in (
        "/monitoring/../v1/models/captcha",
        "//v1/models/captcha",
        "/v1/models/captch%61",
        "/v1/models/captcha%0a",
        "/v1/models/captcha?a=b%0ac",
    ):
        status, told, _ = ask(proxy, written, client="127.0.0.3")
        assert (status, told["path"]) == (200, "/v1/models/captcha")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/models",
        "/v1/models/other",
        "/v1/models/captchas",
        "/v1/models/captcha:predict/x",
        "/v1/models/captcha:classify",
        "/v1/models/captcha/labels/stable",
        "/V1/models/captcha",
        "/monitoring/prometheus/metrics",
        "/v1/models/captcha/../../../monitoring/prometheus/metrics",
        "/v1/models/captcha/%2e%2e/%2e%2e/%2e%2e/monitoring/prometheus/metrics",
        "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
    ],
)
def test_nothing_else_is_reached(proxy: Nginx, path: str) -> None:
    assert ask(proxy, path, client="127.0.0.4")[:2] == (404, {"error": "Not found."})


def test_grpc_reaches_what_reads_and_nothing_that_changes(proxy: Nginx) -> None:
    for method in (PREDICT, "/tensorflow.serving.ModelService/GetModelStatus"):
        assert call(proxy, method) == b"rows"
    with pytest.raises(grpc.RpcError) as refused:
        call(proxy, "/tensorflow.serving.ModelService/HandleReloadConfigRequest")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_key_is_asked_for(keyed: Nginx) -> None:
    path = "/v1/models/any:predict"
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": KEY[:-1]}, {"X-API-Key": "default"}):
        status, told, _ = ask(keyed, path, "POST", headers=headers)
        assert (status, told) == (401, {"error": "A key is needed: the header X-API-Key."})
    status, told, _ = ask(keyed, path, "POST", headers={"X-API-Key": KEY})
    assert status == 200
    assert "x-api-key" not in {name.lower() for name in told["headers"]}
    for metadata in ({}, {"x_api_key": "other"}):
        with pytest.raises(grpc.RpcError) as refused:
            call(keyed, PREDICT, **metadata)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert call(keyed, PREDICT, x_api_key=KEY) == b"rows"


def test_the_log_has_the_clients_name_and_not_its_key(keyed: Nginx) -> None:
    ask(keyed, "/v1/models/any", headers={"X-API-Key": KEY})
    lines: list[str] = []
    for _ in range(100):
        lines = keyed.log.read_text().splitlines()
        if any(' "shop" ' in line and '"GET /v1/models/any HTTP/1.1" 200 ' in line for line in lines):
            break
        time.sleep(0.05)
    else:
        raise AssertionError(lines)
    assert not any(KEY in line for line in lines)


def test_a_client_that_asks_too_often_is_refused_and_no_other(proxy: Nginx) -> None:
    path = "/v1/models/captcha"
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: ask(proxy, path, client="127.0.0.5"), range(60))]
        assert ask(proxy, path, client="127.0.0.6")[0] == 200
    refused = [answer for answer in answers if answer[0] == 429]
    assert sum(answer[0] == 200 for answer in answers) + len(refused) == 60
    assert len(refused) >= 10
    assert refused[0][1] == {"error": "Too many requests."}
    assert refused[0][2]["Retry-After"] == "1"


def test_a_client_has_a_number_of_connections(proxy: Nginx) -> None:
    """Requests that wait for their bodies hold them."""
    length = {"Content-Length": "10"}
    with ExitStack() as stack:
        for _ in range(16):
            connection = http.client.HTTPSConnection(
                "127.0.0.1", proxy.port, context=proxy.client_context(), source_address=("127.0.0.7", 0)
            )
            stack.callback(connection.close)
            connection.request("POST", "/v1/models/captcha:predict", headers=length)
        time.sleep(1)
        assert ask(proxy, "/v1/models/captcha", client="127.0.0.7")[0] == 429
        assert ask(proxy, "/v1/models/captcha", client="127.0.0.8")[0] == 200


def test_a_long_request_is_refused_before_it_is_sent(proxy: Nginx) -> None:
    headers = {"Content-Length": str((16 << 20) + 1)}
    status, told, _ = ask(proxy, "/v1/models/captcha:predict", "POST", headers=headers)
    assert (status, told) == (413, {"error": "The request is longer than 16 MiB."})


def test_a_server_that_hangs_is_too_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, open_folder() as folder:
        nginx = Nginx(folder, silent.getsockname()[1], free_port(), ANYONE)
        nginx.write(nginx.read().replace("proxy_read_timeout 40s;", "proxy_read_timeout 1s;"))
        with nginx as proxy:
            told = ask(proxy, "/v1/models/captcha")[:2]
    assert told == (504, {"error": "The model server did not answer in time."})


def test_a_server_that_is_not_there_is_busy() -> None:
    with open_folder() as folder, Nginx(folder, free_port(), free_port(), ANYONE) as proxy:
        status, told, headers = ask(proxy, "/v1/models/captcha")
        assert (status, told) == (503, {"error": "The model server cannot be reached."})
        assert headers["Retry-After"] == "1"
        with pytest.raises(grpc.RpcError) as refused:
            call(proxy, PREDICT)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_clients_read_images_through_it(version: Path, files: list[bytes]) -> None:
    """From the embedded server, with a key."""
    with (
        ServerProcess(version.parent, "--grpc-port", "0") as server,
        open_folder() as folder,
        Nginx(folder, server.port, server.grpc_port or 0, f'"{KEY}" shop;\n') as proxy,
    ):
        with RestClient(server.url) as direct:
            expected = [prediction and prediction.text for prediction in direct.read([*files[:3], b"junk"])]
        assert expected[-1] is None
        secured = {"headers": {"X-API-Key": KEY}, "tls": Tls(proxy.certificate)}
        for client in (
            RestClient(f"https://localhost:{proxy.port}", **secured),
            GrpcClient(f"localhost:{proxy.port}", **secured),
        ):
            with client:
                assert client.ready()
                found = client.read([*files[:3], b"junk"])
                assert [prediction and prediction.text for prediction in found] == expected

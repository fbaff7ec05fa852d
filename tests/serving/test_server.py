"""The server as a process: connections, load, new versions, the end."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from captcha_keras.cli.serve import main
from captcha_keras.export.saved_model import export_saved_model
from captcha_keras.serving.client.clients import RestClient
from captcha_keras.serving.http.server import listen
from tests.lively import FILES, SPEC, lively_network
from tests.serving.cases import PREDICT
from tests.serving.served import ServerProcess


@pytest.fixture(scope="module")
def server(version: Path) -> Iterator[ServerProcess]:
    with ServerProcess(version.parent) as server:
        yield server


def body(files: list[bytes], signature: str = "") -> dict[str, Any]:
    rows = [{"b64": base64.b64encode(content).decode()} for content in files]
    return {"signature_name": signature, "instances": rows}


def until(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def raw(server: ServerProcess, *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_answers_are_not_held_back_by_nagles_algorithm(host: str) -> None:
    """asyncio sets TCP_NODELAY on connections whose socket names its protocol."""
    with listen(host, 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_logs_are_json_with_one_line_a_request(server: ServerProcess) -> None:
    httpx2.get(f"{server.url}/v1/models/captcha")
    httpx2.get(f"{server.url}/none")
    until(lambda: any("/none" in line for line in server.log))
    lines = [json.loads(line) for line in server.log if line.startswith("{")]
    requests = [line for line in lines if line["message"] == "request"]
    assert {"GET /v1/models/captcha 200", "GET /none 404"} <= {
        f"{line['method']} {line['path']} {line['status']}" for line in requests
    }
    assert all(line["milliseconds"] > 0 and line["level"] == "info" for line in requests)
    assert {"version in service", "serving"} <= {line["message"] for line in lines}


def test_it_listens_on_this_machine_alone(server: ServerProcess) -> None:
    listening = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True, check=True).stdout
    assert f"0100007F:{server.port:04X} 00000000:0000 0A" in listening  # 127.0.0.1, in state LISTEN
    assert f"00000000:{server.port:04X}" not in listening


def test_a_client_without_an_end_does_not_hold_a_connection(version: Path) -> None:
    with ServerProcess(version.parent, "--arrival-timeout", "0.5") as server:
        assert raw(server) == b""  # nothing at all
        assert raw(server, *[bytes([byte]) for byte in b"GET / HTTP/1.1"], pause=0.1) == b""
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
        answer = raw(server, head, b'{"inst')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive within 0.5 s" in answer
        # A second request on a connection that was used once.
        used = raw(server, b"GET /v1/models/captcha HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v1", pause=0.2)
        assert used.count(b"HTTP/1.1") == 1
        assert httpx2.get(f"{server.url}/v1/models/captcha").status_code == 200


def test_nonsense_and_floods_are_refused(server: ServerProcess) -> None:
    assert raw(server, b"\x16\x03\x01 this is no HTTP\r\n\r\n").startswith(b"HTTP/1.1 400")
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
    announced = raw(server, head + b"Content-Length: 99999999999\r\n\r\n")
    assert announced.startswith(b"HTTP/1.1 413 ")
    assert b"A body may have 16,777,216 bytes." in announced
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError, match=r"Broken pipe|reset"):  # noqa: PT012
            for _ in range(100):
                connection.sendall(chunk)
                time.sleep(0.01)
    assert httpx2.get(f"{server.url}/v1/models/captcha").status_code == 200


def test_over_capacity_it_sheds_and_recovers(version: Path) -> None:
    with ServerProcess(version.parent, "--waiting-rows", "8", "--batch-rows", "8") as server:
        request = body(FILES[:8])

        def ask(_: int) -> int:
            return httpx2.post(server.url + PREDICT, json=request, timeout=60).status_code

        with ThreadPoolExecutor(24) as pool:
            statuses = list(pool.map(ask, range(120)))
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 3
        assert ask(0) == 200
        # A client that has patience gets its answer in the same storm.
        with ThreadPoolExecutor(12) as pool, RestClient(server.url, batch_size=8) as client:
            storm = [pool.submit(ask, number) for number in range(60)]
            assert all(client.read(FILES))
            assert {each.result() for each in storm} <= {200, 503}


def test_a_new_version_takes_over_without_a_pause(version: Path, tmp_path: Path) -> None:
    repository = tmp_path / "captcha"
    shutil.copytree(version, repository / "1")
    with ServerProcess(repository, "--load-retries", "0") as server:
        statuses: list[int] = []
        texts: set[tuple[str, ...]] = set()
        stop = threading.Event()

        def ask() -> None:
            with httpx2.Client(base_url=server.url, timeout=60) as http:
                while not stop.is_set():
                    answer = http.post(PREDICT, json=body(FILES))
                    statuses.append(answer.status_code)
                    texts.add(tuple(row["text"] for row in answer.json()["predictions"]))

        clients = [threading.Thread(target=ask) for _ in range(2)]
        for client in clients:
            client.start()
        try:
            # Half of a copy, a damaged version, then a good one.
            shutil.copytree(version, repository / ".tmp-7")
            (repository / "3").mkdir()
            shutil.copytree(version, tmp_path / "bad")
            (tmp_path / "bad" / "variables" / "variables.index").write_bytes(b"damaged")
            (tmp_path / "bad").rename(repository / "2")
            url = f"{server.url}/v1/models/captcha"
            until(lambda: len(httpx2.get(url).json()["model_version_status"]) == 2)
            until(lambda: httpx2.get(url).json()["model_version_status"][0]["state"] == "END")
            bad = httpx2.get(f"{url}/versions/2").json()["model_version_status"][0]["status"]
            assert bad["error_code"] == "UNKNOWN"
            assert "cannot be loaded" in bad["error_message"]
            assert export_saved_model(lively_network(seed=1), SPEC, repository, FILES) == repository / "4"
            until(lambda: httpx2.get(f"{url}/versions/4").status_code == 200)
            until(lambda: httpx2.get(url).json()["model_version_status"][0]["state"] == "AVAILABLE")
            time.sleep(0.5)
        finally:
            stop.set()
            for client in clients:
                client.join()
        assert set(statuses) == {200}
        assert len(statuses) > 10
        states = {each["version"]: each["state"] for each in httpx2.get(url).json()["model_version_status"]}
        assert states == {"4": "AVAILABLE", "2": "END", "1": "END"}
        # Every answer came from the one model or the other as a whole.
        assert len(texts) == 2
        assert httpx2.get(f"{url}/versions/1/metadata").status_code == 404


EXPORT = """
import sys
from pathlib import Path
from captcha_keras.cli.serve import main
from captcha_keras.export.saved_model import export_saved_model
from tests.lively import FILES, SPEC, lively_network
network = lively_network(seed=1)
print("exporting", flush=True)
print(export_saved_model(network, SPEC, Path(sys.argv[1]), FILES), flush=True)
"""


@pytest.mark.parametrize(
    "moment",
    [pytest.param("temporary", marks=pytest.mark.long), "model", pytest.param("checked", marks=pytest.mark.long)],
)
def test_an_export_killed_at_any_moment_is_not_picked_up(version: Path, tmp_path: Path, moment: str) -> None:
    repository = tmp_path / "captcha"
    shutil.copytree(version, repository / "1")
    reached = {"temporary": ".tmp-*", "model": ".tmp-*/saved_model.pb", "checked": ".tmp-*/assets.extra/*"}[moment]
    with ServerProcess(repository) as server:
        before = httpx2.post(server.url + PREDICT, json=body(FILES)).json()
        with subprocess.Popen([sys.executable, "-c", EXPORT, str(repository)], stdout=subprocess.PIPE) as export:
            until(lambda: list(repository.glob(reached)) or export.poll() is not None, 60)
            assert export.poll() is None
            export.kill()
        time.sleep(1.5)
        assert httpx2.post(server.url + PREDICT, json=body(FILES)).json() == before
        status = httpx2.get(f"{server.url}/v1/models/captcha").json()["model_version_status"]
        assert [each["version"] for each in status] == ["1"]
        # A server that is killed meanwhile begins with the old version.
        server.stop(signal.SIGKILL)
    with ServerProcess(repository) as server:
        assert httpx2.post(server.url + PREDICT, json=body(FILES)).json() == before


def test_sigterm_answers_what_is_under_way(version: Path) -> None:
    with ServerProcess(version.parent, "--batch-rows", "1") as server:
        with ThreadPoolExecutor(1) as pool:
            request = pool.submit(httpx2.post, server.url + PREDICT, json=body(FILES * 60), timeout=60)
            metrics = f"{server.url}/monitoring/prometheus/metrics"
            while "\ncaptcha_waiting_rows 0.0\n" in httpx2.get(metrics).text:
                assert not request.done()
            assert server.stop() == 0
            assert request.result().status_code == 200
            assert len(request.result().json()["predictions"]) == 480
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(server.url)
        assert '"message": "stopped"' in server.log[-1]


@pytest.fixture
def refusal(version: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command says of wrong use, without a process of its own."""
    monkeypatch.setattr("captcha_keras.serving.logs.log_as_json", lambda: None)

    def run(*options: str) -> str:
        assert main(["--model", str(version.parent), "--port", "0", *options]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    return run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "nothing/here"], "nothing/here holds no exported model"),
        (["--image-root", "nothing/here"], "--image-root nothing/here is no folder."),
        (["--batch-rows", "0"], "max_batch_size must be positive, got 0."),
        (["--port", "99999"], "A port must be 0 to 65535, got 99999."),
        (["--grpc-port", "-1"], "A port must be 0 to 65535, got -1."),
        (["--arrival-timeout", "0"], "arrival_timeout must be positive, got 0.0."),
        (["--host", "no.such.host.invalid"], "Cannot listen on no.such.host.invalid"),
    ],
)
def test_wrong_use_is_one_sentence(refusal: Callable[..., str], options: list[str], words: str) -> None:
    assert words in refusal(*options)


def test_a_port_that_is_taken_is_told(server: ServerProcess, refusal: Callable[..., str]) -> None:
    taken = str(server.port)
    assert f"Cannot listen on 127.0.0.1, port {taken}" in refusal("--port", taken)
    assert f"Cannot listen on 127.0.0.1, port {taken}, for gRPC." in refusal("--grpc-port", taken)


def test_missing_packages_are_named(refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captcha_keras.serving.grpc.server", None)
    assert "pip install 'captcha-keras[grpc]'" in refusal("--grpc-port", "0")
    monkeypatch.setattr("captcha_keras.cli.serve.NEEDED", ("starlette", "no_such_package"))
    assert "(no_such_package): pip install 'captcha-keras[serve]'" in refusal()

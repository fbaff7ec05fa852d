"""`captcha-keras label` as a user starts it."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from captcha_keras.cli import label
from captcha_keras.dataset.layouts import open_dataset
from tests.lively import FILES
from tests.serving.served import LabelProcess


def ask(server: LabelProcess, path: str, body: Any = None) -> Any:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET" if body is None else "POST", path, body and json.dumps(body))
        return json.load(connection.getresponse())


def status_of(server: LabelProcess, path: str, **headers: str) -> int:
    """The status of a path that no client has tidied up."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.putrequest("GET", path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status


def test_a_killed_server_goes_on_where_it_was(
    folder: Path, version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A browser that notes what it is told to open.
    opened, script = tmp_path / "opened.txt", tmp_path / "browser.py"
    script.write_text(f"import sys; open({str(opened)!r}, 'w').write(sys.argv[1])")
    monkeypatch.setenv("BROWSER", shlex.join([sys.executable, str(script)]) + " %s")
    options = ["--model", str(version), "--train-every", "0", "--alphabet", "0OXé", "--length", "1-3"]
    with LabelProcess(folder, *options) as server:
        for _ in range(300):
            if opened.exists() and opened.read_text():
                break
            time.sleep(0.1)
        assert opened.read_text() == f"{server.url}/"
        for index in range(3):
            ask(server, "/label", {"image": f"{index}.jpg", "text": "X" * (index + 1)})
        for path in (
            "/images/../../secret.txt",
            "/images//etc/passwd",
            "/images/..%2f..%2fsecret.txt",
            "/../label.css",
        ):
            assert status_of(server, path) == 404, path
        assert status_of(server, "/next", Host="rebound.example") == 403
        server.stop(signal.SIGKILL)
    with (folder / "labels.csv").open("a") as file:
        file.write('"3.jp')
    with LabelProcess(folder, *options, "--no-browser") as server:
        assert any("ended in a half line, which was taken away: '\"3.jp'." in line for line in server.log)
        answer = ask(server, "/next")
        assert (answer["image"], answer["progress"]["labels"]) == ("3.jpg", 3)
        assert answer["progress"]["training"] == {"running_on": None, "in": None, "failed": ""}
        assert ask(server, "/label", {"image": "3.jpg", "text": "0O"})["image"] == "4.jpg"
        assert server.stop() == 0
        assert server.process.stdout
        assert server.process.stdout.read() == f"{folder / 'labels.csv'} has 4 labels; the same command goes on.\n"
    assert open_dataset(folder).texts == ["X", "XX", "XXX", "0O"]
    assert sorted(path.name for path in folder.iterdir()) == [*(f"{index}.jpg" for index in range(8)), "labels.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none"], "none is no folder; expected one with PNG or JPEG images."),
        (["empty"], "empty has no images; expected PNG or JPEG files."),
        (["images", "--output", "labels.txt"], "Labels are kept in a .csv file, got labels.txt."),
        (["images", "--output", "none/labels.csv"], "none is no folder, so labels.csv cannot be written there."),
        (["images", "--output", "other.csv"], "other.csv has the columns file, expected image_path, text."),
        (["images", "--alphabet", "AA"], "'A' more than once"),
        (["images", "--length", "many"], "The length must look like 4 or 4-8, got 'many'."),
        (["images", "--length", "9-5"], "the shortest first, got 9-5"),
        (["images", "--train-every", "-1"], "--train-every must be at least 0, got -1."),
        (["images", "--model", "none"], "none is no run folder"),
        (
            ["images", "--model", "model.onnx"],
            "No training can start from model.onnx; name a run",
        ),
        (["images", "--model", "model.onnx", "--train-every", "0"], "model.onnx cannot be read"),
        (["images", "--port", "99999"], "A port must be 0 to 65535, got 99999."),
        (["images", "--port", "{busy}"], "Cannot listen on 127.0.0.1, port"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    for name in ("images", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "images" / "0.jpg").write_bytes(FILES[0])
    (tmp_path / "other.csv").write_text("file\n0.jpg\n")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        words = [word.format(busy=busy.getsockname()[1]) for word in words]
        assert label.main([*words, "--no-browser"]) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""
    assert sorted(tmp_path.rglob("*")) == before

"""The images of `deploy/`: linted, and their parts run as far as that goes without a container."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from captcha_keras.cli.serve import parser
from captcha_keras.serving.models.model_config import read_model_config
from tests.serving.dockerfiles import instructions
from tests.serving.test_deployment import DEPLOY, FLAGS, ROOT
from tests.test_wheel import BUILT_FROM, PACKAGES

SERVING, APP = DEPLOY / "Dockerfile", DEPLOY / "app" / "Dockerfile"
BOTH = pytest.mark.parametrize("path", [SERVING, APP], ids=["serving", "app"])
HADOLINT = Path(sys.executable).with_name("hadolint")


def values(path: Path, name: str) -> list[str]:
    return [value for instruction, value in instructions(path) if instruction == name]


def is_in_context(path: str) -> bool:
    """Whether `.dockerignore` lets a file into the context; the last pattern that matches it or its folder counts."""
    folders = [path, *map(str, Path(path).parents)][:-1]
    result = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if any(re.fullmatch(pattern, folder) for folder in folders):
                result = line.startswith("!")
    return result


@BOTH
def test_the_linter_has_nothing_to_say(path: Path) -> None:
    told = subprocess.run([HADOLINT, path], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, ""), told.stdout


def test_the_linter_finds_what_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text(APP.read_text().replace("COPY models /models", "ADD models /models"))
    told = subprocess.run([HADOLINT, broken], check=False, capture_output=True, text=True)
    assert told.returncode != 0
    assert "DL3020" in told.stdout


@BOTH
def test_an_image_is_pinned_and_runs_as_nobody(path: Path) -> None:
    for base in values(path, "FROM"):
        assert re.match(r"[a-z/]+:\d+\.\d+\.\d+", base)
    assert values(path, "USER") == ["65534:65534"]


@BOTH
def test_what_is_copied_is_in_the_context(path: Path) -> None:
    copied = [shlex.split(value)[:-1] for value in values(path, "COPY") if not value.startswith("--from")]
    for source in (source for sources in copied for source in sources):
        place = ROOT / source
        assert place.exists(), source
        files = [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]
        assert files
        for file in files:
            assert is_in_context(file.relative_to(ROOT).as_posix()) == ("__pycache__" not in file.parts), file


@pytest.mark.parametrize(
    "path",
    [".git/config", ".venv/bin/python", "data/captcha/labels.csv", "runs/a/b", "deploy/tls/server.key", "tests/a"],
)
def test_nothing_else_is_in_the_context(path: str) -> None:
    assert not is_in_context(path)


def test_the_app_is_built_from_what_the_wheel_is_tested_with() -> None:
    stages = [0]
    for name, _ in instructions(APP):
        stages.append(stages[-1] + (name == "FROM"))
    copied = {
        source
        for stage, (name, value) in zip(stages[1:], instructions(APP), strict=True)
        if name == "COPY" and stage == 1
        for source in value.split()[:-1]
    }
    assert copied == {*PACKAGES, "models", *BUILT_FROM}


def test_the_serving_image_has_the_compose_files_settings() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert values(SERVING, "FROM") == [compose["services"]["model-server"]["image"]]
    (command,) = values(SERVING, "CMD")
    assert set(json.loads(command)) == FLAGS
    targets = {value.split()[-1] for value in values(SERVING, "COPY")}
    assert targets == {"/models/captcha", "/models/any", "/config/"}


def test_the_app_starts_with_options_that_there_are() -> None:
    (command,) = values(APP, "CMD")
    name, *words = json.loads(command)
    options = vars(parser().parse_args(words))
    assert name == "serve"
    # Every address of the container: the ports are published by who starts it.
    assert (options["host"], options["grpc_port"]) == ("0.0.0.0", 8500)  # noqa: S104
    copied = {value.split()[-1]: value.split()[0] for value in values(APP, "COPY")}
    models = read_model_config(ROOT / copied[str(options["model_config"])])
    for model in models:
        root, place = ROOT / copied["/models"], model.path.relative_to("/models")
        assert (root / place).is_dir()
    assert {model.name for model in models} == {"captcha", "any"}


def test_the_apps_health_check_asks_whether_it_is_ready() -> None:
    """The command itself, against a server that is ready, one that is not, and none."""
    states = [200, 503]
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(states[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    (check,) = values(APP, "HEALTHCHECK")
    program, *words = json.loads(check[check.index("[") :])
    assert program == "/app/bin/python"
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [sys.executable, *(word.replace("8501", str(server.server_port)) for word in words)]
        assert subprocess.run(command, check=False).returncode == 0
        states.reverse()
        assert subprocess.run(command, check=False, capture_output=True).returncode != 0
        server.shutdown()
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
    assert asked == ["/readyz", "/readyz"]


def can_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


READ_ONLY = """
mount --rbind / /mnt && mount -o remount,ro,bind /mnt && mount -t tmpfs tmpfs /mnt/tmp
case "$1" in /tmp/*) mkdir -p "/mnt$1" && mount --bind "$1" "/mnt$1" && mount -o remount,ro,bind "/mnt$1";; esac
exec chroot /mnt sh -c '
if touch "$0/written" 2> /dev/null; then echo "not read-only"; exit 1; fi; cd /tmp; exec "$@"' "$@"
"""


@pytest.mark.skipif(not can_mount(), reason="mounting needs root's rights")
def test_the_app_needs_no_place_to_write_but_tmp(tmp_path: Path) -> None:
    """The server, with the image's environment, where all but /tmp is read-only."""
    pairs = [pair.split("=", 1) for value in values(APP, "ENV") for pair in value.split()]
    environment: dict[str, Any] = {name: value for name, value in pairs}  # noqa: C416
    words = ["serve", "--model", ROOT / "models" / "captcha", "--port", "0"]
    command = ["unshare", "-m", "sh", "-ec", READ_ONLY, "sh", ROOT, sys.executable, "-m", "captcha_keras", *words]
    log = tmp_path / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*map(str, command)], env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout
    try:
        line = process.stdout.readline()
        found = re.search(r"http://[\d.]+:\d+/", line)
        assert found, (line, log.read_text())
        with urlopen(f"{found[0]}readyz", timeout=20) as answer:  # noqa: S310
            assert answer.status == 200
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(30) == 0, log.read_text()
    assert "Read-only" not in log.read_text()

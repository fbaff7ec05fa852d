"""A server in a process of its own, and its application in this one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.testclient import TestClient

from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.http.app import Application
from captcha_keras.serving.service import Service

STARTED = re.compile(r"on http://127\.0\.0\.1:(\d+)/(?:, gRPC on port (\d+))?\. Ctrl-C ends it\.")


def client_of(config: ServeConfig) -> TestClient:
    """A client of the HTTP application without a server."""
    service = Service.create(config)
    service.repository.poll()
    return TestClient(Application(service).asgi, raise_server_exceptions=False)


class ServerProcess:
    """`captcha-keras serve` on free ports of this machine; its log is kept."""

    def __init__(self, model: Path | None, *options: str) -> None:
        self._start("serve", *(["--model", str(model)] if model else []), *options)

    def _start(self, command: str, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "captcha_keras", command, "--port", "0", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.log: list[str] = []
        self._keeper = threading.Thread(target=self._keep_log, daemon=True)
        self._keeper.start()
        assert self.process.stdout
        line = self.process.stdout.readline()
        match = STARTED.search(line)
        assert match, (line, self.log, self.process.wait(10))
        self.port = int(match[1])
        self.grpc_port = int(match[2]) if match[2] else None
        self.url = f"http://127.0.0.1:{self.port}"

    def _keep_log(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._keeper.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


class LabelProcess(ServerProcess):
    """`captcha-keras label` on a free port of this machine."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._start("label", str(folder), *options)

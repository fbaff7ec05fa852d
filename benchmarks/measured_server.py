"""A server in a process of its own, and what it costs."""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PATH = "/v1/models/captcha:predict"
TICKS = os.sysconf("SC_CLK_TCK")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add `--model`, the folder of the versions that are served."""
    from captcha_keras.recognizer.pretrained import pretrained_path

    parser.add_argument(
        "--model", type=Path, default=pretrained_path("captcha"), metavar="DIR", help="versions of a model (pretrained)"
    )


class Server:
    """A server in a process of its own, and what it costs; a `with` block ends it.

    Args:
        model: Folder of the model's versions.
        options: More options of `captcha-keras serve`.
        tree: The sources that serve; its working folder.

    Attributes:
        port: Port of HTTP.
        grpc_port: Port of gRPC; None without the option `--grpc-port`.

    Raises:
        RuntimeError: The server did not start.
    """

    def __init__(self, model: Path, *options: str, tree: Path | None = None) -> None:
        command = [sys.executable, "-m", "captcha_keras", "serve", "--model", str(model), "--port", "0", *options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tree
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if "127.0.0.1:" not in line:
            self.stop()
            raise RuntimeError("the server did not start")
        self.port = int(line.split("127.0.0.1:")[1].split("/")[0])
        self.grpc_port = int(line.split("gRPC on port ")[1].split(".")[0]) if "gRPC" in line else None
        self._proc = Path(f"/proc/{self._process.pid}")

    def cpu(self) -> float:
        """CPU seconds of all threads so far."""
        fields = (self._proc / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, kind: str = "VmRSS") -> float:
        """Resident memory in MiB: "VmRSS" now, "VmHWM" at the peak."""
        return int((self._proc / "status").read_text().split(f"{kind}:")[1].split()[0]) / 1024

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        (self._proc / "clear_refs").write_text("5")

    def settle(self) -> None:
        """Wait until the server is idle."""
        spent = -1.0
        while self.cpu() - spent > 0.02:
            spent = self.cpu()
            time.sleep(0.5)

    def stop(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def post(self, body: bytes, path: str = PATH, **headers: str) -> str:
        """The status of an answer, with the beginning of what an error says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()
        words = "" if answer.status == 200 else f": {content.decode(errors='replace')[:90]}"
        return f"{answer.status}{words}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

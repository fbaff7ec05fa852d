"""nginx (Debian: apt-get install nginx-light) with the proxy's settings, on free ports of this machine.

Where there is none the tests of the proxy are skipped; with CAPTCHA_KERAS_NGINX=required, as in CI, that is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
NOBODY = 65534


def find_nginx() -> str:
    """The program; it is in /usr/sbin, which the path of some users lacks."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        assert os.environ.get("CAPTCHA_KERAS_NGINX") != "required", "nginx-light is not installed"
        pytest.skip("nginx is not installed")
    return program


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that nobody, in the sense of the user, owns: a test's own is closed to other users."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Nginx:
    """`deploy/nginx.conf` with the paths and addresses of a test, run without privileges."""

    def __init__(self, folder: Path, rest_port: int, grpc_port: int, clients: str) -> None:
        self.program = find_nginx()
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.certificate = folder / "tls" / "server.crt"
        self.log, self.errors = folder / "access.log", folder / "error.log"
        self._settings = folder / "nginx.conf"
        (folder / "clients.map").write_text(clients)
        settings = (DEPLOY / "nginx.conf").read_text()
        for written, here in (
            ("/tmp/", f"{folder}/"),
            ("/etc/nginx/", f"{folder}/"),
            ("/dev/stdout", str(self.log)),
            ("model-server:8501", f"127.0.0.1:{rest_port}"),
            ("model-server:8500", f"127.0.0.1:{grpc_port}"),
            ("listen 8443", f"listen 127.0.0.1:{self.port}"),
        ):
            assert written in settings
            settings = settings.replace(written, here)
        if self._version() < (1, 25, 1):
            # Debian 12's nginx has the older form of the same setting.
            settings = settings.replace("http2 on;", "").replace(" ssl;", " ssl http2;")
        self.write(settings)
        self._make_certificate()
        if os.geteuid() == 0:
            for path in folder.rglob("*"):
                os.chown(path, NOBODY, NOBODY)

    def read(self) -> str:
        """The settings, as the test changed them."""
        return self._settings.read_text()

    def write(self, settings: str) -> None:
        self._settings.write_text(settings)

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        return subprocess.run(self._command("-t"), check=False, capture_output=True, text=True)

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def __enter__(self) -> Nginx:
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(self._command("-g", "daemon off;"), stderr=errors)
        for _ in range(200):
            if self.process.poll() is not None:
                raise AssertionError(self.errors.read_text())
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        self.__exit__()
        raise AssertionError("nginx does not listen")

    def __exit__(self, *_: object) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(20)

    def _command(self, *words: str) -> list[str]:
        command = [self.program, "-p", str(self.folder), "-c", str(self._settings), "-e", "stderr", *words]
        # Not the `user` of `subprocess`: with it Python forks, and then gRPC's handlers write into the child's output.
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return [*drop, *command] if os.geteuid() == 0 else command

    def _version(self) -> tuple[int, ...]:
        told = subprocess.run([self.program, "-v"], check=True, capture_output=True, text=True).stderr
        return tuple(map(int, re.findall(r"/(\d+)\.(\d+)\.(\d+)", told)[0]))

    def _make_certificate(self) -> None:
        self.certificate.parent.mkdir()
        key, names = self.certificate.with_suffix(".key"), "subjectAltName=DNS:localhost,IP:127.0.0.1"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", str(key), "-out", str(self.certificate), "-days", "2", "-subj", "/CN=localhost"]
        subprocess.run([*command, "-addext", names], check=True, capture_output=True)

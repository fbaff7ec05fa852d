"""A server of HTTP on a real socket that misbehaves as its script says, and then answers well."""

from __future__ import annotations

import base64
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self


class Connection(socketserver.BaseRequestHandler):
    """One connection: each request, or its beginning, takes a step of the script."""

    server: ScriptedServer
    request: socket.socket

    def handle(self) -> None:
        self.buffer = b""
        try:
            if self.server.context:
                self.request.settimeout(10)
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
                self.request.settimeout(None)
            while self._fill():
                self.server.arrived.append(time.monotonic())
                step = self.server.script.popleft() if self.server.script else answer_well
                if not step(self):
                    return
        except OSError:  # the client left, or TLS failed
            pass
        finally:
            self.request.close()

    def _fill(self) -> bool:
        piece = self.request.recv(1000)
        self.buffer += piece
        return bool(piece)

    def take(self) -> Any:
        """Read the whole request; returns the document in its body."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                raise ConnectionError
        head, _, body = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.server.heads.append((first, self.headers))
        left = int(self.headers.get("content-length", 0)) - len(body)
        rest = bytearray()
        while len(rest) < left:
            piece = self.request.recv(1 << 20)
            if not piece:
                raise ConnectionError
            rest += piece
        self.buffer = b""
        return json.loads(body + rest) if body or rest else None

    def send(self, status: int, body: bytes, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
        self.request.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def reset(self) -> None:
        """Close with RST: what the client still writes fails."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()


# A step answers, or does not, and returns whether the connection stays open.
Step = Callable[[Connection], bool]


def predictions(document: Any) -> bytes:
    """A body with the beginning of each image as its text."""
    images = [base64.b64decode(row["image_bytes"]["b64"]) for row in document["instances"]]
    rows = [
        {"text": image[:5].decode(), "confidence": 0.5, "char_confidence": [0.5, 1], "valid": True} for image in images
    ]
    return json.dumps({"predictions": rows}).encode()


def answer_well(connection: Connection) -> bool:
    connection.send(200, predictions(connection.take()))
    return True


def answer_and_close(connection: Connection) -> bool:
    """Answer without a word on the connection's end."""
    answer_well(connection)
    return False


def hang_up(connection: Connection) -> bool:
    connection.take()
    return False


def break_the_write(connection: Connection) -> bool:
    connection.reset()
    return False


def break_the_head(connection: Connection) -> bool:
    connection.take()
    connection.request.sendall(b"HTTP/1.1 200 OK\r\nContent-")
    return False


def break_the_body(connection: Connection) -> bool:
    body = predictions(connection.take())
    connection.request.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:-7])
    return False


def be_silent(connection: Connection) -> bool:
    connection.take()
    return bool(connection.request.recv(1))  # until the client leaves


def trickle(connection: Connection) -> bool:
    """A byte each 20 ms: about 4 seconds."""
    body = predictions(connection.take()).ljust(200)
    connection.request.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    for byte in body:
        connection.request.sendall(bytes([byte]))
        time.sleep(0.02)
    return True


def trickle_head(connection: Connection) -> bool:
    """A header each 20 ms: about 4 seconds."""
    connection.take()
    connection.request.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        connection.request.sendall(f"Header-{number}: \r\n".encode())
        time.sleep(0.02)
    return False


def refuse(status: int, *headers: str, body: bytes = b'{"error": "Not\\n now."}') -> Step:
    def step(connection: Connection) -> bool:
        connection.take()
        connection.send(status, body, *headers)
        return True

    return step


def refuse_nonsense(connection: Connection) -> bool:
    """Answer as servers do that get TLS on a port without."""
    connection.send(400, b"")
    return False


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Listens on this machine. `arrived` has the time of each request, `heads` the heads that were read."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *script: Step, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.script = deque(script)
        self.context = context
        self.arrived: list[float] = []
        self.heads: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", port), Connection)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

"""Hostile requests to the embedded server, and honest ones of many images."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measured_server import Server

MEBIBYTE = 1 << 20


def instances(rows: bytes, signature: str = "") -> bytes:
    """A body with these rows."""
    return f'{{"signature_name": "{signature}", "instances": ['.encode() + rows + b"]}"


def shape_bomb(levels: int, width: int) -> bytes:
    """Lists whose first elements promise width**levels values."""
    inner = b'"a"'
    for _ in range(levels):
        inner = b"[" + inner + b",0" * (width - 1) + b"]"
    return b'{"inputs": ' + inner + b"}"


def png(width: int, height: int) -> bytes:
    """A white PNG of one bit for each pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xff" * ((width + 7) // 8)) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def pictures(count: int, width: int, height: int) -> bytes:
    """A body with this many rows of one white picture."""
    row = b'{"b64": "' + base64.b64encode(png(width, height)) + b'"}'
    return instances(b",".join([row] * count))


def grpc_call(server: Server, **tensor: Any) -> str:
    """The code of a Predict call with one tensor of the given fields."""
    import grpc
    from tensorflow.core.framework.tensor_pb2 import TensorProto
    from tensorflow_serving.apis.predict_pb2 import PredictRequest
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

    request = PredictRequest()
    request.model_spec.name = "captcha"
    shape = tensor.pop("shape", [1])
    message = TensorProto(**tensor)
    for size in shape:
        message.tensor_shape.dim.add().size = size
    request.inputs["image_bytes"].CopyFrom(message)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        try:
            PredictionServiceStub(channel).Predict(request, timeout=120)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()[:80]}"
    return "OK"


def headers_of(server: Server, size: int) -> str:
    """The beginning of what comes back for a request with headers of this size."""
    with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        try:
            connection.sendall(b"GET /v1/models/captcha HTTP/1.1\r\nHost: x\r\n")
            for number in range(size // 4096):
                connection.sendall(b"X-%d: " % number + b"a" * 4080 + b"\r\n")
            connection.sendall(b"Connection: close\r\n\r\n")
            return connection.recv(100).split(b"\r\n")[0].decode() or "closed"
        except OSError as error:
            return type(error).__name__


@contextlib.contextmanager
def idlers(server: Server, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that have sent this and go on holding."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 60))
            with contextlib.suppress(OSError):
                connection.sendall(sent)
            held.append(connection)
        yield held


def crowd(server: Server, count: int, sent: bytes) -> str:
    """What an honest client gets beside connections that have sent this, at once and when their time is up."""
    with idlers(server, count, sent) as held:
        time.sleep(1)
        for connection in held:  # one byte more each
            with contextlib.suppress(OSError):
                connection.sendall(b"x")
        begin = time.perf_counter()
        at_once = server.post(b"{}")[:3]
        seconds = time.perf_counter() - begin
        time.sleep(25)
        open_still = sum(not closed(connection) for connection in held)
        return f"honest client {at_once} in {seconds:.2f} s; after 25 s {open_still} of {count} still open"


def closed(connection: socket.socket) -> bool:
    """Whether the other side has closed a connection; what it sent is thrown away."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


FULL = 16 * MEBIBYTE - 200
EARLY = b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
ATTACKS: dict[str, Callable[[Server], str]] = {
    "honest: 64 images": lambda server: server.post(honest(64)),
    "honest: 512 images": lambda server: server.post(honest(512)),
    "honest: 1,024 images": lambda server: server.post(honest(1024)),
    "shape from first elements, 3 kB": lambda server: server.post(shape_bomb(3, 250)),
    "shape from first elements, 26 kB": lambda server: server.post(shape_bomb(3, 2150)),
    "350,000 empty strings, 1 MB": lambda server: server.post(instances(b",".join([b'""'] * 350_000))),
    "empty strings, 16 MiB": lambda server: server.post(instances(b'"",' * (FULL // 3) + b'""')),
    "empty lists, 16 MiB": lambda server: server.post(instances(b"[]," * (FULL // 3) + b"[]")),
    "objects, 16 MiB": lambda server: server.post(instances(b'{"b64":""},' * (FULL // 11) + b"{}")),
    "names in a row, 16 MiB": lambda server: server.post(
        instances(b"{" + b",".join(b'"%07d":0' % number for number in range(FULL // 12)) + b"}")
    ),
    "members, 16 MiB": lambda server: server.post(
        b"{" + b",".join(b'"%07d":0' % number for number in range(FULL // 12)) + b"}"
    ),
    "pixels as numbers, 16 MiB": lambda server: server.post(instances(pixel_rows(), "images")),
    "numbers in one list, 16 MiB": lambda server: server.post(instances(b"[" + b"0," * (FULL // 2) + b"0]", "images")),
    "a number of 16 million digits": lambda server: server.post(instances(b"9" * FULL, "images")),
    "a string of 16 MiB": lambda server: server.post(instances(b'"' + b"a" * FULL + b'"')),
    "base64 with white space, 16 MiB": lambda server: server.post(
        instances(b'{"b64":"' + b"A " * (FULL // 2 - 10) + b'"}')
    ),
    "base64 of 12 MB": lambda server: server.post(instances(b'{"b64":"' + b"A" * (FULL // 4 * 4 - 16) + b'"}')),
    "lists 100 deep": lambda server: server.post(b'{"inputs": ' + b"[" * 100 + b"1" + b"]" * 100 + b"}"),
    "lists 100 deep, numbers": lambda server: server.post(
        b'{"signature_name": "images", "inputs": ' + b"[" * 100 + b"1" + b"]" * 100 + b"}"
    ),
    "lists 8 million deep": lambda server: server.post(b'{"inputs": ' + b"[" * (FULL // 2) + b"]" * (FULL // 2) + b"}"),
    "version of 5,001 digits": lambda server: server.post(b"{}", f"/v1/models/captcha/versions/{'0' * 5001}:predict"),
    "picture of 4000x4000": lambda server: server.post(pictures(1, 4000, 4000)),
    "40 pictures of 4000x4000": lambda server: server.post(pictures(40, 4000, 4000)),
    "1,024 pictures of 1000x1000": lambda server: server.post(pictures(1024, 1000, 1000)),
    "15 pictures of 1000x1000": lambda server: server.post(pictures(15, 1000, 1000)),
    "gRPC: 8 million empty strings": lambda server: grpc_call(
        server, dtype=7, shape=[FULL // 2 - 100], string_val=[b""] * (FULL // 2 - 100)
    ),
    "gRPC: 16 million int_val": lambda server: grpc_call(server, dtype=4, shape=[FULL], int_val=bytes(FULL - 200)),
    "gRPC: int_val out of range": lambda server: grpc_call(server, dtype=4, int_val=[300]),
    "gRPC: half_val out of range": lambda server: grpc_call(server, dtype=19, half_val=[1 << 20]),
    "gRPC: DT_VARIANT": lambda server: grpc_call(server, dtype=21),
    "gRPC: DT_RESOURCE": lambda server: grpc_call(server, dtype=20),
    "headers of 24 MiB": lambda server: headers_of(server, 24 * MEBIBYTE),
    "2,000 idle connections": lambda server: crowd(server, 2000, b""),
    "2,000 that trickle headers": lambda server: crowd(server, 2000, b"GET / HTTP/1.1\r\n"),
    "2,000 answered early, one byte more": lambda server: crowd(server, 2000, EARLY),
}
# Read once, when the first honest request is made.
_IMAGES: list[bytes] = []


def honest(count: int) -> bytes:
    """A body with images like those that the model was trained on."""
    if not _IMAGES:
        from captcha_keras.recognizer.formats import read_spec
        from captcha_keras.recognizer.pretrained import pretrained_path
        from data_gen import Series

        source = Series(read_spec(pretrained_path("captcha") / "1"), "attacks").source()
        _IMAGES.extend(base64.b64encode(source.draw(index).content) for index in range(64))
    return instances(b",".join(b'{"b64": "' + _IMAGES[index % 64] + b'"}' for index in range(count)))


def pixel_rows() -> bytes:
    """As many rows of 170x80 pixels as fit into a body."""
    row = json.dumps([[[0, 0, 0]] * 170] * 80, separators=(",", ":")).encode()
    return b",".join([row] * (FULL // (len(row) + 1)))

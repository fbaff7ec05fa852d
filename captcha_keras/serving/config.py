"""The settings of the embedded server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from captcha_keras.errors import InputError
from captcha_keras.serving.batching import BatchingConfig

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class ServeConfig:
    """The settings of a server.

    Attributes:
        model: Folder of the model's versions.
        name: The model's name in paths and messages.
        host: Address to listen on.
        port: Port of the REST interface and the page; 0 for any free one.
        grpc_port: Port of the gRPC interface; None for no gRPC, 0 for any free one.
        image_root: Folder whose images `/recognize/path` may read; None turns it off.
        batching: How requests are computed together.
        max_body_bytes: Longest body of a request.
        max_held_bytes: Bytes of the bodies of all requests that are under way.
        max_connections: HTTP connections at the same time.
        arrival_timeout: Seconds for a request's headers to arrive, and as many again for its body.
        stop_timeout: Seconds that requests under way get after SIGTERM.
        poll_interval: Seconds between looks for a new version.

    Example:
        >>> ServeConfig(Path("models/captcha"), port=0).max_body_bytes
        16777216
        >>> ServeConfig(Path("models/captcha"), port=99999)
        Traceback (most recent call last):
        captcha_keras.errors.InputError: A port must be 0 to 65535, got 99999.
    """

    model: Path
    name: str = "captcha"
    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int | None = None
    image_root: Path | None = None
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    max_body_bytes: int = 16 * MEBIBYTE
    max_held_bytes: int = 256 * MEBIBYTE
    max_connections: int = 1024
    arrival_timeout: float = 20.0
    stop_timeout: float = 10.0
    poll_interval: float = 1.0

    def __post_init__(self) -> None:
        for port in (self.port, self.grpc_port):
            if port is not None and not 0 <= port <= 65535:
                raise InputError(f"A port must be 0 to 65535, got {port}.")
        for name in ("max_body_bytes", "max_connections", "arrival_timeout"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")

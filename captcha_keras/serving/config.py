"""The settings of the embedded server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from captcha_keras.errors import InputError
from captcha_keras.serving.batching import BatchingConfig
from captcha_keras.serving.models.model_config import ModelConfig, read_model_config

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class ServeConfig:
    """The settings of a server.

    Attributes:
        model: Folder of the one model's versions; None if `model_config` names the models.
        name: The one model's name in paths and messages.
        version_labels: The one model's version numbers by the labels that requests may use.
        model_config: TF Serving's `models.config`, which names the models; None if there is one model.
        host: Address to listen on.
        port: Port of the REST interface and the page; 0 for any free one.
        grpc_port: Port of the gRPC interface; None for no gRPC, 0 for any free one.
        image_root: Folder whose images `/recognize/path` may read; None turns it off.
        cors_origins: Origins whose web pages may read the answers of TF Serving's interface; "*" for every one.
        batching: How requests are computed together.
        max_body_bytes: Longest body of a request.
        max_held_bytes: Bytes of the bodies of all requests that are under way.
        max_connections: HTTP connections at the same time.
        arrival_timeout: Seconds for a request's headers to arrive, and as many again for its body.
        stop_timeout: Seconds that requests under way get after SIGTERM.
        poll_interval: Seconds between looks for a new version.
        max_load_retries: How often a version that cannot be loaded is tried again.
        load_retry_interval: Seconds between two of these tries.

    Example:
        >>> ServeConfig(Path("models/captcha"), port=0).max_body_bytes
        16777216
        >>> ServeConfig(Path("models/captcha"), port=99999)
        Traceback (most recent call last):
        captcha_keras.errors.InputError: A port must be 0 to 65535, got 99999.
    """

    model: Path | None = None
    name: str = "captcha"
    version_labels: Mapping[str, int] = field(default_factory=dict)
    model_config: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int | None = None
    image_root: Path | None = None
    cors_origins: tuple[str, ...] = ()
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    max_body_bytes: int = 16 * MEBIBYTE
    max_held_bytes: int = 256 * MEBIBYTE
    max_connections: int = 1024
    arrival_timeout: float = 20.0
    stop_timeout: float = 10.0
    poll_interval: float = 1.0
    max_load_retries: int = 5
    load_retry_interval: float = 60.0

    def __post_init__(self) -> None:
        if (self.model is None) == (self.model_config is None):
            raise InputError("Either model, the folder of one model, or model_config must be given, and not both.")
        if self.model_config is not None and self.version_labels:
            raise InputError("With a model_config, the labels of versions stand in it.")
        for port in (self.port, self.grpc_port):
            if port is not None and not 0 <= port <= 65535:
                raise InputError(f"A port must be 0 to 65535, got {port}.")
        for name in ("max_body_bytes", "max_held_bytes", "max_connections", "arrival_timeout", "poll_interval"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")
        for name in ("stop_timeout", "max_load_retries", "load_retry_interval"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}.")

    @cached_property
    def models(self) -> list[ModelConfig]:
        """The models, of which the first one is that of the page.

        Raises:
            InputError: The `model_config` cannot be read.
        """
        if self.model is not None:
            return [ModelConfig(self.name, self.model, labels=self.version_labels)]
        return read_model_config(cast(Path, self.model_config))

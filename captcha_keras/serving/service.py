"""The parts of a server that its HTTP and gRPC interfaces share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.bodies import BodyReader
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.metrics import Metrics
from captcha_keras.serving.repository import ModelRepository


@dataclass(frozen=True)
class Service:
    """The parts of a server behind its interfaces.

    Attributes:
        config: The settings.
        repository: Gives the model in service.
        batcher: Computes requests.
        metrics: Counts requests and computations.
        bodies: Reads the bodies of requests and bounds their memory.

    Example:
        >>> from pathlib import Path
        >>> config = ServeConfig(Path("models/captcha"))
        >>> service = Service.create(config, ModelRepository(config.model, config.name))
        >>> service.repository.serving, service.batcher.waiting_rows
        (False, 0)
    """

    config: ServeConfig
    repository: ModelRepository
    batcher: Batcher
    metrics: Metrics
    bodies: BodyReader

    @classmethod
    def create(cls, config: ServeConfig, repository: ModelRepository) -> Self:
        """Make the batcher, and the metrics that count what it computes."""
        metrics = Metrics(config.name)
        batcher = Batcher(config.batching, metrics.batch)
        metrics.watch(lambda: batcher.waiting_rows, lambda: repository.current.version)
        bodies = BodyReader(config.max_body_bytes, config.max_held_bytes, config.arrival_timeout)
        return cls(config, repository, batcher, metrics, bodies)

"""What the interfaces of a server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.metrics import Metrics
from captcha_keras.serving.repository import ModelRepository


@dataclass(frozen=True)
class Service:
    """The parts behind HTTP and gRPC.

    Attributes:
        config: The settings.
        repository: Gives the model in service.
        batcher: Computes.
        metrics: Counts.
    """

    config: ServeConfig
    repository: ModelRepository
    batcher: Batcher
    metrics: Metrics

    @classmethod
    def of(cls, config: ServeConfig, repository: ModelRepository) -> Self:
        """With a batcher whose work is counted."""
        metrics = Metrics()
        batcher = Batcher(config.batching, metrics.batch)
        metrics.watch(lambda: batcher.waiting_rows, lambda: repository.current.version)
        return cls(config, repository, batcher, metrics)

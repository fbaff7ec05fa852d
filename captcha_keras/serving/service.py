"""The parts of a server that its HTTP and gRPC interfaces share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.http.bodies import BodyReader
from captcha_keras.serving.metrics import Metrics
from captcha_keras.serving.models.repository import ModelRepository
from captcha_keras.serving.models.versions import Retries


@dataclass
class Service:
    """The parts of a server behind its interfaces.

    Attributes:
        config: The settings.
        repository: Gives the model in service.
        batcher: Computes requests.
        metrics: Counts requests and computations.
        bodies: Reads the bodies of requests and bounds their memory.
        draining: Whether the server is about to end, and only answers what is under way.

    Example:
        >>> from pathlib import Path
        >>> service = Service.create(ServeConfig(Path("models/captcha")))
        >>> service.repository.serving, service.batcher.waiting_rows
        (False, 0)
    """

    config: ServeConfig
    repository: ModelRepository
    batcher: Batcher
    metrics: Metrics
    bodies: BodyReader
    draining: bool = False

    @classmethod
    def create(cls, config: ServeConfig) -> Self:
        """Make the parts; the repository loads its models when it is asked to `poll`.

        Raises:
            InputError: The file that names the models cannot be read.
        """
        retries = Retries(config.max_load_retries, config.load_retry_interval)
        repository = ModelRepository(config.models, retries=retries)
        metrics = Metrics([model.name for model in config.models])
        batcher = Batcher(config.batching, metrics.batch)
        metrics.watch(lambda: batcher.waiting_rows, repository.versions_in_service)
        bodies = BodyReader(config.max_body_bytes, config.max_held_bytes, config.arrival_timeout)
        return cls(config, repository, batcher, metrics, bodies)

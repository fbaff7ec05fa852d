"""The four clients, so that one test can use them all alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client.clients import (
    AsyncClient,
    AsyncGrpcClient,
    AsyncRestClient,
    Client,
    GrpcClient,
    RestClient,
)

Kind = type[Client | AsyncClient]
REST = pytest.mark.parametrize("kind", [RestClient, AsyncRestClient])
GRPC = pytest.mark.parametrize("kind", [GrpcClient, AsyncGrpcClient])
ALL = pytest.mark.parametrize("kind", [RestClient, AsyncRestClient, GrpcClient, AsyncGrpcClient])


class Awaited:
    """Awaits the methods of an asynchronous client."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *words, **named: self._runner.run(getattr(self._client, name)(*words, **named))


@contextmanager
def opened(kind: Kind, address: str, *words: Any, **options: Any) -> Iterator[Any]:
    """A client whose methods block, whatever its kind."""
    client = kind(address, *words, **options)
    if isinstance(client, Client):
        with client:
            yield client
        return
    with asyncio.Runner() as runner:
        runner.run(client.__aenter__())
        try:
            yield Awaited(client, runner)
        finally:
            runner.run(client.__aexit__(None, None, None))


def texts(found: list[Prediction | None]) -> list[str]:
    return [prediction.text if prediction else "" for prediction in found]

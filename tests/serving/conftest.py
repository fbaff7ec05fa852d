from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from captcha_keras.export.saved_model import export_saved_model
from captcha_keras.recognizer.pretrained import pretrained_path, versions
from data_gen import Settings
from tests.lively import FILES, SOURCE, SPEC, lively_network
from tests.serving.browser import chromium


@pytest.fixture(scope="session")
def files() -> list[bytes]:
    """JPEG files of the model's size."""
    return FILES


@pytest.fixture(scope="session")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small exported model; never write into it."""
    repository = tmp_path_factory.mktemp("served") / "captcha"
    record = {"settings": {}, "spec": {}, "dataset": {"description": Settings(SOURCE.series).description()}}
    assets = {"config.json": json.dumps(record).encode()}
    return export_saved_model(lively_network(), SPEC, repository, FILES, assets=assets)


@pytest.fixture(scope="session", params=["small", "pretrained"])
def model(request: pytest.FixtureRequest, version: Path) -> Path:
    """The small exported model, and then the one that comes with the project."""
    if request.param == "small":
        return version
    found = versions(pretrained_path("captcha"))
    return found[max(found)]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Headless Chromium; skips the test where there is none."""
    with chromium() as browser:
        yield browser

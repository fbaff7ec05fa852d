from __future__ import annotations

from pathlib import Path

import pytest

from captcha_keras.export import export_saved_model
from captcha_keras.trained import SHIPPED, versions
from tests.lively import FILES, SPEC, lively_network


@pytest.fixture(scope="session")
def files() -> list[bytes]:
    """JPEG files of the model's size."""
    return FILES


@pytest.fixture(scope="session")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small exported model; never write into it."""
    repository = tmp_path_factory.mktemp("served") / "captcha"
    record = b'{"settings": {}, "spec": {}, "dataset": {"description": null}}'
    return export_saved_model(lively_network(), SPEC, repository, FILES, assets={"config.json": record})


@pytest.fixture(scope="session", params=["small", "shipped"])
def model(request: pytest.FixtureRequest, version: Path) -> Path:
    """The small exported model, and then the one that comes with the project."""
    if request.param == "small":
        return version
    found = versions(SHIPPED)
    return found[max(found)]

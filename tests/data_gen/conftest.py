from __future__ import annotations

import pytest

from data_gen import generate_dataset, processes
from tests.data_gen.folders import SETTINGS, contents


@pytest.fixture(scope="package")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one worker draws without interruption."""
    folder = tmp_path_factory.mktemp("reference") / "data"
    generate_dataset(SETTINGS, folder, engine=processes(1))
    return contents(folder)

"""Which versions of a model are loaded, kept, let go and tried again, as with TF Serving."""

from __future__ import annotations

import base64
import gc
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from captcha_keras.errors import CommandError
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.http.app import Application
from captcha_keras.serving.models.model import ServedModel
from captcha_keras.serving.models.model_config import ModelConfig, VersionPolicy
from captcha_keras.serving.models.versions import ModelVersions, Retries, VersionStatus
from captcha_keras.serving.service import Service
from tests.lively import FILES
from tests.serving.cases import PREDICT


class Loaded:
    def __init__(self, path: Path) -> None:
        self.version = int(path.name)
        if (path / "bad").exists():
            raise CommandError(f"{path.name} is bad")


def models_of(path: Path, policy: VersionPolicy = VersionPolicy(), retries: Retries = Retries()) -> ModelVersions:  # noqa: B008
    return ModelVersions(ModelConfig("captcha", path, policy), cast(Any, Loaded), retries)


def add(path: Path, *names: str, bad: bool = False) -> None:
    for name in names:
        (path / name).mkdir()
        (path / name / "saved_model.pb").touch()
        if bad:
            (path / name / "bad").touch()


def in_service(models: ModelVersions) -> list[int]:
    return [status.version for status in models.states if status.state == "AVAILABLE"]


def states(models: ModelVersions) -> dict[int, str]:
    return {status.version: status.state for status in models.states}


def test_the_latest_version_is_served_and_a_later_one_takes_over(tmp_path: Path) -> None:
    add(tmp_path, "2", "10")
    models = models_of(tmp_path)
    assert models.find() is None
    assert models.poll()
    assert in_service(models) == [10]
    assert not models.poll()
    add(tmp_path, "3")
    assert not models.poll()
    add(tmp_path, "00011")
    assert models.poll()
    assert models.states == [VersionStatus(11, "AVAILABLE"), VersionStatus(10, "END")]
    assert models.find(10) is None
    latest = models.find()
    assert latest is models.find(11) is not None


def test_what_is_not_a_complete_version_is_not_seen(tmp_path: Path) -> None:
    add(tmp_path, "1", ".tmp-7", "x", "-3", "٣")
    (tmp_path / "9").mkdir()
    (tmp_path / "8").touch()
    models = models_of(tmp_path)
    assert models.poll()
    assert states(models) == {1: "AVAILABLE"}


def test_deleting_the_newest_folder_rolls_back(tmp_path: Path) -> None:
    add(tmp_path, "1", "2", "3")
    models = models_of(tmp_path)
    models.poll()
    shutil.rmtree(tmp_path / "3")
    assert models.poll()
    assert models.states == [VersionStatus(3, "END"), VersionStatus(2, "AVAILABLE")]
    # What should come back cannot be loaded: the one before it does, and there is never none in service.
    add(tmp_path, "4")
    models.poll()
    shutil.rmtree(tmp_path / "4")
    (tmp_path / "2" / "bad").touch()
    assert models.poll()
    assert in_service(models) == [1]
    shutil.rmtree(tmp_path / "1")
    assert not models.poll()
    assert in_service(models) == [1]


def test_a_version_is_loaded_before_the_old_one_is_let_go(tmp_path: Path) -> None:
    found: list[list[int]] = []

    def load(path: Path) -> Any:
        found.append(in_service(models))
        return Loaded(path)

    models = ModelVersions(ModelConfig("captcha", tmp_path), load)
    for name in ("1", "2"):
        add(tmp_path, name)
        models.poll()
    shutil.rmtree(tmp_path / "2")
    models.poll()
    assert found == [[], [1], [2]]


def test_a_folder_that_is_gone_changes_nothing_and_an_empty_one_ends_service(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    add(folder, "1")
    models = models_of(folder)
    models.poll()
    folder.rename(tmp_path / "away")
    assert not models.poll()
    assert in_service(models) == [1]
    folder.mkdir()
    assert models.poll()
    assert models.find() is None
    assert models.states == [VersionStatus(1, "END")]
    add(folder, "1")
    assert models.poll()
    assert in_service(models) == [1]


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [
        (VersionPolicy(2), [3, 2], [4, 3]),
        (VersionPolicy(None), [3, 2, 1], [4, 3, 2, 1]),
        (VersionPolicy(None, frozenset({1, 3, 9})), [3, 1], [3, 1]),
    ],
)
def test_policies(tmp_path: Path, policy: VersionPolicy, before: list[int], after: list[int]) -> None:
    add(tmp_path, "1", "2", "3")
    models = models_of(tmp_path, policy)
    models.poll()
    assert in_service(models) == before
    add(tmp_path, "4")
    models.poll()
    assert in_service(models) == after
    assert getattr(models.find(), "version", None) == after[0]


def test_a_version_that_cannot_be_loaded_is_tried_again_and_then_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr("captcha_keras.serving.models.versions.time.monotonic", lambda: now)
    add(tmp_path, "1")
    models = models_of(tmp_path, retries=Retries(most=2, interval=60))
    models.poll()
    add(tmp_path, "2", bad=True)
    for _ in range(5):
        models.poll()
    # As TF Serving reports it: loading until it is given up.
    assert models.states == [VersionStatus(2, "LOADING"), VersionStatus(1, "AVAILABLE")]
    assert models.error == "2 is bad"
    now = 59.0
    models.poll()
    assert len(caplog.records) == 1
    for later in (60.0, 120.0, 180.0, 10_000.0):
        now = later
        models.poll()
    assert models.states == [VersionStatus(2, "END", "2 is bad"), VersionStatus(1, "AVAILABLE")]
    assert [cast(Any, record).fields["tries"] for record in caplog.records] == [1, 2, 3]
    # The folder that comes under its number later is another one.
    shutil.rmtree(tmp_path / "2")
    models.poll()
    add(tmp_path, "2")
    models.poll()
    assert models.states == [VersionStatus(2, "AVAILABLE"), VersionStatus(1, "END")]


def test_a_retry_that_succeeds_takes_over(tmp_path: Path) -> None:
    add(tmp_path, "1")
    add(tmp_path, "2", bad=True)
    models = models_of(tmp_path, retries=Retries(interval=0.01))
    models.poll()
    assert states(models) == {2: "LOADING", 1: "AVAILABLE"}
    (tmp_path / "2" / "bad").unlink()
    time.sleep(0.02)
    assert models.poll()
    assert states(models) == {2: "AVAILABLE", 1: "END"}
    assert models.error == ""


def test_any_error_of_loading_leaves_the_old_version_in_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def load(path: Path) -> Any:
        if path.name == "2":
            raise MemoryError("too large")
        return Loaded(path)

    add(tmp_path, "1")
    models = ModelVersions(ModelConfig("captcha", tmp_path), load)
    models.poll()
    add(tmp_path, "2")
    assert not models.poll()
    assert in_service(models) == [1]
    assert "MemoryError: too large" in caplog.text


NUMBERS = st.integers(1, 5)


@given(
    st.builds(VersionPolicy, st.none() | st.integers(1, 3), st.none() | st.frozensets(NUMBERS, min_size=1)),
    st.lists(st.frozensets(NUMBERS), min_size=1, max_size=8),
    st.frozensets(NUMBERS),
)
def test_whatever_the_folder_holds(policy: VersionPolicy, steps: list[frozenset[int]], bad: frozenset[int]) -> None:
    folder: dict[int, Path] = {}

    def load(path: Path) -> Any:
        if int(path.name) in bad:
            raise CommandError("bad")
        return Loaded(path)

    models = ModelVersions(ModelConfig("captcha", Path("/"), policy), load, Retries(interval=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("captcha_keras.serving.models.versions.versions", lambda path: folder)
        for numbers in steps:
            folder = {number: Path("/", str(number)) for number in numbers}
            before = in_service(models)
            models.poll()
            # What is wanted and cannot be loaded leaves what is there.
            assert in_service(models) == (policy.choose(numbers - bad) or (before if policy.choose(numbers) else []))


def put(version: Path, folder: Path, number: int) -> None:
    shutil.copytree(version, folder / ".tmp")
    (folder / ".tmp").rename(folder / str(number))


def test_a_replaced_version_leaves_memory_with_its_last_request(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(version, tmp_path, 1)
    service = Service.create(ServeConfig(tmp_path))
    repository = service.repository
    repository.poll()
    begun, release = threading.Event(), threading.Event()
    run = ServedModel.run

    def slow_run(model: ServedModel, *arguments: Any) -> Any:
        if model.version == 1 and begun.is_set():
            release.wait(60)
        begun.set()
        return run(model, *arguments)

    def of_version_1() -> str:
        return repository.status("captcha", 1)[0].state

    row = {"b64": base64.b64encode(FILES[0]).decode()}
    references = [weakref.ref(repository.current), weakref.ref(repository.current._loaded)]
    # Whatever is freed now is freed because nothing refers to it, not because a circle was found.
    gc.collect()
    gc.disable()
    monkeypatch.setattr(ServedModel, "run", slow_run)
    try:
        with TestClient(Application(service).asgi) as http, ThreadPoolExecutor(1) as pool:
            # Everything of the server that meets a model.
            assert http.post(PREDICT, json={"instances": [row]}).status_code == 200
            monkeypatch.setattr(ServedModel, "run", run)
            for signature in ("limited", "probabilities", "none"):
                http.post(PREDICT, json={"signature_name": signature, "instances": [row]})
            assert http.post("/recognize", files={"file": FILES[0]}).status_code == 200
            assert http.post("/draw").status_code == 200
            for path in ("/v1/models/captcha/metadata", "/monitoring/prometheus/metrics", "/readyz"):
                assert http.get(path).status_code == 200
            monkeypatch.setattr(ServedModel, "run", slow_run)
            last = pool.submit(http.post, PREDICT, json={"instances": [row]})
            until(lambda: service.metrics.page() and service.batcher._running)
            put(version, tmp_path, 2)
            assert repository.poll()
            assert of_version_1() == "UNLOADING"
            assert all(reference() is not None for reference in references)
            release.set()
            assert last.result().status_code == 200
            until(lambda: of_version_1() == "END")
            assert [reference() for reference in references] == [None, None]
    finally:
        release.set()
        gc.enable()
        service.batcher.close()


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)

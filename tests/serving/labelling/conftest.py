from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from captcha_keras.dataset.label_file import LabelFile
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.serving.labelling.app import labelling_app
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.serving.labelling.session import Session
from captcha_keras.serving.labelling.suggestions import Source, Suggestions
from captcha_keras.serving.labelling.trainings import Trainings
from tests.lively import FILES, SPEC, lively_network

ADDRESS = "http://127.0.0.1:8502"


@pytest.fixture(scope="session")
def lively() -> Source:
    """A network that reads something else in every image."""
    return Source(Recognizer(lively_network().predict_on_batch, SPEC), "lively", Path("runs/lively"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight images to label."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index, content in enumerate(FILES):
        (folder / f"{index}.jpg").write_bytes(content)
    return folder


def open_session(
    folder: Path, source: Source, limits: Limits | None = None, *, every: int = 0, output: Path | None = None
) -> Session:
    """A session as `captcha-keras label` makes it."""
    limits = limits or Limits()
    labels = LabelFile(output or folder / "labels.csv")
    trainings = Trainings(labels.path.resolve(), (folder / ".captcha-keras").resolve(), every)
    return Session(folder, labels, limits, Suggestions(source, limits), trainings)


@pytest.fixture
def session(folder: Path, lively: Source) -> Iterator[Session]:
    session = open_session(folder, lively)
    yield session
    session.close()


@pytest.fixture
def client(session: Session) -> TestClient:
    """A page of the server's own."""
    return client_of(session)


def client_of(session: Session) -> TestClient:
    headers = {"Origin": ADDRESS}
    return TestClient(labelling_app(session), ADDRESS, raise_server_exceptions=False, headers=headers)

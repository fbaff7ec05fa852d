"""Trainings in the background, by the command that a user would type."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from captcha_keras.networks.registry import build_network
from captcha_keras.serving.labelling.suggestions import Source
from captcha_keras.serving.labelling.trainings import Trainings, last_sentence, trained_labels
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.run_folder import RunFolder
from data_gen import Series
from tests.serving.labelling.conftest import client_of, open_session
from tests.serving.labelling.test_app import label

ENOUGH = 12
# So small that a step of a training takes some milliseconds.
TINY = CaptchaSpec("0X", 1, 1, 32, 24)


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    """The run folder of a network with random weights."""
    run = RunFolder(tmp_path / "runs" / "untrained")
    run.path.mkdir(parents=True)
    run.write_record({"settings": {"network": "vgg"}, "spec": TINY.to_json(), "dataset": {}})
    build_network("vgg", TINY).save(run.best_model)
    return run.path


def wait(finished: Callable[[], bool]) -> None:
    for _ in range(3000):
        if finished():
            return
        time.sleep(0.1)
    raise AssertionError("it takes too long")


def test_a_training_makes_the_suggestions_of_another_network(
    untrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The other processes of the tests would leave it little time.
    monkeypatch.setattr("captcha_keras.serving.labelling.trainings.NICENESS", 0)
    folder = tmp_path / "images"
    folder.mkdir()
    drawings = [Series(TINY, 3).source().draw(index) for index in range(ENOUGH + 3)]
    for index, drawing in enumerate(drawings):
        (folder / f"{index}.jpg").write_bytes(drawing.content)
    session = open_session(folder, Source.find(untrained), every=ENOUGH)
    client = client_of(session)
    for index, drawing in enumerate(drawings[:ENOUGH]):
        image = client.get("/next").json()["image"]
        assert image == f"{index}.jpg"
        running = label(client, image, drawing.text)["progress"]["training"]
        assert running["running_on"] == (ENOUGH if index + 1 == ENOUGH else None)
    assert running == {"running_on": ENOUGH, "in": ENOUGH, "failed": ""}
    # Labelling goes on meanwhile.
    assert label(client, f"{ENOUGH + 2}.jpg", "0")["image"] == f"{ENOUGH}.jpg"

    def progress() -> dict:
        return client.get("/status").json()["progress"]

    wait(lambda: progress()["training"]["running_on"] is None)
    assert progress()["training"] == {"running_on": None, "in": ENOUGH - 1, "failed": ""}
    # It was trained on all labels that there were when it read them.
    name = progress()["networks"][-1]["name"]
    assert name in (f"trained on {ENOUGH} labels", f"trained on {ENOUGH + 1} labels")
    wait(lambda: client.get("/next").json()["suggestion"]["network"] == name)
    session.close()

    # The next start goes on with this network, and waits for as many labels.
    trainings = Trainings(folder / "labels.csv", folder / ".captcha-keras", ENOUGH)
    run = trainings.resume()
    assert run
    assert run.read_record()["settings"]["initial_model"] == str(untrained)
    assert Source.trained(run).name == name
    assert trainings.status(trained_labels(run) + 1)["in"] == ENOUGH - 1


def outcome(client: TestClient) -> dict:
    """What the page is told of the training, once it is over."""
    wait(lambda: client.get("/status").json()["progress"]["training"]["running_on"] is None)
    return dict(client.get("/status").json()["progress"]["training"])


@pytest.mark.long
def test_why_a_training_failed_is_one_sentence(folder: Path, lively: Source) -> None:
    session = open_session(folder, lively, every=1)
    client = client_of(session)
    label(client, "0.jpg", "AB")
    assert outcome(client) == {
        "running_on": None,
        "in": 1,
        "failed": f"The training on 1 labels failed: {lively.model} is no run folder: it has no config.json.",
    }
    session.close()


def test_a_training_that_was_killed_leaves_labelling_alone(folder: Path, lively: Source) -> None:
    session = open_session(folder, lively, every=2)
    client = client_of(session)
    label(client, "0.jpg", "AB")
    label(client, "1.jpg", "AB")
    wait(lambda: session._trainings._process is not None)
    process = session._trainings._process
    assert process
    if hasattr(os, "getpriority"):
        assert os.getpriority(os.PRIO_PROCESS, process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    process.kill()
    failed = "The training on 2 labels failed: its process ended with status -9."
    assert outcome(client) == {"running_on": None, "in": 2, "failed": failed}
    answer = label(client, "2.jpg", "CD")
    assert answer["image"] == "3.jpg"
    assert answer["progress"]["networks"][-1]["name"] == "lively"
    session.close()


def test_runs_that_cannot_be_written_leave_labelling_alone(folder: Path, lively: Source) -> None:
    (folder / ".captcha-keras").touch()
    session = open_session(folder, lively, every=1)
    client = client_of(session)
    label(client, "0.jpg", "AB")
    assert "File exists" in outcome(client)["failed"]
    assert label(client, "1.jpg", "AB")["image"] == "2.jpg"
    session.close()


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ("Decoding: 7/7 images\nAB has 7 images.\n", "AB has 7 images."),
        ("data has 2 bad entries:\n  a.png is empty\n  b.png is empty\n", "data has 2 bad entries: a.png is empty"),
        ("Traceback (most recent call last):\n  File x\n    call()\nValueError: no\n", "ValueError: no"),
        ("", "its process ended with status 1."),
        ("  \n  indented\n", "its process ended with status 1."),
    ],
)
def test_the_sentence_that_a_command_ends_with(log: str, sentence: str) -> None:
    assert last_sentence(log, 1) == sentence


def test_a_training_ends_with_labelling(folder: Path, lively: Source) -> None:
    session = open_session(folder, lively, every=1)
    label(client_of(session), "0.jpg", "AB")
    trainings = session._trainings
    wait(lambda: trainings._process is not None)
    process = trainings._process
    session.close()
    assert process
    assert process.wait(30) != 0
    wait(lambda: trainings.status(1)["running_on"] is None)
    # None begins after that.
    trainings.consider(5, lively.model, on_trained=print)
    assert trainings.status(5)["running_on"] is None

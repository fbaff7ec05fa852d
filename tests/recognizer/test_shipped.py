"""The model that comes with the project, and what its card says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captcha_keras.cli.train import NOT_SETTINGS, parser
from captcha_keras.errors import InputError
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.pretrained import pretrained_path, versions
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.schedule import plan
from data_gen import Series
from data_gen.looks.settings import ANY_SPEC

ROOT = Path(__file__).parents[2]
CARD = (ROOT / "models" / "README.md").read_text()
SHIPPED = pretrained_path("captcha")
VERSION = SHIPPED / "1"


def test_there_is_one_version_of_at_most_8_megabytes() -> None:
    assert list(versions(SHIPPED)) == [1]
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) <= 8e6


def test_it_reads_new_images() -> None:
    recognizer = Recognizer.from_pretrained("captcha")
    assert recognizer.spec == CaptchaSpec()
    source = Series(recognizer.spec, "shipped").source()
    drawings = [source.draw(index) for index in range(500)]
    predictions = recognizer.read([drawing.pixels for drawing in drawings])
    right = [prediction.text == drawing.text for prediction, drawing in zip(predictions, drawings, strict=True)]
    assert sum(right) >= 490
    # What it is sure of is right.
    sure = np.array([prediction.confidence for prediction in predictions]) > 0.99
    assert sure.sum() > 400
    assert np.mean(np.array(right)[sure]) > 0.99


def test_the_cards_command_is_what_trained_it() -> None:
    (command,) = re.findall(r"^python train\.py (.*)$", CARD, re.MULTILINE)
    options = vars(parser().parse_args(shlex.split(command)))
    given = {name: value for name, value in options.items() if name not in NOT_SETTINGS}
    assert not options["augment"]
    config = TrainConfig(**given, augmentation=None)
    # What is left to the schedule today was a setting then.
    config = replace(config, warmup_steps=plan(config, 40_960).warmup_steps)
    assert config == RunFolder(VERSION / "assets").read_config()


def test_the_card_says_what_the_history_says() -> None:
    history = (VERSION / "assets" / "history.csv").read_text().splitlines()
    epochs, images = len(history) - 1, 40_960
    assert f"{epochs * images:,} new images of 170x80 ({epochs} epochs of {images:,})" in CARD


@pytest.mark.parametrize("command", [["predict", "{image}"], ["evaluate", "--fresh", "50"]])
def test_commands_use_it_when_there_is_no_run(tmp_path: Path, command: list[str]) -> None:
    drawing = Series(CaptchaSpec(), "shipped").source().draw(0)
    (tmp_path / "a.jpg").write_bytes(drawing.content)
    words = [word.format(image="a.jpg") for word in command]
    result = subprocess.run(
        [sys.executable, "-m", "captcha_keras", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (drawing.text if command[0] == "predict" else "captcha/1 on 50 freshly drawn images") in result.stdout


def test_without_it_a_run_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("captcha_keras.recognizer.pretrained.PACKAGE", tmp_path / "none")
    with pytest.raises(InputError, match=r"There is no finished run in runs/; train one with python train\.py"):
        find_model()


def test_the_network_for_any_look_has_one_version_and_reads_what_it_was_never_shown() -> None:
    repository = pretrained_path("any")
    assert list(versions(repository)) == [1]
    assert sum(file.stat().st_size for file in repository.rglob("*") if file.is_file()) <= 8e6
    recognizer = Recognizer.from_pretrained("any")
    assert recognizer.spec == ANY_SPEC
    for spec, least in ((CaptchaSpec("0123456789", 4, 4, 160, 60), 0.9), (CaptchaSpec(width=160, height=60), 0.85)):
        source = Series(spec, "shipped").source()
        drawings = [source.draw(index) for index in range(200)]
        read = recognizer.read((drawing.content for drawing in drawings), alphabet=spec.alphabet, length=4)
        right = [prediction.text == drawing.text for prediction, drawing in zip(read, drawings, strict=True)]
        assert np.mean(right) > least

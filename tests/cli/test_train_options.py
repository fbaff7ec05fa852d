"""The help of train.py tells the defaults of TrainConfig, which it does not load, and what its options mean."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.cli.train import NOT_SETTINGS, main, parse_size, parser
from captcha_keras.errors import InputError
from captcha_keras.training import schedule
from captcha_keras.training.canvas import LARGE_PIXELS, SHRUNK_PIXELS
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder

ACTIONS = {action.dest: action for action in parser()._actions if action.dest != "help"}


SHOWN = """data batch_size learning_rate anneal plateau_patience stop_patience seed
label_smoothing validation_fraction test_fraction image_store precision"""


@pytest.mark.parametrize("name", SHOWN.split())
def test_the_default_in_the_help_is_the_real_one(name: str) -> None:
    default = getattr(TrainConfig(), name)
    words = f"{default:g}" if isinstance(default, int | float) else default
    assert str(ACTIONS[name].help).endswith(f"({words})")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("network", f"else {TrainConfig.network})"),
        ("epochs", f"({schedule.PASSES}; "),
        ("epochs", f"at least {schedule.FEWEST_STEPS_PER_EPOCH} steps"),
        ("warmup_steps", f"({schedule.WARMUP_STEPS}, at most an eighth of all)"),
        ("size", f"more than {LARGE_PIXELS:,} pixels are shrunk to {SHRUNK_PIXELS:,}"),
    ],
)
def test_the_help_names_what_a_default_is_made_of(name: str, words: str) -> None:
    assert words in str(ACTIONS[name].help)
    assert schedule.WARMUP_DIVISOR == 8


def test_every_option_is_a_setting() -> None:
    settings = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(ACTIONS) - NOT_SETTINGS <= settings


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_a_size_comes_back(width: int, height: int) -> None:
    assert parse_size(f"{width}x{height}") == (width, height)


@given(st.text(max_size=8) | st.sampled_from(["200", "200x", "x64", "200X64", "200x64\n", "-1x5", "１x１", "12345x1"]))
def test_what_is_no_size_is_refused(text: str) -> None:
    width, cross, height = text.partition("x")
    if cross and all(part.isascii() and part.isdecimal() and len(part) <= 4 for part in (width, height)):
        return
    with pytest.raises(InputError, match="--size must look like 200x64"):
        parse_size(text)


def test_a_pretrained_model_is_started_from_by_its_name(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--data", str(drawn), "--epochs", "1", "--steps-per-epoch", "1", "--no-augment", "--labels", "40"]
    assert main([*words, "--from", "captcha", "--run", "named"]) == 0
    config = RunFolder(Path("named")).read_config()
    assert config.network == "vgg"
    assert config.labels == 40
    assert Path(str(config.initial_model)).parts[-3:] == ("models", "captcha", "1")
    # A folder of that name comes before the pretrained model, and a run below this folder is recorded as it was named.
    assert main([*words, "--from", "named/best.keras", "--size", "50x40", "--run", "second"]) == 0
    config = RunFolder(Path("second")).read_config()
    assert (config.initial_model, config.size) == ("named/best.keras", (50, 40))
    Path("captcha").mkdir()
    assert main([*words, "--from", "captcha"]) == 2

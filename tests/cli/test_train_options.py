"""The help of train.py tells the defaults of TrainConfig, which it does not load."""

from __future__ import annotations

import dataclasses

import pytest

from captcha_keras.cli.train import NOT_SETTINGS, parser
from captcha_keras.training.config import TrainConfig

ACTIONS = {action.dest: action for action in parser()._actions if action.dest != "help"}


SHOWN = """data network epochs batch_size learning_rate warmup_steps anneal plateau_patience stop_patience seed
label_smoothing validation_fraction test_fraction image_store precision"""


@pytest.mark.parametrize("name", SHOWN.split())
def test_the_default_in_the_help_is_the_real_one(name: str) -> None:
    default = getattr(TrainConfig(), name)
    words = f"{default:g}" if isinstance(default, int | float) else default
    assert str(ACTIONS[name].help).endswith(f"({words})")


def test_every_option_is_a_setting() -> None:
    settings = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(ACTIONS) - NOT_SETTINGS <= settings

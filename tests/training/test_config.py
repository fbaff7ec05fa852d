from __future__ import annotations

import json

import numpy as np
import pytest

from captcha_keras.errors import InputError
from captcha_keras.pipeline.augmentation import Augmentation
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.fit import build_trainee
from captcha_keras.training.schedule import Schedule


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(augmentation=None, epochs=3, alphabet="01"),
        TrainConfig(size=(200, 64), labels=100, initial_model="runs/first"),
        TrainConfig(augmentation=Augmentation(zoom_range=(0.9, 1.2), width_shift_range=(1.0, 2.0))),
    ],
)
def test_json_round_trip(config: TrainConfig) -> None:
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_unknown_settings_are_refused() -> None:
    value = TrainConfig().to_json()
    with pytest.raises(InputError, match="TrainConfig has unknown settings: rounds, turns"):
        TrainConfig.from_json({**value, "turns": 2, "rounds": 3})
    with pytest.raises(InputError, match="Augmentation has unknown settings: flip"):
        TrainConfig.from_json({**value, "augmentation": {**value["augmentation"], "flip": True}})


def test_a_setting_that_is_newer_than_the_record_has_its_default() -> None:
    value = TrainConfig(epochs=3).to_json()
    del value["characters"]
    assert TrainConfig.from_json(value) == TrainConfig(epochs=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, got nan"),
        ({"anneal": 1.5}, "anneal must be 0 to 1, got 1.5"),
        ({"label_smoothing": 1.0}, "label_smoothing must be from 0 to below 1, got 1.0"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, got 1.0"),
        ({"characters": "letters", "fresh_images": True}, "leave out --characters"),
        ({"labels": 100, "fresh_images": True}, "and --fresh-images learns from other images; leave out one."),
        ({"labels": 100, "characters": "letters"}, "and --characters learns from other images; leave out one."),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        TrainConfig(**arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(("network", "rate"), [("vgg", 3e-3), ("mathematica_relu", 3e-4), ("single_head", 1e-3)])
def test_every_network_has_a_learning_rate_of_its_own(network: str, rate: float) -> None:
    assert TrainConfig(network=network).learning_rate == rate
    assert TrainConfig(network=network, learning_rate=0.5).learning_rate == 0.5
    with pytest.raises(InputError, match="There is no network 'resnet'"):
        TrainConfig(network="resnet")


def test_settings_that_were_renamed_are_read() -> None:
    recorded = TrainConfig().to_json()
    recorded["validation_share"], recorded["test_share"] = 0.2, 0.3
    del recorded["validation_fraction"], recorded["test_fraction"]
    config = TrainConfig.from_json(recorded)
    assert (config.validation_fraction, config.test_fraction) == (0.2, 0.3)


@pytest.mark.parametrize(("rate", "alike"), [(0.0, True), (None, False), (0.5, False)])
def test_the_dropout_rate_is_that_of_the_setting(rate: float | None, alike: bool) -> None:
    spec = CaptchaSpec("AB", 2, 2, 40, 24)
    config = TrainConfig(dropout=rate, precision="float32")
    schedule = Schedule(epochs=1, steps_per_epoch=1, warmup_steps=0)
    network = build_trainee(config, spec, "float32", schedule).network
    images = np.random.default_rng(0).integers(0, 256, (4, 24, 40, 3), np.uint8)
    first, second = (np.asarray(network(images, training=True)["char_0"]) for _ in range(2))
    assert np.array_equal(first, second) is alike

from __future__ import annotations

import json

import pytest

from captcha_keras.augment import Augmentation
from captcha_keras.errors import InputError
from captcha_keras.training import TrainConfig


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(augmentation=None, epochs=3, alphabet="01"),
        TrainConfig(augmentation=Augmentation(zoom_range=(0.9, 1.2), width_shift_range=(1.0, 2.0))),
    ],
)
def test_json_round_trip(config: TrainConfig) -> None:
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_unknown_and_missing_settings_are_refused() -> None:
    value = TrainConfig().to_json()
    with pytest.raises(InputError, match="missing or unknown settings: epochs, rounds"):
        TrainConfig.from_json({**{k: v for k, v in value.items() if k != "epochs"}, "rounds": 3})
    with pytest.raises(InputError, match="Augmentation has missing or unknown settings: flip"):
        TrainConfig.from_json({**value, "augmentation": {**value["augmentation"], "flip": True}})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, got nan"),
        ({"anneal": 1.5}, "anneal must be 0 to 1, got 1.5"),
    ],
)
def test_settings_out_of_range_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        TrainConfig(**arguments)
    assert message in str(caught.value)

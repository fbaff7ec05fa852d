"""Every custom object and every network goes through Keras' serialization and stays what it was."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import captcha_keras
from captcha_keras.networks.losses import CrossEntropy, CutCrossEntropy, MultiLabelSoftMargin
from captcha_keras.networks.registry import NETWORKS, build_network
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.fit import build_trainee
from captcha_keras.training.metrics import captcha_accuracy, character_accuracy
from captcha_keras.training.optimizer import RampedAdam
from captcha_keras.training.prior import LogPrior
from captcha_keras.training.schedule import Schedule

ROOT = Path(captcha_keras.__file__).parent
SERIALIZED = (
    keras.constraints.Constraint,
    keras.initializers.Initializer,
    keras.Layer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
    keras.regularizers.Regularizer,
)
LABELS = np.array([[0, 2], [1, 3], [2, 2]], np.int32)
LOGITS = np.random.default_rng(0).normal(0, 2, (3, 2, 4)).astype(np.float32)

# Every custom object, with arguments that differ from the defaults.
OBJECTS: list[Any] = [
    CrossEntropy(0.1, name="smooth", reduction="sum", dtype="float64"),
    CutCrossEntropy(0.2, name="cut", reduction="sum", dtype="float64"),
    MultiLabelSoftMargin(name="margin", reduction="sum", dtype="float64"),
    LogPrior(CaptchaSpec("0Oé", 1, 2), name="prior", dtype="float64", trainable=False),
    RampedAdam(0.01, warmup_steps=2, total_steps=9, anneal=0.25, beta_1=0.5, clipnorm=0.7, name="adam"),
    character_accuracy,
    captcha_accuracy,
]
NAMES = [getattr(each, "__name__", type(each).__name__) for each in OBJECTS]


def defined() -> dict[str, Any]:
    """What the package defines for Keras to serialise: classes found by their base, functions by their registration."""
    paths = [path for path in ROOT.rglob("*.py") if re.search(r"^(import|from) keras\b", path.read_text("utf-8"), re.M)]
    names = [".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in paths]
    members = [value for name in names for value in vars(importlib.import_module(name)).values()]
    classes = {each for each in members if isinstance(each, type) and issubclass(each, SERIALIZED)}
    functions = {each for each in keras.saving.get_custom_objects().values() if not isinstance(each, type)}
    return {each.__name__: each for each in classes | functions if each.__module__.startswith("captcha_keras.")}


def test_nothing_is_forgotten() -> None:
    found = defined()
    assert sorted(found) == sorted(NAMES)
    for name, value in found.items():
        assert keras.saving.get_registered_name(value) == f"captcha_keras>{name}"


def behaviour(subject: Any) -> np.ndarray:
    if isinstance(subject, keras.Layer):
        subject.build(LOGITS.shape)
        subject.weigh({"O": 5})
        return np.asarray(subject(LOGITS, training=True))
    if isinstance(subject, keras.optimizers.Optimizer):
        variable = keras.Variable([1.0, 2.0])
        subject.build([variable])
        for _ in range(4):
            subject.apply([variable * np.array([1.0, 3.0], np.float32)], [variable])
        return np.asarray(variable)
    return np.asarray(subject(LABELS, LOGITS))


@pytest.mark.parametrize("subject", OBJECTS, ids=NAMES)
def test_it_comes_back_the_same(subject: Any) -> None:
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(subject)))
    again = keras.saving.deserialize_keras_object(config)
    if not hasattr(subject, "get_config"):
        assert again is subject
        return
    assert type(again) is type(subject)
    assert again.get_config() == subject.get_config()
    expected = behaviour(subject)
    np.testing.assert_array_equal(behaviour(again), expected)
    # The arguments matter: others behave otherwise.
    other = LogPrior(CaptchaSpec("Oéx", 1, 2)) if isinstance(subject, LogPrior) else type(subject)()
    assert not np.array_equal(behaviour(other), expected)


LOAD = """
import sys
from pathlib import Path

import keras
import numpy as np

folder = Path(sys.argv[1])
images = dict(np.load(folder / "images.npz"))
for path in folder.glob("*.network.keras"):
    network = keras.saving.load_model(path)
    np.savez(path.with_suffix(".npz"), **network(images[path.name.split(".")[0]], training=False))
assert not any(name.startswith("captcha_keras") for name in sys.modules)

import captcha_keras.training.custom_objects

assert "captcha_keras.networks.registry" not in sys.modules
for path in folder.glob("*.training.keras"):
    model = keras.saving.load_model(path)
    figures = model.test_on_batch(images["vgg"], images["labels"], return_dict=True)
    variables = {f"v{i}": variable for i, variable in enumerate([*model.weights, *model.optimizer.variables])}
    logits = model(images["vgg"], training=False)
    np.savez(path.with_suffix(".npz"), logits=logits, **figures, **variables)
"""
TRAINEES = {
    "weighted": (TrainConfig(fresh_images=True, label_smoothing=0.1), "float32"),
    "cut": (TrainConfig(network="segmented_mlp"), "mixed_float16"),
}


def test_another_process_loads_networks_without_our_code_and_training_models_with_it(tmp_path: Path) -> None:
    spec = CaptchaSpec("0OX", 1, 3, 32, 32)
    labels = spec.encode_all(["0", "OX", "X0O", "O"])
    images, expected = {"labels": labels}, {}
    for name, entry in NETWORKS.items():
        side = max(entry.smallest_side, 32)
        images[name] = np.random.default_rng(1).integers(0, 256, (4, side, side, 3), np.uint8)
        network = build_network(name, replace(spec, width=side, height=side))
        network.save(tmp_path / f"{name}.network.keras")
        expected[f"{name}.network"] = network(images[name], training=False)
    for name, (config, policy) in TRAINEES.items():
        trainee = build_trainee(config, spec, policy, Schedule(50, 10, warmup_steps=300))
        model = trainee.model
        if trainee.prior:
            trainee.prior.weigh({"O": 7})
        # So that the optimizer has a state.
        model.optimizer.apply([keras.ops.ones(each.shape) for each in model.trainable_variables])
        model.save(tmp_path / f"{name}.training.keras")
        figures = model.test_on_batch(images["vgg"], labels, return_dict=True)
        assert set(figures) == {"loss", "character_accuracy", "captcha_accuracy"}
        variables = {f"v{i}": np.asarray(v) for i, v in enumerate([*model.weights, *model.optimizer.variables])}
        expected[f"{name}.training"] = {"logits": model(images["vgg"], training=False), **figures, **variables}
    np.savez(tmp_path / "images.npz", **images)
    subprocess.run([sys.executable, "-c", LOAD, str(tmp_path)], check=True)
    for name, values in expected.items():
        found = dict(np.load(tmp_path / f"{name}.npz"))
        assert set(found) == set(values)
        for key, value in values.items():
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6, err_msg=f"{name} {key}")

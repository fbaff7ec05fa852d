from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from captcha_keras.errors import CommandError
from captcha_keras.training.checkpoint import (
    Progress,
    callback_counters,
    load_checkpoint,
    restore_counters,
    save_checkpoint,
)

PROGRESS = Progress(3, False, [{"epoch": 3.0, "loss": 0.5}], {"EarlyStopping": {"wait": 2, "best": 0.25}})


def network(units: int = 4) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model: keras.Model, units: int = 4) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(16, 3)), random.normal(size=(16, units))
    model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)


def state(model: keras.Model) -> list[np.ndarray]:
    metrics = {id(variable) for variable in model.metrics_variables}
    variables = [v for v in [*model.variables, *model.optimizer.variables] if id(v) not in metrics]
    return [np.array(variable) for variable in variables]


def test_everything_that_training_changes_comes_back(tmp_path: Path) -> None:
    model = network()
    before = state(model)
    fit(model)
    after = state(model)
    # Weights, dropout's random state, both slots of Adam and its counter; the learning rate alone stays.
    assert sum(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)) == len(after) - 1
    save_checkpoint(tmp_path / "c" / "state.npz", model, PROGRESS)
    other = network()
    assert load_checkpoint(tmp_path / "c" / "state.npz", other) == PROGRESS
    for ours, theirs in zip(state(other), after, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    fit(model)
    fit(other)
    for ours, theirs in zip(state(other), state(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_damaged_or_foreign_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    save_checkpoint(path, network(), PROGRESS)
    with pytest.raises(CommandError, match="belongs to another network"):
        load_checkpoint(path, network(units=5))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CommandError, match="is damaged"):
        load_checkpoint(path, network())


def test_counters_of_keras_callbacks_round_trip() -> None:
    plateau = keras.callbacks.ReduceLROnPlateau(patience=2)
    stopping = keras.callbacks.EarlyStopping(patience=5)
    model = network()
    for callback in (plateau, stopping):
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, loss in enumerate((1.0, 2.0, 2.0, 2.0)):
            callback.on_epoch_end(epoch, {"val_loss": loss})
    counters = callback_counters([plateau, stopping])
    assert counters["EarlyStopping"]["wait"] == 3
    assert counters["ReduceLROnPlateau"]["best"] == 1.0
    fresh = [keras.callbacks.ReduceLROnPlateau(patience=2), keras.callbacks.EarlyStopping(patience=5)]
    for callback in fresh:
        callback.set_model(model)
        callback.on_train_begin()
    restore_counters(fresh, counters)
    assert callback_counters(fresh) == counters

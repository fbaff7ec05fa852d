"""The complete training state in one file, written in one step.

Keras' `BackupAndRestore` leaves out the counters of callbacks, the state of dropout's random numbers and the
place in the data; a training resumed with it takes another path.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from captcha_keras.errors import CommandError
from captcha_keras.files import write_atomically

# Keras' own callbacks keep their counters in plain attributes.
COUNTERS: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
}


@dataclass(frozen=True)
class Progress:
    """Where a training stands, apart from its variables.

    Attributes:
        epoch: Finished epochs.
        stopped: Whether early stopping ended the training.
        history: One row for each finished epoch.
        callbacks: The counters of each callback that has any, by class name.

    Example:
        >>> stopping = keras.callbacks.EarlyStopping()
        >>> stopping.on_train_begin()
        >>> progress = Progress(2, stopped=False, history=[], callbacks=callback_counters([stopping]))
        >>> progress.callbacks["EarlyStopping"]["wait"]
        0
    """

    epoch: int
    stopped: bool
    history: list[dict[str, float]]
    callbacks: dict[str, dict[str, Any]]


def save_checkpoint(path: Path, model: keras.Model, progress: Progress) -> None:
    """Write variables, optimizer slots, random states and progress to `path` in one step.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", loss="mse")
        >>> save_checkpoint(Path("state.npz"), model, Progress(5, stopped=False, history=[], callbacks={}))
        >>> with np.load("state.npz") as saved:
        ...     saved["v0"].shape  # the weights of the layer
        (2, 1)
    """
    arrays = {f"v{i}": keras.ops.convert_to_numpy(variable) for i, variable in enumerate(_variables(model))}
    text = json.dumps(progress.__dict__)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: _save(temporary, arrays, text), durable=True)


def load_checkpoint(path: Path, model: keras.Model) -> Progress:
    """Put the saved state back into a model that was compiled in the same way.

    Raises:
        CommandError: The file is damaged or belongs to another network.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", loss="mse")
        >>> weights = model.get_weights()
        >>> save_checkpoint(Path("run.npz"), model, Progress(5, stopped=False, history=[], callbacks={}))
        >>> model.set_weights([weight + 1 for weight in weights])
        >>> load_checkpoint(Path("run.npz"), model).epoch, bool((model.get_weights()[0] == weights[0]).all())
        (5, True)
    """
    variables = _variables(model)
    try:
        with path.open("rb") as file, np.load(file) as saved:
            arrays = [saved[f"v{i}"] for i in range(len(variables))]
            fits = len(saved.files) == len(variables) + 1
            progress = Progress(**json.loads(saved["progress"].tobytes()))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CommandError(f"{path} is damaged: {error}") from error
    if not fits or any(a.shape != tuple(v.shape) for a, v in zip(arrays, variables, strict=True)):
        raise CommandError(f"{path} belongs to another network or optimizer.")
    for array, variable in zip(arrays, variables, strict=True):
        variable.assign(array)
    return progress


def callback_counters(callbacks: list[keras.callbacks.Callback]) -> dict[str, dict[str, Any]]:
    """The counters of each callback, as plain numbers.

    Example:
        >>> stopping = keras.callbacks.EarlyStopping()
        >>> stopping.on_train_begin()
        >>> counters = callback_counters([stopping, keras.callbacks.History()])  # the history has none
        >>> list(counters), counters["EarlyStopping"]["best_epoch"]
        (['EarlyStopping'], 0)
    """
    return {
        type(callback).__name__: {name: _plain(getattr(callback, name)) for name in _counters(callback)}
        for callback in callbacks
        if _counters(callback)
    }


def restore_counters(callbacks: list[keras.callbacks.Callback], counters: dict[str, dict[str, Any]]) -> None:
    """Put counters back; callbacks reset themselves when training begins, so call it after that.

    Example:
        >>> stopping = keras.callbacks.EarlyStopping()
        >>> restore_counters([stopping], {"EarlyStopping": {"wait": 3}})
        >>> stopping.wait
        3
    """
    for callback in callbacks:
        for name, value in counters.get(type(callback).__name__, {}).items():
            setattr(callback, name, value)


def _counters(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    own: tuple[str, ...] = getattr(callback, "counters", ())
    return COUNTERS.get(type(callback), own)


def _variables(model: keras.Model) -> list[keras.Variable]:
    # `variables` has the states of random generators, which `weights` lacks; metrics start anew each epoch.
    metrics = {id(variable) for variable in model.metrics_variables}
    return [v for v in model.variables if id(v) not in metrics] + list(model.optimizer.variables)


def _save(path: Path, arrays: dict[str, Any], text: str) -> None:
    # A file object: given a name, savez would append its own ending.
    with path.open("wb") as file:
        np.savez(file, progress=np.frombuffer(text.encode(), np.uint8), **arrays)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value

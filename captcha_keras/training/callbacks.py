"""Callbacks that keep the best network and the whole state."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras

from captcha_keras.files import write_atomically
from captcha_keras.training.checkpoint import (
    Progress,
    callback_counters,
    restore_counters,
    save_checkpoint,
)
from captcha_keras.training.run_folder import RunFolder

# Of fewer validation images one more or less that is read says nothing about the network.
FEWEST_TO_CHOOSE = 100


class BestModel(keras.callbacks.Callback):
    """A callback that saves the network whenever validation reads more images right than ever before.

    Fewer than 100 validation images choose nothing: the network is saved after every epoch, so that the last one,
    whose learning rate has fallen to zero, counts.

    Args:
        run: Where to save it.
        save: Writes the network in its present state to a path.
        images: Validation images.

    Example:
        >>> from pathlib import Path
        >>> states = iter(["network of epoch 1", "network of epoch 2"])
        >>> best = BestModel(RunFolder(Path()), lambda path: path.write_text(next(states)), images=100)
        >>> best.on_epoch_end(0, {"val_captcha_accuracy": 0.5})
        >>> best.on_epoch_end(1, {"val_captcha_accuracy": 0.4})
        >>> Path("best.keras").read_text()
        'network of epoch 1'
    """

    counters = ("best",)

    def __init__(self, run: RunFolder, save: Callable[[Any], None], images: int) -> None:
        super().__init__()
        self.best = -math.inf
        self._run, self._save, self._chooses = run, save, images >= FEWEST_TO_CHOOSE

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare and save."""
        accuracy = float((logs or {})["val_captcha_accuracy"])
        if accuracy > self.best or not self._chooses:
            self.best = accuracy
            write_atomically(self._run.best_model, self._save, durable=True)


class EpochRows(keras.callbacks.Callback):
    """A callback that collects one row of figures for each epoch, with its seconds and the images/s of its steps.

    `learning_rate` is the rate of the epoch's last step, warm-up and decay included.

    `cpu_seconds` is this process's time on all cores, without what the processes that draw fresh images took; unlike
    `seconds` it hardly depends on what else the machine does.

    Args:
        images: Training images of an epoch.
        rows: Rows of the epochs that were finished before.

    Example:
        >>> from captcha_keras.training.optimizer import RampedAdam
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(RampedAdam(0.5), loss="mse")
        >>> rows = EpochRows(images=4, rows=[])
        >>> history = model.fit(keras.ops.zeros((4, 2)), keras.ops.zeros(4), epochs=2, callbacks=[rows], verbose=0)
        >>> [(row["epoch"], row["loss"], row["learning_rate"]) for row in rows.rows]
        [(1.0, 0.0, 0.5), (2.0, 0.0, 0.5)]
    """

    def __init__(self, images: int, rows: list[dict[str, float]]) -> None:
        super().__init__()
        self.rows = rows
        self._images = images
        self._begin = self._validation_began = self._cpu_begin = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._begin = self._validation_began = time.monotonic()
        self._cpu_begin = time.process_time()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """The training steps are over, validation begins."""
        self._validation_began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Append the row."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        # ReduceLROnPlateau comes after this callback, so this is the rate that the epoch used.
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        self.rows.append(
            {
                "epoch": float(epoch + 1),
                **figures,
                "learning_rate": optimizer.last_learning_rate,
                "seconds": time.monotonic() - self._begin,
                "cpu_seconds": time.process_time() - self._cpu_begin,
                "images_per_second": self._images / max(self._validation_began - self._begin, 1e-9),
            }
        )


class Checkpoint(keras.callbacks.Callback):
    """A callback that saves the whole training state after each epoch; it must be the last one.

    Args:
        run: Where to save it.
        watched: The callbacks whose counters belong to the state.
        begun: Where the training stands at its start; its history is the list that `EpochRows` fills.

    Example:
        >>> from pathlib import Path
        >>> run, begun = RunFolder(Path("run")), Progress(0, stopped=False, history=[{"epoch": 1.0}], callbacks={})
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("adam", loss="mse")
        >>> checkpoint = Checkpoint(run, watched=[], begun=begun)
        >>> history = model.fit(keras.ops.zeros((4, 2)), keras.ops.zeros(4), callbacks=[checkpoint], verbose=0)
        >>> run.checkpoint_file.is_file(), run.history_file.read_text().split()
        (True, ['epoch', '1'])
    """

    def __init__(self, run: RunFolder, watched: list[keras.callbacks.Callback], begun: Progress) -> None:
        super().__init__()
        self._run, self._watched, self._begun = run, watched, begun

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Put counters back that the other callbacks have just reset."""
        restore_counters(self._watched, self._begun.callbacks)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save; the history file follows the checkpoint."""
        stopped = bool(self.model.stop_training)
        progress = Progress(epoch + 1, stopped, self._begun.history, callback_counters(self._watched))
        save_checkpoint(self._run.checkpoint_file, self.model, progress)
        self._run.write_history(progress.history)

"""Train a network on a dataset folder, resumable to the bit."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from captcha_keras.console import ProgressBar
from captcha_keras.dataset import Dataset, Split, load, open_dataset, split
from captcha_keras.devices import (
    Device,
    distribution,
    precision_policy,
    processor_name,
    select_device,
)
from captcha_keras.errors import InputError
from captcha_keras.metrics import captcha_accuracy, character_accuracy
from captcha_keras.networks import build_network
from captcha_keras.networks.heads import stacked_logits
from captcha_keras.pipeline import batches, image_store, steps_per_epoch, training_batches
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.callbacks import BestModel, Checkpoint, EpochRows
from captcha_keras.training.checkpoint import Progress, load_checkpoint
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.optimizer import RampedAdam
from captcha_keras.training.run_folder import RunFolder

VALIDATION_BATCH = 256


def train(config: TrainConfig, run: RunFolder, *, resume: bool = False) -> None:
    """Train until the epochs are over or validation stops getting better.

    Writes the run folder (see `RunFolder`). A run that was killed at any moment and resumed ends, on a CPU, with
    the same weights to the bit as one that never was.

    Args:
        config: The settings; for a resumed run those that it recorded.
        run: The run folder; must not exist unless `resume`.
        resume: Whether to go on with a run instead of starting one.

    Raises:
        InputError: Wrong settings, bad data, or a data set other than the recorded one.
    """
    device = select_device(config.gpu)
    policy = precision_policy(config.precision, device)
    dataset = open_dataset(config.data)
    spec = dataset.infer_spec(config.alphabet)
    parts = split(len(dataset), config.split_seed, config.validation_share, config.test_share)
    steps = steps_per_epoch(len(parts.train), config.batch_size)
    total_steps = steps * config.epochs
    keras.utils.set_random_seed(config.seed)
    with distribution(device)():
        network = build_network(config.network, spec, keras.DTypePolicy(policy))
        model = _compiled(network, spec, config, policy, total_steps)
    # Saved networks compute in float32, which every machine can do alike; the weights are the same.
    saved = build_network(config.network, spec)
    resumed = _start(config, run, resume, model, dataset, spec, device, policy)
    _announce(config, run, device, policy, parts, network, resumed)

    rows = resumed.history if resumed else []
    with image_store(config.image_store, run.path) as allocate:
        arrays = _load(dataset, spec, parts, allocate)
        if not resumed or not (resumed.stopped or resumed.epoch >= config.epochs):
            model.fit(
                training_batches(
                    *arrays["training"],
                    batch_size=config.batch_size,
                    seed=config.seed,
                    first_step=steps * (resumed.epoch if resumed else 0),
                    augmentation=config.augmentation,
                ),
                validation_data=batches(arrays["validation"][0], VALIDATION_BATCH, arrays["validation"][1]),
                steps_per_epoch=steps,
                epochs=config.epochs,
                initial_epoch=resumed.epoch if resumed else 0,
                callbacks=_callbacks(config, run, _saver(network, saved), steps, rows, resumed),
                shuffle=False,
                verbose=1 if sys.stdout.isatty() else 2,
            )
    run.write_history(rows)
    _saver(network, saved)(run.last_model)


def _compiled(
    network: keras.Model, spec: CaptchaSpec, config: TrainConfig, policy: str, total_steps: int
) -> keras.Model:
    model = stacked_logits(network, spec)
    optimizer: keras.optimizers.Optimizer = RampedAdam(
        config.learning_rate,
        warmup_steps=config.warmup_steps,
        total_steps=total_steps,
        anneal=config.anneal,
    )
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[character_accuracy, captcha_accuracy],
    )
    optimizer.build(model.trainable_variables)
    return model


def _start(
    config: TrainConfig,
    run: RunFolder,
    resume: bool,
    model: keras.Model,
    dataset: Dataset,
    spec: CaptchaSpec,
    device: Device,
    policy: str,
) -> Progress | None:
    """Record a new run, or load where an interrupted one stood (None: before its first epoch's end)."""
    if not resume:
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise InputError(f"{run.path} is not empty; --resume it, or choose another --run.")
        run.path.mkdir(parents=True, exist_ok=True)
        run.write_record(_record(config, dataset, spec, device, policy))
        return None
    record = run.read_record()
    if record["dataset"]["fingerprint"] != dataset.fingerprint():
        raise InputError(f"{dataset.folder} is not the data set that {run.path} was trained on.")
    if record["environment"]["dtype_policy"] != policy:
        raise InputError(
            f"{run.path} was trained with {record['environment']['dtype_policy']}, this machine would take "
            f"{policy}; a resumed training must compute alike."
        )
    return load_checkpoint(run.checkpoint_file, model) if run.checkpoint_file.exists() else None


def _record(config: TrainConfig, dataset: Dataset, spec: CaptchaSpec, device: Device, policy: str) -> dict[str, Any]:
    packages = ("captcha-keras", "keras", keras.backend.backend(), "tensorflow", "numpy", "pillow")
    return {
        "settings": config.to_json(),
        "spec": spec.to_json(),
        "dataset": {
            "folder": str(dataset.folder),
            "images": len(dataset),
            "fingerprint": dataset.fingerprint(),
            "description": dataset.description,
        },
        "environment": {
            "device": {"kind": device.kind, "names": device.names},
            "processor": processor_name(),
            "dtype_policy": policy,
            "backend": keras.backend.backend(),
            "python": platform.python_version(),
            "packages": {name: _version(name) for name in dict.fromkeys(packages)},
            "git_commit": _git_commit(),
        },
    }


def _announce(
    config: TrainConfig,
    run: RunFolder,
    device: Device,
    policy: str,
    parts: Split,
    network: keras.Model,
    resumed: Progress | None,
) -> None:
    print(f"Run {run.path}: {config.network}, {network.count_params():,} parameters, {policy}")
    print(f"on {device.kind} ({', '.join(device.names)}), backend {keras.backend.backend()}.")
    print(
        f"Images: {len(parts.train):,} training, {len(parts.validation):,} validation, "
        f"{len(parts.test):,} kept for the test."
    )
    if resumed:
        print(f"Going on after epoch {resumed.epoch}.")


def _load(
    dataset: Dataset,
    spec: CaptchaSpec,
    parts: Split,
    allocate: Callable[[tuple[int, ...]], np.ndarray[Any, np.dtype[np.uint8]]],
) -> dict[str, tuple[Any, Any]]:
    # One pass over both parts, so that every bad file is reported at once.
    indices = np.concatenate([parts.train, parts.validation])
    images, labels = load(
        dataset,
        spec,
        indices=indices,
        allocate=allocate,
        progress=ProgressBar("Decoding", len(indices)),
    )
    count = len(parts.train)
    return {
        "training": (images[:count], labels[:count]),
        "validation": (images[count:], labels[count:]),
    }


def _callbacks(
    config: TrainConfig,
    run: RunFolder,
    save: Callable[[Path], None],
    steps: int,
    rows: list[dict[str, float]],
    resumed: Progress | None,
) -> list[keras.callbacks.Callback]:
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=config.plateau_factor,
        patience=config.plateau_patience,
        verbose=1,
    )
    stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.stop_patience)
    best = BestModel(run, save)
    watched = [plateau, stopping, best]
    callbacks = [EpochRows(steps * config.batch_size, rows), *watched]
    if config.tensorboard:
        callbacks.append(_tensorboard(run))
    return [*callbacks, Checkpoint(run, watched, rows, resumed)]


def _tensorboard(run: RunFolder) -> keras.callbacks.Callback:
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard needs the package tensorboard: pip install tensorboard.")
    return keras.callbacks.TensorBoard(run.path / "tensorboard", update_freq="epoch")


def _saver(network: keras.Model, saved: keras.Model) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        saved.set_weights(network.get_weights())
        saved.save(path)

    return save


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()

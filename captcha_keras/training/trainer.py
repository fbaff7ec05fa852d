"""Train a network on a dataset folder, resumable to the bit."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from captcha_keras.console import ProgressBar
from captcha_keras.dataset import Dataset, Split, load, open_dataset, split
from captcha_keras.devices import (
    Device,
    distribution,
    precision_policy,
    select_device,
)
from captcha_keras.errors import InputError
from captcha_keras.files import write_atomically
from captcha_keras.fresh import series_like
from captcha_keras.losses import CrossEntropy
from captcha_keras.metrics import captcha_accuracy, character_accuracy
from captcha_keras.networks import Network, build_network, find_network
from captcha_keras.networks.heads import stacked_logits
from captcha_keras.pipeline import (
    Images,
    Labels,
    batches,
    image_store,
    steps_per_epoch,
    streamed_batches,
    training_batches,
)
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.callbacks import BestModel, Checkpoint, EpochRows
from captcha_keras.training.checkpoint import Progress, load_checkpoint
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.fresh_images import FreshImages
from captcha_keras.training.optimizer import RampedAdam
from captcha_keras.training.prior import LogPrior
from captcha_keras.training.record import data_record, environment_record
from captcha_keras.training.run_folder import RunFolder
from data_gen import Series, TextSource

Arrays = tuple[Images, Labels]

VALIDATION_BATCH = 256
PRIOR = "prior"


@dataclass(frozen=True)
class _Data:
    """Labelled images, their spec and their split."""

    dataset: Dataset
    spec: CaptchaSpec
    parts: Split


@dataclass(frozen=True)
class _Job:
    """A training that was checked and may start.

    Attributes:
        captchas: What the trained network reads.
        examples: What it learns from: the same, or single characters.
    """

    config: TrainConfig
    run: RunFolder
    device: Device
    policy: str
    captchas: _Data
    examples: _Data

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return steps_per_epoch(len(self.examples.parts.train), self.config.batch_size)


def train(config: TrainConfig, run: RunFolder, *, resume: bool = False) -> None:
    """Train until the epochs are over or validation stops getting better.

    Writes the run folder (see `RunFolder`). A run that was killed at any moment and resumed ends, on a CPU, with
    the same weights to the bit as one that never was.

    Args:
        config: The settings; for a resumed run those that it recorded.
        run: The run folder; must not exist, or be empty, unless `resume`.
        resume: Whether to go on with a run instead of starting one.

    Raises:
        InputError: Wrong settings, bad data, or a data set other than the recorded one.
    """
    job = _checked(config, run, resume)
    keras.utils.set_random_seed(config.seed)
    with distribution(job.device)():
        network = build_network(config.network, job.examples.spec, keras.DTypePolicy(job.policy))
        model = _compiled(network, job)
    # Saved networks compute in float32, which every machine can do alike; the weights are the same.
    saved = build_network(config.network, job.captchas.spec)

    def save(path: Path) -> None:
        saved.set_weights(network.get_weights())
        saved.save(path)

    _announce(job, network)
    with ExitStack() as stack:
        training, validation = _load(job, stack.enter_context(image_store(config.image_store, run.path)))
        progress = _begin(job, model, resume)
        if progress.epoch < config.epochs and not progress.stopped:
            fresh = None
            if config.fresh_images:
                fresh = stack.enter_context(_fresh_images(job, model.get_layer(PRIOR), validation, progress))
            model.fit(
                _training_batches(job, training, fresh, progress.epoch),
                validation_data=batches(validation[0], VALIDATION_BATCH, validation[1]),
                steps_per_epoch=job.steps,
                epochs=config.epochs,
                initial_epoch=progress.epoch,
                callbacks=_callbacks(job, save, progress, fresh),
                shuffle=False,
                verbose=1 if sys.stdout.isatty() else 2,
            )
    run.write_history(progress.history)
    write_atomically(run.last_model, save, durable=True)


def _checked(config: TrainConfig, run: RunFolder, resume: bool) -> _Job:
    """Refuse what cannot be trained before anything is written."""
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard needs the package tensorboard: pip install tensorboard.")
    if not resume and run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
        raise InputError(f"{run.path} is not empty; --resume it, or choose another --run.")
    device = select_device(config.gpu)
    policy = precision_policy(config.precision, device)
    network = find_network(config.network)
    captchas = _data(config, open_dataset(config.data), network)
    examples = captchas
    if config.characters is not None:
        if not network.cuts:
            raise InputError(f"--characters is for networks that cut images into characters, not {config.network!r}.")
        captchas, examples = _with_characters(captchas, _data(config, open_dataset(config.characters), network))
    job = _Job(config, run, device, policy, captchas, examples)
    if config.fresh_images:
        if (config.weights or config.hard_characters) and network.loss is not CrossEntropy:
            raise InputError(f"The loss of {config.network!r} cannot allow for characters that are drawn more often.")
        _series(job)
        TextSource(captchas.spec, weights=config.weights)
    network.loss_for(job.examples.spec, config.label_smoothing)
    if resume:
        record = run.read_record()
        for name, data in (("dataset", captchas), ("characters", examples)):
            if name in record and record[name]["fingerprint"] != data.dataset.fingerprint():
                raise InputError(f"{data.dataset.folder} is not the data set that {run.path} was trained on.")
        before = record["environment"]["dtype_policy"]
        if before != policy:
            raise InputError(
                f"{run.path} was trained in {before} and would go on in {policy}; a resumed training must compute "
                "alike."
            )
    return job


def _data(config: TrainConfig, dataset: Dataset, network: Network) -> _Data:
    spec = network.reads(dataset.infer_spec(config.alphabet))
    return _Data(dataset, spec, split(len(dataset), config.split_seed, config.validation_share, config.test_share))


def _with_characters(captchas: _Data, characters: _Data) -> tuple[_Data, _Data]:
    """Read CAPTCHAs with the classes of single characters."""
    folder, known = characters.dataset.folder, characters.spec.alphabet
    if characters.spec.max_length > 1:
        raise InputError(f"{folder} has texts of {characters.spec.length} characters, expected single ones.")
    unknown = sorted(set(captchas.spec.alphabet) - set(known))
    if unknown:
        raise InputError(f"{folder} has no {', '.join(unknown)}, which {captchas.dataset.folder} has.")
    return replace(captchas, spec=replace(captchas.spec, alphabet=known)), characters


def _compiled(network: keras.Model, job: _Job) -> keras.Model:
    config, spec = job.config, job.examples.spec
    model = stacked_logits(network, spec)
    if config.fresh_images:
        prior = LogPrior(spec, dtype="float32", name=PRIOR)
        model = keras.Model(model.input, prior(model.output), name=model.name)
    optimizer: keras.optimizers.Optimizer = RampedAdam(
        config.learning_rate,
        warmup_steps=config.warmup_steps,
        total_steps=job.steps * config.epochs,
        anneal=config.anneal,
    )
    if job.policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer,
        find_network(config.network).loss_for(spec, config.label_smoothing),
        metrics=[character_accuracy, captcha_accuracy],
    )
    # A checkpoint is put back before the first step, so the slots must exist by then.
    optimizer.build(model.trainable_variables)
    return model


def _begin(job: _Job, model: keras.Model, resume: bool) -> Progress:
    """Record a new run, or put the state of an interrupted one back into the model."""
    if not resume:
        job.run.path.mkdir(parents=True, exist_ok=True)
        job.run.write_record(_record(job))
    elif job.run.checkpoint_file.exists():
        progress = load_checkpoint(job.run.checkpoint_file, model)
        print(f"Going on after epoch {progress.epoch}.")
        return progress
    return Progress(epoch=0, stopped=False, history=[], callbacks={})


def _record(job: _Job) -> dict[str, Any]:
    characters = {} if job.examples is job.captchas else {"characters": data_record(job.examples.dataset)}
    return {
        "settings": job.config.to_json(),
        "spec": job.captchas.spec.to_json(),
        "dataset": data_record(job.captchas.dataset),
        **characters,
        "environment": environment_record(job.device, job.policy),
    }


def _announce(job: _Job, network: keras.Model) -> None:
    names = ", ".join(job.device.names)
    parts = job.examples.parts
    kind = "Images" if job.examples is job.captchas else "Characters"
    source = "new ones each epoch" if job.config.fresh_images else "training"
    print(
        f"Run {job.run.path}: {job.config.network}, {network.count_params():,} parameters, {job.policy}\n"
        f"on {job.device.kind} ({names}), backend {keras.backend.backend()}.\n"
        f"{kind}: {len(parts.train):,} {source}, {len(parts.validation):,} validation, "
        f"{len(parts.test):,} kept for the test.",
        flush=True,
    )


def _load(job: _Job, allocate: Callable[[tuple[int, ...]], Images]) -> tuple[Arrays, Arrays]:
    """Images and labels for training and for validation."""
    # One pass over all parts, so that every bad file is reported at once; the test images are only checked.
    parts = job.examples.parts
    train = parts.train[:0] if job.config.fresh_images else parts.train
    indices = np.concatenate([train, parts.validation, parts.test])
    images, labels = load(
        job.examples.dataset,
        job.examples.spec,
        indices=indices,
        allocate=allocate,
        progress=ProgressBar("Decoding", len(indices)),
    )
    first, second = len(train), len(train) + len(parts.validation)
    return (images[:first], labels[:first]), (images[first:second], labels[first:second])


def _fresh_images(job: _Job, prior: LogPrior, validation: Arrays, progress: Progress) -> FreshImages:
    config = job.config
    weights = progress.callbacks.get(FreshImages.__name__, {}).get("weights", config.weights)
    return FreshImages(
        _series(job),
        steps=job.steps,
        batch_size=config.batch_size,
        prior=prior,
        first_epoch=progress.epoch,
        weights=weights,
        validation=validation if config.hard_characters else None,
    )


def _series(job: _Job) -> Series:
    # A name, not a number: no seed of a data set, such as that of the test images, can draw the same images.
    return series_like(
        job.captchas.dataset.description, job.captchas.spec, f"training {job.config.seed}", job.config.fonts
    )


def _training_batches(job: _Job, training: Arrays, fresh: FreshImages | None, epoch: int) -> tf.data.Dataset:
    config = job.config
    how: dict[str, Any] = {
        "batch_size": config.batch_size,
        "seed": config.seed,
        "first_step": job.steps * epoch,
        "augmentation": config.augmentation,
    }
    if fresh is None:
        return training_batches(*training, **how)
    spec = job.captchas.spec
    return streamed_batches(fresh.batches, size=(spec.height, spec.width), length=spec.max_length, **how)


def _callbacks(
    job: _Job, save: Callable[[Path], None], progress: Progress, fresh: FreshImages | None
) -> list[keras.callbacks.Callback]:
    config = job.config
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=config.plateau_factor,
        patience=config.plateau_patience,
        verbose=1,
    )
    stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.stop_patience)
    best = BestModel(job.run, save)
    watched = [plateau, stopping, best, *([fresh] if fresh else [])]
    callbacks = [EpochRows(job.steps * config.batch_size, progress.history), *watched]
    if config.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(job.run.path / "tensorboard", update_freq="epoch"))
    return [*callbacks, Checkpoint(job.run, watched, progress)]

"""Trains a network on a dataset folder; an interrupted training can be resumed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.files import write_atomically
from captcha_keras.networks.registry import build_network
from captcha_keras.pipeline.batches import streamed_batches, training_batches
from captcha_keras.pipeline.store import image_store
from captcha_keras.training.callbacks import BestModel, Checkpoint, EpochRows
from captcha_keras.training.checkpoint import Progress, load_checkpoint
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.devices import distribution, memory_named
from captcha_keras.training.fit import Trainee, build_trainee, fit
from captcha_keras.training.fresh_images import FreshImages
from captcha_keras.training.job import Job, check_job
from captcha_keras.training.prior import LogPrior
from captcha_keras.training.run_folder import RunFolder, new_run
from captcha_keras.training.transfer import transfer_weights


def train(
    config: TrainConfig,
    run: RunFolder | Path | str | None = None,
    *,
    resume: bool = False,
    progress: Callable[[str, int], Callable[[int], None]] | None = None,
) -> RunFolder:
    """Train until the epochs are over or validation stops getting better.

    Writes the run folder (see `RunFolder`). If a run is killed at any moment and resumed, it ends, on a CPU, with the
    same weights to the bit as one that never was.

    Args:
        config: The settings; for a resumed run those that it recorded.
        run: The run folder; must not exist, or be empty, unless `resume`. By default `runs/<date>-<network>`.
        resume: Whether to go on with a run instead of starting one.
        progress: Called with what is done and its number of steps; returns what is told how many are done.

    Returns:
        The run folder.

    Raises:
        InputError: The settings are wrong, the data is bad or not the recorded one, or the machine computes otherwise.
        CommandError: A process that draws images died.

    Example:
        >>> from captcha_keras.spec import CaptchaSpec
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> config = TrainConfig("data", "segmented_mlp", epochs=1, batch_size=4, precision="float32")
        >>> run = train(config, "run")  # doctest: +ELLIPSIS
        Run run: segmented_mlp, 411,138 parameters, float32...
        >>> run.finished, sorted(path.name for path in run.path.iterdir())
        (True, ['best.keras', 'checkpoint', 'config.json', 'history.csv', 'model.keras'])
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run)) if run else new_run(config.network)
    job = check_job(config, run, resume=resume)
    keras.utils.set_random_seed(config.seed)
    with distribution(job.device)():
        trainee = build_trainee(config, job.learned.spec, job.policy, job.schedule)
        if job.initial is not None:
            transfer_weights(*job.initial, trainee.network, job.learned.spec)
    # Saved networks compute in float32, which every machine can do alike; the weights are the same.
    saved = build_network(config.network, job.captchas.spec)

    def save(path: Path) -> None:
        saved.set_weights(trainee.network.get_weights())
        saved.save(path)

    print(_announcement(job, trainee.network), flush=True)
    with ExitStack() as stack:
        allocate = stack.enter_context(image_store(config.image_store, run.path))
        training, validation = job.learned.load(allocate, training=not config.fresh_images, progress=progress)
        state = _begin(job, trainee.model, resume=resume)
        if state.epoch < job.schedule.epochs and not state.stopped:
            fresh = None
            if trainee.prior is not None:
                fresh = stack.enter_context(_fresh_images(job, trainee.prior, validation, state))
            _fit(job, trainee, training, validation, state, fresh, save)
    run.write_history(state.history)
    write_atomically(run.last_model, save, durable=True)
    return run


def _announcement(job: Job, network: keras.Model) -> str:
    parts, schedule = job.learned.split, job.schedule
    spec, own = job.captchas.spec, job.captchas.dataset.infer_spec(job.config.alphabet)
    fitted = ""
    if (spec.width, spec.height) != (own.width, own.height):
        fitted = (
            f"\nImages are fitted into {spec.width}x{spec.height} pixels, the first has {own.width}x{own.height}; "
            "--size sets another size."
        )
    kind = "Images" if job.learned is job.captchas else "Characters"
    source = "new ones each epoch" if job.config.fresh_images else "training"
    return (
        f"Run {job.run.path}: {job.config.network}, {network.count_params():,} parameters, {job.policy}\n"
        f"on {job.device.kind} ({', '.join(job.device.names)}), backend {keras.backend.backend()}.\n"
        f"{kind}: {len(parts.train):,} {source}, {len(parts.validation):,} validation, "
        f"{len(parts.test):,} kept for the test.{fitted}\n"
        f"At most {schedule.epochs:,} epochs of {schedule.steps_per_epoch:,} steps of {job.config.batch_size:,} images."
    )


def _begin(job: Job, model: keras.Model, *, resume: bool) -> Progress:
    """Record a new run, or put the state of an interrupted one back into the model."""
    if not resume:
        job.run.path.mkdir(parents=True, exist_ok=True)
        job.run.write_record(job.record())
    elif job.run.checkpoint_file.exists():
        state = load_checkpoint(job.run.checkpoint_file, model)
        print(f"Going on after epoch {state.epoch}.")
        return state
    return Progress(epoch=0, stopped=False, history=[], callbacks={})


def _fit(
    job: Job,
    trainee: Trainee,
    training: LabelledImages,
    validation: LabelledImages,
    state: Progress,
    fresh: FreshImages | None,
    save: Callable[[Path], None],
) -> None:
    try:
        with memory_named(job.config.batch_size):
            fit(
                trainee,
                _batches(job, training, fresh, state.epoch),
                steps_per_epoch=job.schedule.steps_per_epoch,
                epochs=job.schedule.epochs,
                callbacks=_callbacks(job, save, state, fresh),
                validation=validation,
                initial_epoch=state.epoch,
                verbose=1 if sys.stdout.isatty() else 2,
            )
    except Exception as error:
        # TensorFlow wraps what a generator raises into an error of its own.
        if fresh and fresh.failure:
            raise fresh.failure from error
        raise


def _batches(job: Job, training: LabelledImages, fresh: FreshImages | None, epoch: int) -> tf.data.Dataset:
    config = job.config
    how: dict[str, Any] = {
        "batch_size": config.batch_size,
        "seed": config.seed,
        "first_step": job.schedule.steps_per_epoch * epoch,
        "augmentation": config.augmentation,
    }
    if fresh is None:
        return training_batches(training, **how)
    spec = job.captchas.spec
    return streamed_batches(fresh.batches, size=(spec.height, spec.width), length=spec.max_length, **how)


def _fresh_images(job: Job, prior: LogPrior, validation: LabelledImages, state: Progress) -> FreshImages:
    config = job.config
    return FreshImages(
        job.series,
        steps=job.schedule.steps_per_epoch,
        batch_size=config.batch_size,
        prior=prior,
        first_epoch=state.epoch,
        weights=state.callbacks.get(FreshImages.__name__, {}).get("weights", config.weights),
        validation=validation if config.hard_characters else None,
    )


def _callbacks(
    job: Job, save: Callable[[Path], None], state: Progress, fresh: FreshImages | None
) -> list[keras.callbacks.Callback]:
    config = job.config
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss",
        factor=config.plateau_factor,
        patience=config.plateau_patience,
        verbose=1,
    )
    stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.stop_patience)
    best = BestModel(job.run, save, len(job.learned.split.validation))
    watched = [plateau, stopping, best, *([fresh] if fresh else [])]
    callbacks = [EpochRows(job.schedule.steps_per_epoch * config.batch_size, state.history), *watched]
    if config.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(job.run.path / "tensorboard", update_freq="epoch"))
    return [*callbacks, Checkpoint(job.run, watched, state)]

"""Checks everything that can be wrong about a training before anything is written."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from captcha_keras.errors import InputError
from captcha_keras.files import is_temporary
from captcha_keras.networks.losses import CrossEntropy
from captcha_keras.networks.registry import find_network
from captcha_keras.pipeline.store import STORE_PREFIX
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.canvas import fitted_spec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.data import TrainingData, open_data, with_classes_of
from captcha_keras.training.devices import Device, precision_policy, select_device
from captcha_keras.training.initial import load_initial
from captcha_keras.training.record import data_record, environment_record
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.schedule import Schedule, plan
from data_gen.fresh import series_like
from data_gen.series import Series
from data_gen.texts import TextSource


@dataclass(frozen=True)
class Job:
    """A training that was checked and may start.

    Attributes:
        config: The settings.
        run: The run folder.
        device: What it runs on.
        policy: The Keras dtype policy.
        captchas: The data set that the trained network reads.
        learned: The data set that it learns from: the same, or single characters.
        schedule: Its steps.
        initial: The trained network that a new run starts from, and its spec; None for random weights.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras.spec import CaptchaSpec
        >>> from data_gen import Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> job = check_job(TrainConfig("data", batch_size=4, seed=3), RunFolder(Path("run")))
        >>> job.schedule.steps_per_epoch, job.series.seed
        (100, 'training 3')
    """

    config: TrainConfig
    run: RunFolder
    device: Device
    policy: str
    captchas: TrainingData
    learned: TrainingData
    schedule: Schedule
    initial: tuple[keras.Model, CaptchaSpec] | None = None

    @property
    def series(self) -> Series:
        """The new images that are drawn as the data set was."""
        # A name, not a number: no seed of a data set, such as that of the test images, can draw the same images.
        return series_like(self.captchas.dataset.description, f"training {self.config.seed}", self.config.fonts)

    def record(self) -> dict[str, Any]:
        """What `config.json` of the run says."""
        characters = {} if self.learned is self.captchas else {"characters": data_record(self.learned)}
        return {
            "settings": self.config.to_json(),
            "schedule": asdict(self.schedule),
            "spec": self.captchas.spec.to_json(),
            "dataset": data_record(self.captchas),
            **characters,
            "environment": environment_record(self.device, self.policy),
        }


def check_job(config: TrainConfig, run: RunFolder, *, resume: bool = False) -> Job:
    """Check the settings and the data of a training, and refuse what cannot be trained.

    Args:
        config: The settings; for a resumed run those that it recorded.
        run: The run folder.
        resume: Whether an interrupted run goes on.

    Raises:
        InputError: The settings are wrong, the data is bad, or the run was trained on other data or another machine's
            arithmetic.

    Example:
        >>> from pathlib import Path
        >>> size = Path("notes.txt").write_text("mine")
        >>> check_job(TrainConfig(), RunFolder(Path()))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: . is not empty; --resume it, or choose another --run.
    """
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard needs the package tensorboard: pip install tensorboard.")
    if not resume and not _is_free(run):
        raise InputError(f"{run.path} is not empty; --resume it, or choose another --run.")
    device = select_device(config.gpu)
    network = find_network(config.network)
    initial = None if config.initial_model is None or resume else load_initial(Path(config.initial_model))
    captchas = open_data(config, config.data, network)
    source = None if initial is None else initial[1]
    # What a run began with it goes on with: its canvas and its schedule may have come from a model that is gone.
    spec = run.read_spec() if resume else fitted_spec(captchas.spec, network, config.size, source)
    captchas = learned = replace(captchas, spec=spec)
    if config.characters is not None:
        if not network.cuts:
            raise InputError(f"--characters is for networks that cut images into characters, not {config.network!r}.")
        learned = open_data(config, config.characters, network)
        captchas = with_classes_of(captchas, learned)
    policy = precision_policy(config.precision, device)
    recorded = run.read_record().get("schedule") if resume else None
    schedule = Schedule(**recorded) if recorded else plan(config, len(learned.split.train))
    job = Job(config, run, device, policy, captchas, learned, schedule, initial)
    if config.fresh_images:
        if (config.weights or config.hard_characters) and network.loss is not CrossEntropy:
            raise InputError(f"The loss of {config.network!r} cannot allow for characters that are drawn more often.")
        TextSource(job.series.spec, weights=config.weights)
    network.loss_for(learned.spec, config.label_smoothing)
    if resume:
        _check_unchanged(job)
    return job


def _is_free(run: RunFolder) -> bool:
    """Whether the folder is empty, but for what a process that was killed before its first record left there."""
    if not run.path.exists():
        return True
    names = [path.name for path in run.path.iterdir()] if run.path.is_dir() else [run.path.name]
    return run.path.is_dir() and all(name.startswith(STORE_PREFIX) or is_temporary(name) for name in names)


def _check_unchanged(job: Job) -> None:
    """A resumed training must see the same images and compute in the same way."""
    recorded, now = job.run.read_record(), job.record()
    for name in ("dataset", "characters"):
        before, after = recorded.get(name), now.get(name)
        if before is None or after is None:
            continue
        folder = after["folder"]
        if before["fingerprint"] != after["fingerprint"]:
            raise InputError(f"{folder} is not the data set that {job.run.path} was trained on.")
        if before.get("split", after["split"]) != after["split"]:
            raise InputError(f"NumPy splits {folder} otherwise here than where {job.run.path} was trained.")
    before, after = (_arithmetic(record["environment"]) for record in (recorded, now))
    for name, value in before.items():
        if value != after.get(name, value):
            raise InputError(
                f"{job.run.path} was trained with {name} {value} and would go on with {after[name]}; a resumed "
                "training must compute alike."
            )


def _arithmetic(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the numbers that a training computes."""
    packages = {name: release for name, release in environment["packages"].items() if name != "captcha-keras"}
    device = environment["device"]
    return {
        "precision": environment["dtype_policy"],
        "backend": environment["backend"],
        "device": f"{len(device['names'])} {device['kind']}",
        **packages,
    }

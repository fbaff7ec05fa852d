"""One training of an audit, and what its network reads."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.plan import Trial
from captcha_keras.audit.start import fit_material, load_start
from captcha_keras.audit.subject import Material
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.evaluation.calibration import fit_temperature, scaled, threshold_for
from captcha_keras.pipeline.batches import training_batches
from captcha_keras.pipeline.store import image_store
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.devices import precision_policy, select_device
from captcha_keras.training.fit import build_trainee, fit
from captcha_keras.training.schedule import WARMUP_DIVISOR, Schedule

NETWORK = "vgg"
# A training is cut in so many equal parts, after each of which the validation images are read.
PARTS = 8
# After these the learning rate has come down to zero: only there a network is judged, and then it rises again.
ANNEALED = (2, 4, 8)
# From here on there is nothing left to learn.
ENOUGH = 0.995
# A network still gets better if twice the training takes away this fraction of its misread characters…
GAIN = 0.1
# … and one that misreads nearly as many as a guess has not begun to learn.
BEGUN = 0.8
PRECISION = 0.99
# Fields that trials recorded under another name before version 0.2.
RENAMED = {"readings": "predictions"}


@dataclass(frozen=True)
class Check:
    """How well a network reads the validation images at a moment of its training.

    Attributes:
        images: Training images that it has seen, repeated ones counted anew.
        cpu_seconds: Processor time of the training until then, all cores together.
        read: Fraction of the validation images that it reads right.
        misread: Fraction of their characters that it misreads.

    Example:
        >>> Check(images=320, cpu_seconds=60.0, read=0.5).read
        0.5
    """

    images: int
    cpu_seconds: float
    read: float
    misread: float = 1.0


@dataclass(frozen=True)
class Result:
    """The result of a trial.

    Attributes:
        samples: Labelled images that it learned from.
        repetition: Number of the repetition.
        change: The changed setting; empty for none.
        checks: How well it read on the way.
        temperature: That makes its confidences on the validation images fit best.
        threshold: The lowest confidence at this temperature from which on 99 % of the validation images are read right;
            None if there is none.
        texts: The text of each test image.
        predictions: What was read.
        confidence: Product of the heads' maxima for each test image, `(N,)`.
        scaled_confidence: The same at the fitted temperature.
        properties: Of each test image, by name.
        fonts: Number of the font of each character of each test image; None where unknown.
        converged: Whether it stopped because it got no better, and not at the cap.

    Example:
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> result.right.tolist(), result.cpu_seconds, Result.from_json(result.to_json()) == result
        ([True, False], 60.0, True)
    """

    samples: int
    repetition: int
    change: str
    checks: tuple[Check, ...]
    temperature: float
    threshold: float | None
    texts: tuple[str, ...]
    predictions: tuple[str, ...]
    confidence: tuple[float, ...]
    scaled_confidence: tuple[float, ...]
    properties: Mapping[str, tuple[float, ...]]
    fonts: tuple[tuple[int, ...], ...] | None
    converged: bool = False

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each test image was read right, `(N,)`."""
        return np.array([text == prediction for text, prediction in zip(self.texts, self.predictions, strict=True)])

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the training, all cores together."""
        return self.checks[-1].cpu_seconds

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object; `from_json` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        """Read what `to_json` wrote."""
        fields = {RENAMED.get(name, name): item for name, item in value.items()}
        fields["checks"] = tuple(Check(**check) for check in fields["checks"])
        fields["properties"] = {name: tuple(values) for name, values in fields["properties"].items()}
        for name in ("texts", "predictions", "confidence", "scaled_confidence"):
            fields[name] = tuple(fields[name])
        if fields["fonts"] is not None:
            fields["fonts"] = tuple(tuple(numbers) for numbers in fields["fonts"])
        return cls(**fields)


def reader_name(budget: Budget) -> str:
    """What a report calls the networks that an audit trains.

    Example:
        >>> from captcha_keras.audit.budget import BUDGETS
        >>> reader_name(BUDGETS["small"])
        'vgg from random weights'
    """
    return f"{NETWORK} from random weights" if budget.start is None else f"a network from models/{budget.start}"


def run(trial: Trial, seen: Callable[[int], None] | None = None, *, gpu: bool = False) -> Result:
    """Train the network of a trial and measure what it reads.

    Args:
        trial: What to train on.
        seen: Called with the training images seen so far.
        gpu: Whether a GPU is required.

    Raises:
        InputError: A GPU is required and there is none.
        DatasetError: Images or labels are bad.

    Example:
        >>> from captcha_keras.audit.budget import BUDGETS
        >>> from captcha_keras.audit.subject import Folder
        >>> run(Trial(Folder("x"), 1_000, 0, BUDGETS["small"]))
        Traceback (most recent call last):
        captcha_keras.errors.DatasetError: x is no folder; expected a dataset drawn by data_gen.py, or labelled images.
    """
    part = max(1, trial.budget.images // TrainConfig.batch_size // PARTS)
    device = select_device(gpu)
    start = None if trial.budget.start is None else load_start(trial.budget.start)
    spec = trial.subject.spec if start is None else start.learned(trial.subject.spec)
    config = TrainConfig(network=NETWORK if start is None else start.network, seed=trial.seed, gpu=gpu)
    restarts = tuple(part * parts for parts in ANNEALED[:-1])
    schedule = Schedule(PARTS, part, warmup_steps=part // WARMUP_DIVISOR)
    with (
        tempfile.TemporaryDirectory(prefix="captcha-keras-") as directory,
        image_store("auto", Path(directory)) as allocate,
    ):
        material = trial.subject.material(trial.samples, trial.repetition, trial.budget, allocate)
        material = fit_material(material, spec, allocate)
        keras.utils.clear_session()
        keras.utils.set_random_seed(config.seed)
        trainee = build_trainee(config, spec, precision_policy("auto", device), schedule, restarts)
        if start is not None:
            start.give_weights(trainee.network, spec)
        recognizer = Recognizer(trainee.network.predict_on_batch, spec)
        watch = _Watch(recognizer, material.validation, seen or (lambda images: None))
        batches = training_batches(
            material.training, batch_size=config.batch_size, seed=config.seed, augmentation=config.augmentation
        )
        fit(trainee, batches, steps_per_epoch=schedule.steps_per_epoch, epochs=PARTS, callbacks=[watch])
        return _measured(trial, recognizer, material, watch)


def _measured(trial: Trial, recognizer: Recognizer, material: Material, watch: _Watch) -> Result:
    spec = recognizer.spec
    labels = material.validation.labels
    probabilities = recognizer.probabilities(material.validation.images)
    temperature = fit_temperature(probabilities, labels)
    sure = scaled(probabilities, temperature).max(axis=-1).prod(axis=1)
    threshold = threshold_for(PRECISION, sure, (probabilities.argmax(axis=-1) == labels).all(axis=1))
    probabilities = recognizer.probabilities(material.test.images)
    return Result(
        samples=trial.samples,
        repetition=trial.repetition,
        change=trial.change,
        checks=tuple(watch.checks),
        converged=watch.converged,
        temperature=temperature,
        threshold=threshold,
        texts=tuple(spec.decode_all(material.test.labels)),
        predictions=tuple(spec.decode_all(probabilities.argmax(axis=-1))),
        confidence=_listed(probabilities.max(axis=-1).prod(axis=1)),
        scaled_confidence=_listed(scaled(probabilities, temperature).max(axis=-1).prod(axis=1)),
        properties={name: _listed(values) for name, values in material.properties.items()},
        fonts=None if material.fonts is None else tuple(tuple(row) for row in material.fonts.tolist()),
    )


def _listed(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(values.astype(float).round(6).tolist())


class _Watch(keras.callbacks.Callback):
    """Reads the validation images on the way, outside of the training's time, and stops what has converged."""

    def __init__(self, recognizer: Recognizer, validation: LabelledImages, seen: Callable[[int], None]) -> None:
        super().__init__()
        self.checks: list[Check] = []
        self._recognizer, self._validation, self._seen = recognizer, validation, seen
        self._spent = 0.0
        self.converged = False
        # What a guess misreads: all but the most frequent class of each position.
        self._guess = 1 - np.mean([np.bincount(each).max() / len(each) for each in validation.labels.T])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin = time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._spent += time.process_time() - self._begin
        predicted = self._recognizer.probabilities(self._validation.images).argmax(axis=-1)
        right = predicted == self._validation.labels
        total = (epoch + 1) * self.params["steps"] * TrainConfig.batch_size
        self.checks.append(Check(total, self._spent, float(right.all(axis=1).mean()), float(1 - right.mean())))
        self._seen(total)
        if epoch + 1 in ANNEALED:
            self.converged = self._has_converged()
            self.model.stop_training = self.converged

    def _has_converged(self) -> bool:
        """Whether more training would give little, at a moment when the learning rate has come down to zero."""
        now = self.checks[-1]
        if now.read >= ENOUGH:
            return True
        if len(self.checks) == ANNEALED[0] or now.misread > BEGUN * self._guess:
            return False
        before = self.checks[len(self.checks) // 2 - 1]
        return now.misread > (1 - GAIN) * before.misread

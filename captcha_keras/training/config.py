"""Every setting of a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from captcha_keras.dataset.split import Split, split_indices
from captcha_keras.errors import InputError
from captcha_keras.pipeline.augmentation import DEFAULT_AUGMENTATION, Augmentation

# Settings that runs recorded under another name before version 0.2.
RENAMED = {"validation_share": "validation_fraction", "test_share": "test_fraction"}
LOWEST = {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "warmup_steps": 0, "seed": 0}


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training; with the data set they decide its result.

    Attributes:
        data: The dataset folder, or a CSV file.
        network: A name from `list_networks()`.
        initial_model: A run folder, a `.keras` file inside of one or a version of an exported model, whose weights the
            training starts from; another alphabet, length and image size are allowed. None for random weights.
        characters: A folder of single characters that a network which cuts images learns from instead of `data`.
        alphabet: Alphabet to use instead of the recorded or observed one.
        size: Width and height that images are fitted into when they are decoded, with their proportions kept, so that
            they may have any size. None for what `fitted_spec` says: most often the size that the images have.
        labels: How many training and validation images are used, as if no others were labelled; test images stay the
            same. None for all.
        epochs: Epochs, at most; None for what `plan` says: 50 passes over the training images, more for few of them.
        steps_per_epoch: Steps after which validation is read and the state saved; None for what `plan` says: a pass
            over the training images if `epochs` are given.
        batch_size: Images of a step.
        learning_rate: Peak learning rate of Adam; None for the network's own.
        warmup_steps: Steps in which the learning rate rises from zero to its peak; None for 300, or an eighth of the
            training if that is less.
        anneal: Fraction of the planned steps, at the end, in which the learning rate falls to zero along a cosine;
            0 leaves it to ReduceLROnPlateau alone.
        plateau_factor: What ReduceLROnPlateau multiplies the learning rate by.
        plateau_patience: Epochs without a better validation loss before it does.
        stop_patience: Epochs without a better validation loss before training stops.
        label_smoothing: Fraction of the target probability that is spread over all classes, from 0 to below 1.
        dropout: Rate of the network's dropout layers, from 0 to below 1; None for the network's own.
        augmentation: How training images are distorted; None for not at all.
        precision: "auto", "float32", "bfloat16" or "float16".
        fresh_images: Whether to train on new images, drawn as the data set was, instead of its training images.
        fonts: Paths of the fonts of these, if the data set has own ones.
        weights: How many times as often a character is drawn among them; 1 for those not named.
        hard_characters: Whether validation sets these weights after each epoch.
        seed: Seed of weights, order, augmentation, dropout and new images.
        split_seed: Seed of the split.
        validation_fraction: Fraction of the images for validation.
        test_fraction: Fraction of the images for the test.
        gpu: Whether a GPU is required.
        image_store: "auto", "memory" or "disk": where decoded images live.
        tensorboard: Whether to write TensorBoard logs.

    Raises:
        InputError: A setting is out of range, or does not go with another one.

    Example:
        >>> TrainConfig(network="mathematica_relu", epochs=3).learning_rate
        0.0003
    """

    data: str = "data/captcha"
    network: str = "vgg"
    characters: str | None = None
    alphabet: str | None = None
    size: tuple[int, int] | None = None
    labels: int | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    batch_size: int = 32
    learning_rate: float | None = None
    warmup_steps: int | None = None
    anneal: float = 1.0
    plateau_factor: float = 0.5
    plateau_patience: int = 6
    stop_patience: int = 12
    label_smoothing: float = 0.0
    dropout: float | None = None
    augmentation: Augmentation | None = DEFAULT_AUGMENTATION
    precision: str = "auto"
    fresh_images: bool = False
    fonts: tuple[str, ...] = ()
    weights: Mapping[str, int] = dataclasses.field(default_factory=dict)
    hard_characters: bool = False
    seed: int = 0
    split_seed: int = 0
    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    gpu: bool = False
    image_store: str = "auto"
    tensorboard: bool = False
    initial_model: str | None = None

    def __post_init__(self) -> None:
        for name, lowest in LOWEST.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise InputError(f"{name} must be at least {lowest}, got {value}.")
        if self.characters is not None and self.fresh_images:
            raise InputError("--fresh-images draws whole images; leave out --characters.")
        if self.labels is not None and (self.characters is not None or self.fresh_images):
            other = "--fresh-images" if self.fresh_images else "--characters"
            raise InputError(f"--labels counts labelled CAPTCHAs, and {other} learns from other images; leave out one.")
        if self.learning_rate is None:
            # Only here: whoever reads a recorded configuration needs no Keras.
            from captcha_keras.networks.registry import find_network

            object.__setattr__(self, "learning_rate", find_network(self.network).learning_rate)
        elif not self.learning_rate > 0:
            raise InputError(f"learning_rate must be above 0, got {self.learning_rate}.")
        for name in ("fonts", "weights", "hard_characters"):
            if getattr(self, name) and not self.fresh_images:
                raise InputError(f"--{name.replace('_', '-')} needs --fresh-images.")
        if self.weights and self.hard_characters:
            raise InputError("--hard-characters sets the weights itself; leave out --weights.")
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"label_smoothing must be from 0 to below 1, got {self.label_smoothing}.")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise InputError(f"dropout must be from 0 to below 1, got {self.dropout}.")
        if not 0 <= self.anneal <= 1:
            raise InputError(f"anneal must be 0 to 1, got {self.anneal}.")

    def split(self, count: int) -> Split:
        """Which of `count` images are for training, for validation and for the test; see `split_indices`."""
        return split_indices(count, self.split_seed, self.validation_fraction, self.test_fraction, self.labels)

    def to_json(self) -> dict[str, Any]:
        """The fields as a JSON object; `from_json` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TrainConfig:
        """Read what `to_json` wrote; settings that came later than the record have their defaults.

        Raises:
            InputError: A setting is unknown.
        """
        fields = _fields_of(cls, {RENAMED.get(name, name): item for name, item in value.items()})
        if fields.get("augmentation") is not None:
            fields["augmentation"] = Augmentation(**_fields_of(Augmentation, fields["augmentation"]))
        return cls(**fields)


def _fields_of(kind: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(value) - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise InputError(f"The recorded {kind.__name__} has unknown settings: {', '.join(unknown)}.")
    # JSON has no tuples.
    return {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}

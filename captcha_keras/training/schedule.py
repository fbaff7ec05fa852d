"""How long a training takes: how many steps, in how many epochs."""

from __future__ import annotations

from dataclasses import dataclass

from captcha_keras.pipeline.batches import steps_per_pass
from captcha_keras.training.config import TrainConfig

PASSES = 50
# Fewer images need more passes. With random weights a training takes at least so many steps; with learned ones it takes
# so many times the square root of the number of images, if that is less. 50 passes over 1,024 images take both.
FEWEST_STEPS = 1_600
STEPS_PER_ROOT = 50
# After each epoch validation is read and the state is saved, which takes seconds.
FEWEST_STEPS_PER_EPOCH = 100
WARMUP_STEPS = 300
# The warm-up takes no larger part of the steps than one in so many.
WARMUP_DIVISOR = 8


@dataclass(frozen=True)
class Schedule:
    """The steps of a training.

    Attributes:
        epochs: Epochs, at most.
        steps_per_epoch: Steps of each.
        warmup_steps: Steps in which the learning rate rises from zero to its peak.

    Example:
        >>> Schedule(epochs=3, steps_per_epoch=1280, warmup_steps=300).steps
        3840
    """

    epochs: int
    steps_per_epoch: int
    warmup_steps: int

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch


def plan(config: TrainConfig, images: int) -> Schedule:
    """Plan a training.

    If the settings name the number of epochs, an epoch is a pass over the images. If not, the training takes 50 passes,
    or more if the images are few: at least 1,600 steps from random weights, and from learned ones 50 times the square
    root of the number of images. An epoch then has at least 100 steps.

    Args:
        config: The settings; what they name is kept.
        images: Number of training images.

    Example:
        >>> plan(TrainConfig(), 40_960)
        Schedule(epochs=50, steps_per_epoch=1280, warmup_steps=300)
        >>> plan(TrainConfig(initial_model="runs/first"), 90)
        Schedule(epochs=5, steps_per_epoch=100, warmup_steps=62)
    """
    one_pass = steps_per_pass(images, config.batch_size)
    epochs, per_epoch = config.epochs, config.steps_per_epoch
    if epochs is None:
        fewest = FEWEST_STEPS
        if config.initial_model is not None:
            fewest = min(fewest, round(STEPS_PER_ROOT * images**0.5))
        per_epoch = per_epoch or max(one_pass, FEWEST_STEPS_PER_EPOCH)
        epochs = -(-max(PASSES * one_pass, fewest) // per_epoch)
    per_epoch = per_epoch or one_pass
    warmup = config.warmup_steps
    if warmup is None:
        warmup = min(WARMUP_STEPS, epochs * per_epoch // WARMUP_DIVISOR)
    return Schedule(epochs, per_epoch, warmup)

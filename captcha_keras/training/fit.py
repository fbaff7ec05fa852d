"""The one training loop: `train`, `compare` and the audit use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.networks.heads import stacked_logits
from captcha_keras.networks.registry import build_network, find_network
from captcha_keras.pipeline.batches import evaluation_batches
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.devices import compiles_with_xla
from captcha_keras.training.metrics import captcha_accuracy, character_accuracy
from captcha_keras.training.optimizer import RampedAdam
from captcha_keras.training.prior import LogPrior
from captcha_keras.training.schedule import Schedule


@dataclass(frozen=True)
class Trainee:
    """A network and the model that trains its weights.

    Attributes:
        network: uint8 images to one softmax head for each position.
        model: The same layers up to the logits, stacked `(N, L, K)`, compiled.
        prior: The layer that allows for characters that are drawn more often; None unless images are drawn.

    Example:
        >>> spec, schedule = CaptchaSpec("01", 2, 2, 40, 24), Schedule(epochs=1, steps_per_epoch=1, warmup_steps=0)
        >>> trainee = build_trainee(TrainConfig(network="vgg"), spec, "float32", schedule)
        >>> sorted(trainee.network.output), trainee.model.output.shape, trainee.prior
        (['char_0', 'char_1'], (None, 2, 2), None)
    """

    network: keras.Model
    model: keras.Model
    prior: LogPrior | None = None


def build_trainee(
    config: TrainConfig, spec: CaptchaSpec, policy: str, schedule: Schedule, restarts: Sequence[int] = ()
) -> Trainee:
    """Build a network with fresh weights and compile what trains it.

    Args:
        config: Network, loss and learning rate.
        spec: The spec of what it learns from.
        policy: The Keras dtype policy.
        schedule: Number of steps, for the course of the learning rate.
        restarts: Steps at which that course begins anew.

    Example:
        >>> spec, schedule = CaptchaSpec("01", 2, 2, 40, 24), Schedule(epochs=3, steps_per_epoch=10, warmup_steps=5)
        >>> build_trainee(TrainConfig(network="vgg"), spec, "float32", schedule).model.optimizer.total_steps
        30
    """
    kind = find_network(config.network)
    network = build_network(config.network, spec, keras.DTypePolicy(policy))
    if config.dropout is not None:
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = config.dropout
    network.jit_compile = compiles_with_xla(network)  # the audit predicts with it
    model, prior = stacked_logits(network, spec), None
    if config.fresh_images:
        prior = LogPrior(spec, dtype="float32")
        model = keras.Model(model.input, prior(model.output), name=model.name)
    optimizer: keras.optimizers.Optimizer = RampedAdam(
        config.learning_rate or kind.learning_rate,
        warmup_steps=schedule.warmup_steps,
        total_steps=schedule.steps,
        anneal=config.anneal,
        restarts=restarts,
    )
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer,
        kind.loss_for(spec, config.label_smoothing),
        metrics=[character_accuracy, captcha_accuracy],
        jit_compile=compiles_with_xla(model),
    )
    # A checkpoint is put back before the first step, so the slots must exist by then.
    optimizer.build(model.trainable_variables)
    return Trainee(network, model, prior)


def fit(
    trainee: Trainee,
    batches: tf.data.Dataset,
    *,
    steps_per_epoch: int,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback],
    validation: LabelledImages | None = None,
    initial_epoch: int = 0,
    verbose: int = 0,
) -> None:
    """Train a network.

    Args:
        trainee: What is trained.
        batches: Endless training batches, from the first step of `initial_epoch` on.
        steps_per_epoch: Steps of an epoch.
        epochs: Epochs at the end.
        callbacks: Keras callbacks.
        validation: Images that are evaluated after each epoch.
        initial_epoch: Epochs that were finished before.
        verbose: As `keras.Model.fit` has it.

    Example:
        >>> import numpy as np
        >>> from captcha_keras.pipeline.batches import training_batches
        >>> spec = CaptchaSpec("01", 1, 2, 40, 24)
        >>> data = LabelledImages(np.zeros((8, 24, 40, 3), np.uint8), np.zeros((8, 2), np.int32))
        >>> schedule = Schedule(epochs=1, steps_per_epoch=2, warmup_steps=0)
        >>> trainee = build_trainee(TrainConfig(network="segmented_mlp"), spec, "float32", schedule)
        >>> fit(trainee, training_batches(data, batch_size=4, seed=0), steps_per_epoch=2, epochs=1, callbacks=[])
        >>> int(trainee.model.optimizer.iterations)
        2
    """
    trainee.model.fit(
        batches,
        validation_data=None if validation is None else evaluation_batches(validation),
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=list(callbacks),
        shuffle=False,
        verbose=verbose,
    )

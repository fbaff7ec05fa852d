"""Adam with a learning rate that rises at the start and falls at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("captcha_keras")
class RampedAdam(keras.optimizers.Adam):
    """Adam with linear warm-up and cosine decay, as a factor on `learning_rate`.

    With a Keras `LearningRateSchedule` ReduceLROnPlateau could not set `learning_rate`. Here it stays an ordinary
    variable; the factor is computed in the training step, on every backend.

    Args:
        learning_rate: The learning rate between warm-up and decay.
        warmup_steps: Steps over which the factor rises linearly to 1.
        total_steps: Planned steps of the whole training.
        anneal: Fraction of the steps after the warm-up over which, at the end, the factor falls from 1 to 0 along a
            half cosine.
        restarts: Steps at which the course begins anew: warm restarts (Loshchilov and Hutter, 2017).
        **kwargs: The other arguments of `keras.optimizers.Adam`.

    Example:
        >>> optimizer = RampedAdam(1e-3, warmup_steps=10, total_steps=100, anneal=0.5)
        >>> [round(float(optimizer.ramp(step)), 2) for step in (0, 9, 50, 100)]
        [0.1, 1.0, 1.0, 0.0]
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        *,
        warmup_steps: int = 0,
        total_steps: int = 1,
        anneal: float = 0.0,
        restarts: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.anneal = anneal
        self.restarts = tuple(restarts)

    def ramp(self, step: Any) -> Any:
        """The factor at a step, counted from 0: a scalar from 0 to 1."""
        step = ops.cast(step, "float32")
        (begin, end), *later = pairwise((0, *self.restarts, self.total_steps))
        factor = self._course(step - begin, end - begin)
        for begin, end in later:
            factor = ops.where(step < begin, factor, self._course(step - begin, end - begin))
        return factor

    def _course(self, step: Any, steps: int) -> Any:
        """The factor at a step of a course of so many."""
        factor = ops.minimum(1.0, (step + 1) / max(self.warmup_steps, 1))
        length = self.anneal * (steps - self.warmup_steps)
        if length <= 0:
            return factor
        done = ops.clip((step - (steps - length)) / length, 0.0, 1.0)
        return factor * 0.5 * (1 + ops.cos(math.pi * done))

    @property
    def last_learning_rate(self) -> float:
        """The learning rate of the last step, factor included."""
        return float(ops.convert_to_numpy(self.learning_rate * self.ramp(self.iterations - 1)))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable, at the learning rate times the factor."""
        super().update_step(gradient, variable, learning_rate * self.ramp(self.iterations))

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return {
            **super().get_config(),
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "anneal": self.anneal,
            "restarts": self.restarts,
        }

"""Weighted characters in training, calibrated probabilities afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from captcha_keras.spec import CaptchaSpec


class LogPrior(keras.Layer):
    """Adds to the logits, in training alone, how often each class is drawn.

    A network that sees O seven times as often as Q would lean towards O where it cannot tell. With the logarithm of the
    weights added before the softmax, what it learns is the answer for characters that are equally frequent (logit
    adjustment, Menon et al. 2021); validation and everything after training use the logits without it.

    Input and output float32 `(N, L, K)`.

    Args:
        spec: Names the classes.
        **kwargs: Passed to `keras.Layer`.
    """

    def __init__(self, spec: CaptchaSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the logarithms; zero until weights are known."""
        self.log_prior = self.add_weight(
            shape=(self.spec.num_classes,), initializer="zeros", trainable=False, name="log_prior"
        )
        super().build(input_shape)

    def call(self, logits: Any, training: bool = False) -> Any:
        """The logits, with the prior in training."""
        return logits + self.log_prior if training else logits

    def weigh(self, weights: Mapping[str, int]) -> None:
        """Take over the weights of the characters drawn from now on."""
        self.log_prior.assign(log_prior(weights, self.spec))


def log_prior(weights: Mapping[str, int], spec: CaptchaSpec) -> NDArray[np.float32]:
    """Logarithm of how many times as often each class is drawn as without weights: `(K,)`.

    "No character" is drawn as often as ever.
    """
    drawn = np.array([weights.get(character, 1) for character in spec.alphabet], np.float64)
    result = np.zeros(spec.num_classes, np.float32)
    result[: len(drawn)] = np.log(drawn / drawn.mean())
    return result

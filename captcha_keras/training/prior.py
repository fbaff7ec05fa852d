"""Logit adjustment: some characters are drawn more often in training, and probabilities are calibrated all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras
import numpy as np
from numpy.typing import NDArray

from captcha_keras.spec import CaptchaSpec


@keras.saving.register_keras_serializable("captcha_keras")
class LogPrior(keras.Layer):
    """A layer that adds the logarithm of the class frequencies to the logits, in training only.

    A network that sees O seven times as often as Q would favour O where it cannot tell them apart. With the log prior
    added before the softmax it learns the answer for equally frequent characters (logit adjustment, Menon et al. 2021).
    Validation and everything after training use the logits as they are.

    Input and output are float `(N, L, K)`.

    Args:
        spec: Names the classes.
        **kwargs: `name`, `dtype` and the other arguments of `keras.Layer`.

    Example:
        >>> layer = LogPrior(CaptchaSpec("OQ", 1, 1))
        >>> logits = np.zeros((1, 1, 2), np.float32)
        >>> layer.build(logits.shape)
        >>> layer.weigh({"O": 3})  # O is drawn three times as often: 3/4 and 1/4 instead of 1/2 each
        >>> np.exp(layer(logits, training=True)).round(2).tolist(), np.asarray(layer(logits)).tolist()
        ([[[1.5, 0.5]]], [[[0.0, 0.0]]])
    """

    def __init__(self, spec: CaptchaSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the log prior `(K,)`: zero until `weigh` sets it."""
        self.log_prior = self.add_weight(
            shape=(self.spec.num_classes,), initializer="zeros", trainable=False, name="log_prior"
        )
        super().build(input_shape)

    def call(self, logits: Any, training: bool = False) -> Any:
        """The logits, plus the log prior in training."""
        return logits + self.log_prior if training else logits

    def weigh(self, weights: Mapping[str, int]) -> None:
        """Set the prior to the weights that characters are drawn with from now on; 1 for those not named."""
        self.log_prior.assign(log_prior(weights, self.spec))

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving; the spec as a JSON object."""
        return {**super().get_config(), "spec": self.spec.to_json()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer of a configuration."""
        return cls(**{**config, "spec": CaptchaSpec.from_json(config["spec"])})


def log_prior(weights: Mapping[str, int], spec: CaptchaSpec) -> NDArray[np.float32]:
    """Logarithm of the frequency of each class relative to unweighted drawing: float32 `(K,)`.

    "No character" keeps its frequency.

    Args:
        weights: How many times as often a character is drawn; 1 for those not named.
        spec: Names the classes.

    Example:
        >>> np.exp(log_prior({"O": 3}, CaptchaSpec("OQ", 1, 2))).round(2).tolist()
        [1.5, 0.5, 1.0]
    """
    frequency = np.array([weights.get(character, 1) for character in spec.alphabet], np.float64)
    result = np.zeros(spec.num_classes, np.float32)
    result[: len(frequency)] = np.log(frequency / frequency.mean())
    return result

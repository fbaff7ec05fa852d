"""Turns probabilities into predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.spec import CaptchaSpec


def predictions_from(probabilities: NDArray[np.float32], spec: CaptchaSpec) -> list[Prediction]:
    """The most likely text of each row of probabilities.

    Args:
        probabilities: float32 `(N, L, K)`.
        spec: Names the classes.

    Example:
        >>> spec = CaptchaSpec(alphabet="AB", min_length=2, max_length=2)
        >>> predictions_from(np.array([[[0.9, 0.1], [0.2, 0.8]]]), spec)[0].text
        'AB'
    """
    texts = spec.decode_all(probabilities.argmax(axis=-1))
    best = probabilities.max(axis=-1)
    return [
        Prediction(text, float(np.prod(row)), tuple(float(value) for value in row))
        for text, row in zip(texts, best, strict=True)
    ]

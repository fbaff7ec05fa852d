"""Training metrics over stacked logits `(N, L, K)`, for every Keras backend."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("captcha_keras")
def character_accuracy(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Fraction of the characters of each image that are right.

    Args:
        y_true: Class ids, `(N, L)`.
        y_pred: Logits or probabilities, `(N, L, K)`.

    Returns:
        float32 `(N,)`, 0 to 1.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[[9.0, 0.0], [9.0, 0.0]]])  # reads class 0 twice
        >>> np.asarray(character_accuracy(np.array([[0, 1]]), logits)).tolist()
        [0.5]
    """
    return ops.mean(_right(y_true, y_pred), axis=-1)


@keras.saving.register_keras_serializable("captcha_keras")
def captcha_accuracy(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """1 for each image of which every character is right, else 0: float32 `(N,)`.

    Args:
        y_true: Class ids, `(N, L)`.
        y_pred: Logits or probabilities, `(N, L, K)`.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[[9.0, 0.0], [9.0, 0.0]]])  # reads class 0 twice
        >>> [float(captcha_accuracy(np.array([labels]), logits)[0]) for labels in ([0, 0], [0, 1])]
        [1.0, 0.0]
    """
    return ops.min(_right(y_true, y_pred), axis=-1)


def _right(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    predicted = ops.argmax(y_pred, axis=-1)
    return ops.cast(ops.equal(ops.cast(y_true, predicted.dtype), predicted), "float32")

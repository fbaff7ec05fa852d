"""Training metrics over stacked logits; backend-neutral."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("captcha_keras")
def character_accuracy(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Fraction of right characters of each image.

    Args:
        y_true: Class ids, `(N, L)`.
        y_pred: Logits or probabilities, `(N, L, K)`.

    Returns:
        float32 `(N,)`, 0 to 1.
    """
    return ops.mean(_right(y_true, y_pred), axis=-1)


@keras.saving.register_keras_serializable("captcha_keras")
def captcha_accuracy(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """1 for each image of which every character is right, else 0; shapes as in `character_accuracy`."""
    return ops.min(_right(y_true, y_pred), axis=-1)


def _right(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    numbers = ops.argmax(y_pred, axis=-1)
    return ops.cast(ops.equal(ops.cast(y_true, numbers.dtype), numbers), "float32")

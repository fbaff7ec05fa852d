"""Training losses over stacked logits `(N, L, K)`, for every Keras backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("captcha_keras")
class CrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy of each character, in nats.

    Args:
        label_smoothing: Fraction of the target probability that is spread evenly over all classes, 0 to 1 (Szegedy et
            al. 2016).
        **kwargs: `name`, `reduction` and `dtype`, as every `keras.losses.Loss` takes them.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[[0.0, 0.0], [-9.0, 9.0]]])  # one image, two positions, two classes
        >>> round(float(CrossEntropy()(np.array([[0, 1]]), logits)), 4)  # the mean of log 2 and almost 0
        0.3466
    """

    def __init__(self, label_smoothing: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each character, `(N, L)`, from class ids `(N, L)` and logits `(N, L, K)`."""
        loss = ops.sparse_categorical_crossentropy(ops.cast(y_true, "int32"), y_pred, from_logits=True)
        if not self.label_smoothing:
            return loss
        uniform = -ops.mean(ops.log_softmax(y_pred, axis=-1), axis=-1)
        return (1 - self.label_smoothing) * loss + self.label_smoothing * uniform

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return {**super().get_config(), "dtype": self.dtype, "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("captcha_keras")
class CutCrossEntropy(CrossEntropy):
    """Cross-entropy for networks that cut: images cut into a wrong number of characters get weight 0.

    Which character such a part shows is unknown. The last class is "no character".

    Args:
        label_smoothing: As in `CrossEntropy`.
        **kwargs: As in `CrossEntropy`.

    Example:
        >>> import numpy as np
        >>> labels, logits = np.array([[0, 0]]), np.array([[[9.0, -9.0], [-9.0, 9.0]]])  # two characters, one found
        >>> float(CutCrossEntropy()(labels, logits)), float(CrossEntropy()(labels, logits))
        (0.0, 9.0)
    """

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """As `CrossEntropy.call`; 0 for all characters of a wrongly cut image."""
        no_character = y_pred.shape[-1] - 1
        found = ops.sum(ops.cast(ops.argmax(y_pred, axis=-1) != no_character, "int32"), axis=-1, keepdims=True)
        wanted = ops.sum(ops.cast(ops.cast(y_true, "int32") != no_character, "int32"), axis=-1, keepdims=True)
        loss = super().call(y_true, y_pred)
        return loss * ops.cast(found == wanted, loss.dtype)


@keras.saving.register_keras_serializable("captcha_keras")
class MultiLabelSoftMargin(keras.losses.Loss):
    """PyTorch's `MultiLabelSoftMarginLoss`: the mean binary cross-entropy with logits over all L x K outputs.

    Args:
        **kwargs: `name`, `reduction` and `dtype`, as every `keras.losses.Loss` takes them.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[[0.0, 0.0], [-9.0, 9.0]]])
        >>> round(float(MultiLabelSoftMargin()(np.array([[0, 1]]), logits)), 4)
        0.3466
    """

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each character, `(N, L)`, from class ids `(N, L)` and logits `(N, L, K)`."""
        targets = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
        return ops.mean(ops.binary_crossentropy(targets, y_pred, from_logits=True), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return {**super().get_config(), "dtype": self.dtype}

"""Training losses over stacked logits `(N, L, K)`; backend-neutral."""

from __future__ import annotations

import keras
from keras import ops


class CrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy a character, in nats.

    Args:
        smoothing: Fraction of the wanted probability that is spread evenly over all classes (Szegedy et al. 2016), 0 to 1.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each character, float32 `(N, L)`, of class ids `(N, L)` and logits `(N, L, K)`."""
        loss = ops.sparse_categorical_crossentropy(ops.cast(y_true, "int32"), y_pred, from_logits=True)
        if not self.smoothing:
            return loss
        even = -ops.mean(ops.log_softmax(y_pred, axis=-1), axis=-1)
        return (1 - self.smoothing) * loss + self.smoothing * even


class CutCrossEntropy(CrossEntropy):
    """Cross-entropy for networks that cut: an image with another number of parts than characters teaches nothing.

    Which of its characters a part shows is not known then. The last class is "no character".
    """

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """As `CrossEntropy`; 0 for the characters of such images."""
        nothing = y_pred.shape[-1] - 1
        found = ops.sum(ops.cast(ops.argmax(y_pred, axis=-1) != nothing, "int32"), axis=-1, keepdims=True)
        there = ops.sum(ops.cast(ops.cast(y_true, "int32") != nothing, "int32"), axis=-1, keepdims=True)
        return super().call(y_true, y_pred) * ops.cast(found == there, "float32")


class MultiLabelSoftMargin(keras.losses.Loss):
    """PyTorch's loss of that name: the mean binary cross-entropy with logits over all L x K outputs."""

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each character, float32 `(N, L)`, of class ids `(N, L)` and logits `(N, L, K)`."""
        wanted = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype="float32")
        return ops.mean(ops.binary_crossentropy(wanted, y_pred, from_logits=True), axis=-1)

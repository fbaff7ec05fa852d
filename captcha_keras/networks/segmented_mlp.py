"""The network of "Training a Deep Learning Model for Solving Captchas", on characters of an image of half the size."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import segmented
from captcha_keras.spec import CaptchaSpec

CUTTER = Cutter(side=40)
UNITS = 256
# The original penalises the absolute value of all weights; its factor is not told.
PENALTY = 1e-5


def segmented_mlp(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Flatten, Dense, batch normalisation, tanh, dropout 0.4, Dense; an L1 penalty on every weight."""
    return segmented(spec, dtype, CUTTER, _classifier, "segmented_mlp")


def _classifier(squares: keras.KerasTensor, classes: int, dtype: keras.DTypePolicy | str) -> keras.KerasTensor:
    penalty = keras.regularizers.L1(PENALTY)
    x = layers.Flatten(dtype=dtype, name="flatten")(squares)
    x = layers.Dense(UNITS, use_bias=False, kernel_regularizer=penalty, dtype=dtype, name="dense")(x)
    x = layers.BatchNormalization(dtype=dtype, name="norm")(x)
    x = layers.Activation("tanh", dtype=dtype, name="tanh")(x)
    x = layers.Dropout(0.4, dtype=dtype, name="dropout")(x)
    return layers.Dense(classes, kernel_regularizer=penalty, bias_regularizer=penalty, dtype="float32", name="logits")(
        x
    )

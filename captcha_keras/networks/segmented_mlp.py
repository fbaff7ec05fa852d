"""The network of "Training a Deep Learning Model for Solving Captchas": an MLP that reads one character at a time."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import segmented
from captcha_keras.spec import CaptchaSpec

CUTTER = Cutter(side=40)
# Of the hidden layer.
UNITS = 256
# Factor of the L1 penalty. The original penalises all weights too, but does not say how much.
PENALTY = 1e-5


def segmented_mlp(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The article's network: characters of 40x40 pixels, a hidden dense layer, then the classes.

    The hidden layer has batch normalisation, tanh and dropout 0.4. An L1 penalty lies on every weight.

    Args:
        spec: Image size, alphabet and number of positions; of variable length or of a single character.
        dtype: Dtype policy of the classifier.

    Example:
        >>> segmented_mlp(CaptchaSpec("ABC", 1, 2, 80, 40)).count_params()  # 1600*256, 4*256, 256*3+3
        411395
    """
    return segmented(spec, dtype, CUTTER, _classifier, "segmented_mlp")


def _classifier(crops: keras.KerasTensor, classes: int, dtype: keras.DTypePolicy | str) -> keras.KerasTensor:
    penalty = keras.regularizers.L1(PENALTY)
    x = layers.Flatten(dtype=dtype, name="flatten")(crops)  # (M, side * side)
    x = layers.Dense(UNITS, use_bias=False, kernel_regularizer=penalty, dtype=dtype, name="dense")(x)
    x = layers.BatchNormalization(dtype=dtype, name="norm")(x)
    x = layers.Activation("tanh", dtype=dtype, name="tanh")(x)
    x = layers.Dropout(0.4, dtype=dtype, name="dropout")(x)
    head = layers.Dense(classes, kernel_regularizer=penalty, bias_regularizer=penalty, dtype="float32", name="logits")
    return head(x)

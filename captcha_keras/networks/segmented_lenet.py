"""The network of "Building a CNN for Captcha Recognition": a LeNet that reads one character at a time."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import segmented
from captcha_keras.spec import CaptchaSpec

CUTTER = Cutter(side=40)


def segmented_lenet(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The article's network: characters of 40x40 pixels, two convolutions, then dense layers of 120, 84 and K.

    Each character gets mean 0 and standard deviation 1. The convolutions are 5x5 with 10 and 25 filters, ReLU, 2x2 max
    pooling and dropout 0.1.

    Args:
        spec: Image size, alphabet and number of positions; of variable length or of a single character.
        dtype: Dtype policy of the classifier.

    Example:
        >>> segmented_lenet(CaptchaSpec("ABC", 1, 2, 80, 40)).get_layer("flatten").output.shape
        (None, 1225)
    """
    return segmented(spec, dtype, CUTTER, _classifier, "segmented_lenet")


def _classifier(crops: keras.KerasTensor, classes: int, dtype: keras.DTypePolicy | str) -> keras.KerasTensor:
    x = layers.LayerNormalization(
        axis=(1, 2, 3), epsilon=1e-5, center=False, scale=False, dtype="float32", name="contrast"
    )(crops)
    for number, filters in enumerate((10, 25), start=1):
        x = layers.Conv2D(filters, 5, activation="relu", dtype=dtype, name=f"conv{number}")(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"pool{number}")(x)
        x = layers.Dropout(0.1, dtype=dtype, name=f"dropout{number}")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)  # (M, 7 * 7 * 25)
    for number, units in enumerate((120, 84), start=1):
        x = layers.Dense(units, activation="relu", dtype=dtype, name=f"dense{number}")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)

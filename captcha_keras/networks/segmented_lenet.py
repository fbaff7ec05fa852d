"""The network of "Building a CNN for Captcha Recognition", on characters of 40x40."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import segmented
from captcha_keras.spec import CaptchaSpec

CUTTER = Cutter(side=40)


def segmented_lenet(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Each character with mean 0 and deviation 1; two 5x5 convolutions of 10 and 25 filters; Dense 120, 84, classes."""
    return segmented(spec, dtype, CUTTER, _classifier, "segmented_lenet")


def _classifier(squares: keras.KerasTensor, classes: int, dtype: keras.DTypePolicy | str) -> keras.KerasTensor:
    x = layers.LayerNormalization(
        axis=(1, 2, 3), epsilon=1e-5, center=False, scale=False, dtype="float32", name="contrast"
    )(squares)
    for number, filters in enumerate((10, 25), start=1):
        x = layers.Conv2D(filters, 5, activation="relu", dtype=dtype, name=f"conv{number}")(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"pool{number}")(x)
        x = layers.Dropout(0.1, dtype=dtype, name=f"dropout{number}")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    for number, units in enumerate((120, 84), start=1):
        x = layers.Dense(units, activation="relu", dtype=dtype, name=f"dense{number}")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)

"""The network of the notebook "CAPTCHA Recognition Based on CNN": one linear layer for all characters."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from captcha_keras.networks.heads import attach_softmax_heads, by_position
from captcha_keras.spec import CaptchaSpec

FILTERS = (64, 128, 256, 512)
UNITS = 4096


def single_head(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Grey; four 3x3 convolutions, each with ReLU and 2x2 pooling; Dense 4096 with dropout 0.5; one layer of L x K.

    65.4 million parameters at 160x60 with 58 classes and 4 characters, of which the hidden layer has 62.9. Initialised
    after He: behind Glorot's the images fade to the same features, and training does not begin.
    """
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, dtype="float32", name="scale")(inputs)
    x = ops.image.rgb_to_grayscale(x)
    hidden: dict[str, Any] = {"activation": "relu", "kernel_initializer": "he_normal", "dtype": dtype}
    for block, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", **hidden, name=f"block{block}_conv")(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block}_pool")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = layers.Dense(UNITS, **hidden, name="dense")(x)
    x = layers.Dropout(0.5, dtype=dtype, name="dropout")(x)
    x = layers.Dense(spec.max_length * spec.num_classes, dtype="float32", name="head")(x)
    logits = layers.Reshape((spec.max_length, spec.num_classes), dtype="float32", name="positions")(x)
    return attach_softmax_heads(inputs, by_position(logits, spec), spec, "single_head")


def backbone_side(side: int) -> int:
    """Side of the feature map that an image side leaves; 0 if the backbone does not fit."""
    return side >> len(FILTERS)

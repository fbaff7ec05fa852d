"""The network of the original Mathematica article, layer for layer."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.heads import softmax_heads
from captcha_keras.spec import CaptchaSpec

FILTERS = (32, 64, 128, 256)


def mathematica(
    spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32", activation: str = "linear"
) -> keras.Model:
    """Four blocks of two unpadded 3x3 convolutions and a 2x2 max pooling, then a linear layer a character.

    The original's listing has no activation between its convolutions, so max pooling is the only
    nonlinearity; `activation="relu"` adds what most readers expect. 1,393,584 parameters at 170x80 with 36
    classes and 4 characters.
    """
    # What differs between images must neither fade nor grow over eight layers before training begins: behind ReLUs
    # its deviation falls from 0.035 to 0.002 with Glorot's initialisation and stays at 0.09 with He's.
    initializer = "he_normal" if activation == "relu" else "glorot_uniform"
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, dtype="float32", name="scale")(inputs)
    for block, filters in enumerate(FILTERS, start=1):
        for convolution in (1, 2):
            x = layers.Conv2D(
                filters,
                3,
                activation=activation,
                kernel_initializer=initializer,
                dtype=dtype,
                name=f"block{block}_conv{convolution}",
            )(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block}_pool")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    return softmax_heads(inputs, x, spec, "mathematica")


def mathematica_relu(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """`mathematica` with a ReLU after every convolution."""
    return mathematica(spec, dtype, activation="relu")


def backbone_side(side: int) -> int:
    """Side of the feature map that an image side leaves; 0 or less if the backbone does not fit."""
    for _ in FILTERS:
        side = (side - 4) // 2
    return side

"""Our default network: VGG-like, at half resolution after its first convolution."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.heads import softmax_heads
from captcha_keras.spec import CaptchaSpec

FILTERS = (32, 64, 128, 256)


def vgg(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Four blocks of two padded convolutions with ReLU, batch normalisation and pooling, then the heads.

    The first convolution sees full resolution (what tells 0 from O is the ratio of stroke widths) and has
    stride 2: a quarter of the arithmetic. One batch normalisation a block trains as well as one after every
    convolution, which would halve the speed of a training step on a CPU.
    """
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    # Paper becomes about 0 and ink up to 2: padding with zeros then looks like paper.
    x = layers.Rescaling(-2 / 255, offset=2.0, dtype="float32", name="scale")(inputs)
    for block, filters in enumerate(FILTERS, start=1):
        for convolution in (1, 2):
            first = block == convolution == 1
            x = layers.Conv2D(
                filters,
                5 if first else 3,
                strides=2 if first else 1,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                dtype=dtype,
                name=f"block{block}_conv{convolution}",
            )(x)
        x = layers.BatchNormalization(dtype=dtype, name=f"block{block}_norm")(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block}_pool")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = layers.Dropout(0.3, dtype=dtype, name="dropout")(x)
    return softmax_heads(inputs, x, spec, "vgg")


def trunk_side(side: int) -> int:
    """Side of the feature map that an image side leaves; 0 if the trunk does not fit."""
    side = -(-side // 2)
    for _ in FILTERS:
        side //= 2
    return side

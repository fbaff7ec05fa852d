"""The network of the notebook "CAPTCHA Recognition Based on CNN": one dense layer predicts all positions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from captcha_keras.networks.heads import attach_softmax_heads, by_position
from captcha_keras.spec import CaptchaSpec

# Of the convolution of each block.
FILTERS = (64, 128, 256, 512)
# Of the hidden dense layer.
UNITS = 4096


def single_head(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The notebook's network: four convolution blocks, a hidden dense layer, and one dense layer of L x K logits.

    Images become grey. A block is a padded 3x3 convolution with ReLU and a 2x2 max pooling. The hidden layer has 4096
    units, ReLU and dropout 0.5; at 160x60 pixels it has 62.9 of the network's 65.4 million parameters. Weights start
    with He's initialisation: with Glorot's the features of all images become alike, and training does not begin.

    Args:
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone.

    Example:
        >>> single_head(CaptchaSpec("AB", 3, 3, 16, 16)).get_layer("head").output.shape  # 3 positions of 2 classes
        (None, 6)
    """
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, dtype="float32", name="scale")(inputs)
    x = ops.image.rgb_to_grayscale(x)
    hidden: dict[str, Any] = {"activation": "relu", "kernel_initializer": "he_normal", "dtype": dtype}
    for block, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", **hidden, name=f"block{block}_conv")(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block}_pool")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)  # (N, height * width * 512)
    x = layers.Dense(UNITS, **hidden, name="dense")(x)
    x = layers.Dropout(0.5, dtype=dtype, name="dropout")(x)
    x = layers.Dense(spec.max_length * spec.num_classes, dtype="float32", name="head")(x)
    # (N, L * K) to (N, L, K)
    logits = layers.Reshape((spec.max_length, spec.num_classes), dtype="float32", name="positions")(x)
    return attach_softmax_heads(inputs, by_position(logits, spec), spec, "single_head")


def backbone_side(side: int) -> int:
    """Side of the last feature map, from an image side in pixels; 0 if the image is too small.

    Example:
        >>> backbone_side(160), backbone_side(60)
        (10, 3)
    """
    return side >> len(FILTERS)

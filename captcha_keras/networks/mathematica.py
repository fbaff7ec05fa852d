"""The network of the original Mathematica article, layer for layer."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.heads import softmax_heads
from captcha_keras.spec import CaptchaSpec

# Of the convolutions of each block.
FILTERS = (32, 64, 128, 256)


def mathematica(
    spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32", activation: str = "linear"
) -> keras.Model:
    """The article's network: four convolution blocks, then one dense layer per position.

    A block is two unpadded 3x3 convolutions and a 2x2 max pooling. The article's listing has no activation between its
    convolutions, so max pooling is the only nonlinearity; `activation="relu"` adds what most readers expect.

    Args:
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone.
        activation: Activation of every convolution.

    Example:
        >>> mathematica(CaptchaSpec()).count_params()  # 170x80 pixels, 4 positions, 36 classes
        1393584
    """
    # The signal must neither vanish nor explode over eight layers: behind ReLUs the standard deviation of the features
    # between images falls from 0.035 to 0.002 with Glorot's initialisation and stays at 0.09 with He's.
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
    x = layers.Flatten(dtype=dtype, name="flatten")(x)  # (N, height * width * 256)
    return softmax_heads(inputs, x, spec, "mathematica")


def mathematica_relu(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The network `mathematica` with a ReLU after every convolution.

    Example:
        >>> mathematica_relu(CaptchaSpec("AB", 1, 1, 76, 76)).get_layer("block1_conv1").activation.__name__
        'relu'
    """
    return mathematica(spec, dtype, activation="relu")


def backbone_side(side: int) -> int:
    """Side of the last feature map, from an image side in pixels; below 1 if the image is too small.

    Example:
        >>> backbone_side(170), backbone_side(80)
        (6, 1)
    """
    for _ in FILTERS:
        side = (side - 4) // 2
    return side

"""Our default network: VGG-like, at half resolution after its first convolution, with attention heads."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.heads import attention_heads
from captcha_keras.spec import CaptchaSpec

# Of the two convolutions of each block.
FILTERS = ((16, 16), (32, 32), (64, 96), (128, 192))
# Of pixels from 0 to 1: about one grey level of 255. Less contrast than that is noise, which must not be blown up.
MIN_VARIANCE = 1e-5


def vgg(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Four blocks of two padded convolutions with ReLU and batch normalisation, pooling between them, then the heads.

    The first convolution sees full resolution (what tells 0 from O is the ratio of stroke widths) and has
    stride 2: a quarter of the arithmetic. One batch normalisation a block trains as well as one after every
    convolution, which would halve the speed of a training step on a CPU. 0.43 million parameters, whatever the size of
    the images, but for the places that the heads look at.
    """
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    # Every image gets mean 0 and deviation 1, its ink positive: faint ones look like strong ones.
    x = layers.Rescaling(-1 / 255, offset=1.0, dtype="float32", name="scale")(inputs)
    x = layers.LayerNormalization(
        axis=(1, 2, 3), epsilon=MIN_VARIANCE, center=False, scale=False, dtype="float32", name="contrast"
    )(x)
    for block, filters in enumerate(FILTERS, start=1):
        if block > 1:
            x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block - 1}_pool")(x)
        for convolution, channels in enumerate(filters, start=1):
            first = block == convolution == 1
            x = layers.Conv2D(
                channels,
                5 if first else 3,
                strides=2 if first else 1,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                dtype=dtype,
                name=f"block{block}_conv{convolution}",
            )(x)
        x = layers.BatchNormalization(dtype=dtype, name=f"block{block}_norm")(x)
    x = layers.SpatialDropout2D(0.2, dtype=dtype, name="dropout")(x)
    return attention_heads(inputs, x, spec, "vgg")


def backbone_side(side: int) -> int:
    """Side of the feature map that an image side leaves; 0 if the backbone does not fit."""
    side = -(-side // 2)
    for _ in FILTERS[1:]:
        side //= 2
    return side

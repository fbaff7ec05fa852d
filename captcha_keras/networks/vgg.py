"""The default network: a small VGG that works at half resolution, with attention heads."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from captcha_keras.networks.heads import attention_heads
from captcha_keras.spec import CaptchaSpec

# Of the two convolutions of each block.
FILTERS = ((16, 16), (32, 32), (64, 96), (128, 192))
# Of pixels from 0 to 1: about one grey level of 255. Less contrast than that is noise, which must not be amplified.
MIN_VARIANCE = 1e-5


def vgg(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The default network: four VGG blocks, then attention heads that share one classifier.

    A block is two padded convolutions with ReLU, then batch normalisation; max pooling lies between the blocks. The
    first convolution sees full resolution (the ratio of stroke widths is what tells 0 from O) and has stride 2, which
    quarters the arithmetic. One batch normalisation per block trains as well as one per convolution, which would halve
    the speed of a training step on a CPU.

    The network has 0.43 million parameters. Only the attention biases depend on the size of the images.

    Args:
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone.

    Example:
        >>> vgg(CaptchaSpec()).count_params()  # 170x80 pixels, 4 positions, 36 classes
        432861
    """
    return build_vgg(spec, dtype, FILTERS, (2, 2), "vgg")


def build_vgg(
    spec: CaptchaSpec,
    dtype: keras.DTypePolicy | str,
    filters: Sequence[tuple[int, int]],
    last_pool: tuple[int, int],
    name: str,
    residual: Sequence[int] = (),
) -> keras.Model:
    """Build a VGG backbone with attention heads.

    Args:
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone.
        filters: Of the two convolutions of each block.
        last_pool: Rows and columns that the last max pooling joins; the others join 2x2.
        name: Name of the model.
        residual: Of the first convolution of each residual block (He et al. 2016) behind the last pooling; see
            `residual_block`.

    Example:
        >>> build_vgg(CaptchaSpec(), "float32", ((4, 4), (8, 8)), (2, 1), "small").get_layer("block2_norm").output.shape
        (None, 20, 85, 8)
    """
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    # Each image gets mean 0 and standard deviation 1, with ink positive: faint images look like strong ones.
    x = layers.Rescaling(-1 / 255, offset=1.0, dtype="float32", name="scale")(inputs)
    x = layers.LayerNormalization(
        axis=(1, 2, 3), epsilon=MIN_VARIANCE, center=False, scale=False, dtype="float32", name="contrast"
    )(x)
    for block, channels in enumerate(filters, start=1):
        if block > 1:
            pool = last_pool if block == len(filters) else (2, 2)
            x = layers.MaxPooling2D(pool, dtype=dtype, name=f"block{block - 1}_pool")(x)
        for convolution, count in enumerate(channels, start=1):
            size, stride = (5, 2) if block == convolution == 1 else (3, 1)
            x = _convolution(x, count, dtype, f"block{block}_conv{convolution}", size, stride)
        x = layers.BatchNormalization(dtype=dtype, name=f"block{block}_norm")(x)
    for block, count in enumerate(residual, start=len(filters) + 1):
        x = residual_block(x, count, dtype, f"block{block}")
    x = layers.SpatialDropout2D(0.2, dtype=dtype, name="dropout")(x)
    return attention_heads(inputs, x, spec, name)


def residual_block(
    feature_map: keras.KerasTensor, filters: int, dtype: keras.DTypePolicy | str, name: str
) -> keras.KerasTensor:
    """Add what two convolutions make of a feature map to it.

    The second convolution starts from zero weights, so that a new block changes nothing: a trained network grows by
    blocks without a loss (Goyal et al. 2017 start the last scale of a block from zero).

    Args:
        feature_map: Shape `(N, height, width, C)`.
        filters: Of the first convolution; the second has C.
        dtype: Dtype policy.
        name: What the names of the layers begin with.

    Returns:
        A feature map of the same shape.

    Example:
        >>> feature_map = keras.Input((2, 3, 8))
        >>> block = keras.Model(feature_map, residual_block(feature_map, 4, "float32", "block5"))
        >>> import numpy as np
        >>> values = np.ones((1, 2, 3, 8), np.float32)
        >>> bool((block.predict_on_batch(values) == values).all())
        True
    """
    x = _convolution(feature_map, filters, dtype, f"{name}_conv1")
    x = layers.Conv2D(
        feature_map.shape[-1], 3, padding="same", kernel_initializer="zeros", dtype=dtype, name=f"{name}_conv2"
    )(x)
    return layers.Add(dtype=dtype, name=f"{name}_add")([feature_map, x])


def _convolution(
    x: keras.KerasTensor, filters: int, dtype: keras.DTypePolicy | str, name: str, size: int = 3, stride: int = 1
) -> keras.KerasTensor:
    """A padded convolution with ReLU."""
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        dtype=dtype,
        name=name,
    )(x)


def backbone_side(side: int) -> int:
    """Side of the last feature map, from an image side in pixels; 0 if the image is too small.

    Example:
        >>> backbone_side(170), backbone_side(80)
        (10, 5)
    """
    side = -(-side // 2)
    for _ in FILTERS[1:]:
        side //= 2
    return side

"""Random distortion of training images: `ImageDataGenerator`'s parameters in one fused batched transform.

Names and meanings are those of `keras.preprocessing.image.ImageDataGenerator` (deprecated in Keras 3). Its
class transforms one image at a time with SciPy and a global random state; here a whole batch is transformed
by one op, and the distortion is a function of the seed alone.

On images that are not square Keras 3.15 departs from its own documentation: it rotates and zooms about the
point (x, y) = (height / 2, width / 2) and shifts columns by `height_shift_range`. Here the centre is the
image's centre and the two shifts go where their names say.
"""

from __future__ import annotations

import math

import tensorflow as tf

from captcha_keras.pipeline.augmentation import Augmentation, Range

# The distortion of each image of a batch; "tx" and "ty" in pixels to the right and down in input coordinates.
Parameters = dict[str, tf.Tensor]


def draw_parameters(
    augmentation: Augmentation, seed: tf.Tensor, count: tf.Tensor | int, height: int, width: int
) -> Parameters:
    """Draw the distortion of each image of a batch.

    Args:
        augmentation: The ranges.
        seed: int64, shape `(2,)`; the same seed draws the same distortions.
        count: Number of images.
        height: Image height in pixels.
        width: Image width in pixels.

    Returns:
        float32 tensors of shape `(count,)`: theta and shear (degrees), tx and ty (pixels), zx and zy, and
        channel_shift and brightness where they are used.

    Example:
        >>> parameters = draw_parameters(Augmentation(rotation_range=5.0), [0, 1], count=100, height=24, width=40)
        >>> 4 < float(tf.reduce_max(parameters["theta"])) <= 5, float(tf.reduce_max(parameters["tx"]))
        (True, 0.0)
    """
    uniform = tf.random.stateless_uniform([8, count], seed)

    def between(row: int, low: float, high: float) -> tf.Tensor:
        return low + uniform[row] * (high - low)

    def shift(row: int, amount: Range, side: int) -> tf.Tensor:
        if isinstance(amount, float) or amount == 0:
            limit = amount * side if amount < 1 else amount
            return between(row, -limit, limit)
        choices = tf.constant(range(amount) if isinstance(amount, int) else amount, tf.float32)
        if isinstance(amount, tuple) and max(amount) < 1:
            choices *= side
        # One uniform number gives both the element and, by its half, the sign.
        doubled = uniform[row] * 2
        place = (doubled - tf.floor(doubled)) * tf.cast(tf.size(choices), tf.float32)
        return tf.gather(choices, tf.cast(place, tf.int32)) * tf.where(doubled < 1, -1.0, 1.0)

    low, high = augmentation.zoom_bounds
    zx = between(4, low, high)
    parameters = {
        "theta": between(0, -augmentation.rotation_range, augmentation.rotation_range),
        "tx": shift(1, augmentation.width_shift_range, width),
        "ty": shift(2, augmentation.height_shift_range, height),
        "shear": between(3, -augmentation.shear_range, augmentation.shear_range),
        "zx": zx,
        "zy": zx if augmentation.zoom_keeps_aspect else between(5, low, high),
    }
    if augmentation.channel_shift_range:
        limit = augmentation.channel_shift_range
        parameters["channel_shift"] = between(6, -limit, limit)
    if augmentation.brightness_range:
        parameters["brightness"] = between(7, *augmentation.brightness_range)
    return parameters


def affine_matrices(parameters: Parameters, height: int, width: int) -> tf.Tensor:
    """Matrices that map output pixels (x, y) to input pixels: rotation x shift x shear x zoom about the centre.

    Returns:
        float32, shape `(N, 8)`: a0 a1 a2 b0 b1 b2 0 0, as `ImageProjectiveTransformV3` takes them.

    Example:
        >>> parameters = draw_parameters(Augmentation(), [0, 1], count=1, height=24, width=40)
        >>> matrices = affine_matrices({**parameters, "tx": tf.constant([3.0])}, height=24, width=40)
        >>> [round(float(value)) for value in matrices[0]]
        [1, 0, 3, 0, 1, 0, 0, 0]
    """
    theta = parameters["theta"] * (math.pi / 180)
    shear = parameters["shear"] * (math.pi / 180)
    cos, sin = tf.cos(theta), tf.sin(theta)
    tx, ty, zx, zy = (parameters[name] for name in ("tx", "ty", "zx", "zy"))
    a0 = cos * zx
    a1 = (-cos * tf.sin(shear) - sin * tf.cos(shear)) * zy
    b0 = sin * zx
    b1 = (-sin * tf.sin(shear) + cos * tf.cos(shear)) * zy
    centre_x, centre_y = width / 2 - 0.5, height / 2 - 0.5
    a2 = cos * tx - sin * ty + centre_x - a0 * centre_x - a1 * centre_y
    b2 = sin * tx + cos * ty + centre_y - b0 * centre_x - b1 * centre_y
    zero = tf.zeros_like(a0)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def apply_parameters(augmentation: Augmentation, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """Distort images `(N, height, width, 3)`, uint8 in and out, bilinear.

    Example:
        >>> row = tf.constant([[[[10] * 3, [20] * 3, [30] * 3]]], tf.uint8)
        >>> parameters = draw_parameters(Augmentation(), [0, 1], count=1, height=1, width=3)
        >>> apply_parameters(Augmentation(), row, {**parameters, "tx": tf.constant([1.0])})[0, 0, :, 0].numpy().tolist()
        [20, 30, 30]
    """
    height, width = images.shape[1:3]
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=affine_matrices(parameters, height, width),
        output_shape=[height, width],
        fill_value=augmentation.cval,
        interpolation="BILINEAR",
        fill_mode=augmentation.fill_mode.upper(),
    )
    if "channel_shift" in parameters:
        darkest = tf.reduce_min(result, axis=[1, 2, 3], keepdims=True)
        brightest = tf.reduce_max(result, axis=[1, 2, 3], keepdims=True)
        shifted = result + parameters["channel_shift"][:, None, None, None]
        result = tf.clip_by_value(shifted, darkest, brightest)
    if "brightness" in parameters:
        # Everything before this stays within 0 to 255 by itself.
        result = tf.clip_by_value(result * parameters["brightness"][:, None, None, None], 0, 255)
    return tf.cast(tf.round(result), tf.uint8)


def augment(augmentation: Augmentation, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Distort a batch at random.

    Args:
        augmentation: The ranges.
        images: uint8 `(N, height, width, 3)`.
        seed: int64, shape `(2,)`; the same seed gives the same images.

    Returns:
        uint8 of the same shape.

    Example:
        >>> images = tf.reshape(tf.cast(tf.range(192), tf.uint8), (1, 8, 8, 3))
        >>> turned, again, other = (augment(Augmentation(90.0), images, seed) for seed in ([0, 1], [0, 1], [0, 2]))
        >>> bool(tf.reduce_all(turned == again)), bool(tf.reduce_all(turned == other))
        (True, False)
    """
    height, width = images.shape[1:3]
    parameters = draw_parameters(augmentation, seed, tf.shape(images)[0], height, width)
    return apply_parameters(augmentation, images, parameters)

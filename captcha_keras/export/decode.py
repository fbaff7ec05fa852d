"""Decodes PNG and JPEG bytes inside a TensorFlow graph; a bad image never fails its batch.

It is the counterpart of `captcha_keras.dataset.images`. An image of the target size gives the same pixels to the bit;
other sizes are resized by TensorFlow's antialiased bilinear filter, which differs from Pillow's by rounding.
"""

from __future__ import annotations

import tensorflow as tf

MAX_BYTES = 16_000_000
# A CAPTCHA has less than a tenth of this. A short file may hold a large image, and decoding takes time for each pixel.
MAX_ROW_PIXELS = 1 << 20
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"


def decode_images(
    image_bytes: tf.Tensor, width: int, height: int, keep_aspect: bool = False
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode a batch of PNG and JPEG images and fit them into a size.

    A row is invalid, and its pixels are black, if it is empty, damaged, of another format, or has more than 16 million
    bytes or 1,048,576 pixels (checked before decoding).

    Args:
        image_bytes: Contents of image files, string `(N,)`.
        width: Width of the result in pixels.
        height: Height of the result in pixels.
        keep_aspect: As in `captcha_keras.dataset.images.fit`.

    Returns:
        Pixels, uint8 RGB `(N, height, width, 3)`; and whether each row is valid, bool `(N,)`.

    Example:
        >>> png = tf.io.encode_png(tf.fill((4, 8, 3), tf.constant(200, tf.uint8))).numpy()
        >>> images, valid = decode_images(tf.constant([png, b"junk"]), width=8, height=4)
        >>> tuple(images.shape), images.numpy().max(axis=(1, 2, 3)).tolist(), valid.numpy().tolist()
        ((2, 4, 8, 3), [200, 0], [True, False])
    """
    count = tf.shape(image_bytes, tf.int64)[0]

    def decoded(row: tf.Tensor, content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return row, tf.ensure_shape(_decode(content, width, height, keep_aspect), [height, width, 3])

    # A failing row is dropped, and the others are scattered back to their places. A row of black pixels is appended
    # because the dataset must have at least one element.
    rows = tf.data.Dataset.from_tensor_slices((tf.range(count), image_bytes))
    good = rows.map(decoded, num_parallel_calls=1, deterministic=True).ignore_errors()
    black = tf.data.Dataset.from_tensors((count, tf.zeros([height, width, 3], tf.uint8)))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    places, pixels = good.concatenate(black).batch(count + 1).with_options(options).get_single_element()
    shape = tf.stack([count + 1, height, width, 3])
    images = tf.scatter_nd(places[:, tf.newaxis], pixels, shape)[:count]
    valid = tf.scatter_nd(places[:, tf.newaxis], tf.ones_like(places), [count + 1])[:count] > 0
    return tf.ensure_shape(images, [None, height, width, 3]), valid


def _decode(content: tf.Tensor, width: int, height: int, keep_aspect: bool) -> tf.Tensor:
    """One image; raises a TensorFlow error if it is invalid."""
    small = tf.debugging.Assert(tf.strings.length(content) <= MAX_BYTES, ["too many bytes"])
    with tf.control_dependencies([small]):
        is_png = tf.strings.substr(content, 0, len(PNG_SIGNATURE)) == PNG_SIGNATURE
    pixels = tf.cond(is_png, lambda: _decode_png(content), lambda: _decode_jpeg(content))
    fits = tf.reduce_all(tf.shape(pixels)[:2] == [height, width])
    return tf.cond(fits, lambda: pixels, lambda: _fit(pixels, width, height, keep_aspect))


def _decode_png(content: tf.Tensor) -> tf.Tensor:
    sides = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 16, 8), tf.int32, little_endian=False), tf.int64)
    with tf.control_dependencies([_bounded(sides[0], sides[1])]):
        pixels = tf.io.decode_png(content, channels=4)
    depth = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 24, 1), tf.uint8)[0], tf.int32)
    alpha = pixels[..., 3:]
    # An image of 1, 2 or 4 bits without alpha gets the greatest value of these bits for alpha, not 255.
    filler = tf.cast(tf.bitwise.left_shift(1, tf.minimum(depth, 8)) - 1, tf.uint8)
    opaque = tf.reduce_all(alpha == filler)
    # Transparent pixels lie on white, as Pillow's `alpha_composite` rounds it.
    alpha = tf.cast(tf.where(opaque, tf.constant(255, tf.uint8), alpha), tf.uint16)
    colour = tf.cast(pixels[..., :3], tf.uint16)
    white = tf.constant(255, tf.uint16)
    blended = colour * alpha + white * (white - alpha) + 128
    return tf.cast((blended + blended // 256) // 256, tf.uint8)


def _decode_jpeg(content: tf.Tensor) -> tf.Tensor:
    is_jpeg = tf.strings.substr(content, 0, len(JPEG_SIGNATURE)) == JPEG_SIGNATURE
    with tf.control_dependencies([tf.debugging.Assert(is_jpeg, ["neither PNG nor JPEG"])]):
        shape = tf.cast(tf.io.extract_jpeg_shape(content), tf.int64)
    with tf.control_dependencies([_bounded(shape[0], shape[1])]):
        # The slow transform is the exact one, and Pillow's.
        return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")


def _bounded(first: tf.Tensor, second: tf.Tensor) -> tf.Operation:
    most = MAX_ROW_PIXELS
    fine = (first > 0) & (second > 0) & (first <= most) & (second <= most) & (first * second <= most)
    return tf.debugging.Assert(fine, ["too many pixels"])


def _fit(pixels: tf.Tensor, width: int, height: int, keep_aspect: bool) -> tf.Tensor:
    if not keep_aspect:
        return tf.cast(_resize(pixels, (height, width)), tf.uint8)
    canvas = tf.constant([height, width], tf.int64)
    own = tf.shape(pixels, tf.int64)[:2]
    # The side that fits exactly is cut to the canvas; the other one is rounded as `captcha_keras.dataset.images` does.
    size = (2 * own * canvas[::-1] + own[::-1]) // (2 * own[::-1])
    size = tf.clip_by_value(size, 1, canvas)
    before = (canvas - size) // 2
    padding = tf.pad(tf.stack([before, canvas - size - before], axis=1), [[0, 1], [0, 0]])
    colour = _border_colour(pixels)
    resized = _resize(pixels, tf.cast(size, tf.int32))
    return tf.cast(tf.pad(resized - colour, padding) + colour, tf.uint8)


def _resize(pixels: tf.Tensor, size: tf.Tensor | tuple[int, int]) -> tf.Tensor:
    """Whole numbers from 0 to 255, as float32."""
    return tf.clip_by_value(tf.round(tf.image.resize(pixels, size, antialias=True)), 0, 255)


def _border_colour(pixels: tf.Tensor) -> tf.Tensor:
    """The median of the outermost pixels, for each channel, as float32."""
    border = tf.concat([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]], axis=0)
    median = tf.raw_ops.NthElement(input=tf.transpose(border), n=tf.shape(border)[0] // 2)
    return tf.cast(median, tf.float32)

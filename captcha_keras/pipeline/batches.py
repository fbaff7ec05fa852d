"""Makes batches of arrays with tf.data: shuffled indices, one gather a batch, batched augmentation, prefetch.

Images are decoded once (`Dataset.images`). A training batch is a function of (seed, step) alone, so
a training that goes on at a later step sees what it would have seen without the interruption.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captcha_keras.dataset.batching import INFERENCE_BATCH_SIZE
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.pipeline.augmentation import Augmentation
from captcha_keras.pipeline.distortion import augment

Images = NDArray[np.uint8]
Labels = NDArray[np.int32]


def steps_per_pass(count: int, batch_size: int) -> int:
    """The number of full batches in `count` images, at least one; the images left over have their turn in another pass.

    Example:
        >>> steps_per_pass(10, batch_size=4), steps_per_pass(3, batch_size=4)
        (2, 1)
    """
    return max(1, count // batch_size)


def training_batches(
    data: LabelledImages,
    *,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    augmentation: Augmentation | None = None,
) -> tf.data.Dataset:
    """Endless training batches from step `first_step` on.

    Each pass has every image once, in another order. Of fewer images than a batch holds each comes several times in a
    batch.

    Args:
        data: The images, in memory or memory-mapped, and their labels.
        batch_size: Images of a batch.
        seed: Seed of order and augmentation.
        first_step: The step to start with; earlier ones are skipped without being made.
        augmentation: How to distort images; None leaves them as they are.

    Returns:
        A dataset of (uint8 `(batch_size, height, width, 3)`, int32 `(batch_size, max_length)`).

    Example:
        >>> data = LabelledImages(np.zeros((4, 24, 40, 3), np.uint8), np.arange(4, dtype=np.int32)[:, np.newaxis])
        >>> batches = training_batches(data, batch_size=2, seed=0)
        >>> sorted(int(row[0]) for _, labels in batches.take(2) for row in labels)  # a pass has every image once
        [0, 1, 2, 3]
    """
    images, labels = data.images, data.labels
    count = len(data)
    per_pass = steps_per_pass(count, batch_size)

    def steps() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        number, place = divmod(first_step, per_pass)
        while True:
            rng = np.random.default_rng((seed, number))
            order = np.concatenate([rng.permutation(count) for _ in range(-(-batch_size // count))])
            for start in range(place * batch_size, per_pass * batch_size, batch_size):
                step = number * per_pass + start // batch_size
                yield order[start : start + batch_size], np.array([seed, step], np.int64)
            number, place = number + 1, 0

    rows = _rows(images, labels)

    def fetch(indices: tf.Tensor, step_seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels, numbers = tf.numpy_function(rows, [indices], [tf.uint8, tf.int32])
        pixels = tf.ensure_shape(pixels, (batch_size, *images.shape[1:]))
        numbers = tf.ensure_shape(numbers, (batch_size, labels.shape[1]))
        if augmentation is not None:
            pixels = augment(augmentation, pixels, step_seed)
        return pixels, numbers

    signature = (tf.TensorSpec([batch_size], tf.int64), tf.TensorSpec([2], tf.int64))
    dataset = tf.data.Dataset.from_generator(steps, output_signature=signature)
    dataset = dataset.map(fetch, num_parallel_calls=2, deterministic=True).prefetch(4)
    return _keeping(_not_tuned(dataset), images, labels)


def streamed_batches(
    stream: Callable[[], Iterator[tuple[Images, Labels]]],
    *,
    batch_size: int,
    size: tuple[int, int],
    length: int,
    seed: int,
    first_step: int = 0,
    augmentation: Augmentation | None = None,
) -> tf.data.Dataset:
    """Training batches from a stream of new images.

    Args:
        stream: Makes the iterator of uint8 `(batch_size, height, width, 3)` and int32 `(batch_size, length)`, from step
            `first_step` on.
        batch_size: Images of a batch.
        size: Height and width of an image in pixels.
        length: Class ids of an image.
        seed: Seed of the augmentation.
        first_step: Number of the first batch.
        augmentation: How to distort images; None leaves them as they are.

    Returns:
        A dataset of (uint8 `(batch_size, height, width, 3)`, int32 `(batch_size, length)`).

    Example:
        >>> def stream():
        ...     yield np.zeros((4, 24, 40, 3), np.uint8), np.full((4, 2), 7, np.int32)
        >>> [(images, labels)] = streamed_batches(stream, batch_size=4, size=(24, 40), length=2, seed=0)
        >>> images.shape, labels[0].numpy().tolist()
        (TensorShape([4, 24, 40, 3]), [7, 7])
    """

    def numbered() -> Iterator[tuple[Images, Labels, NDArray[np.int64]]]:
        for step, (images, labels) in enumerate(stream(), start=first_step):
            yield images, labels, np.array([seed, step], np.int64)

    def finish(images: tf.Tensor, labels: tf.Tensor, step_seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (images if augmentation is None else augment(augmentation, images, step_seed)), labels

    signature = (
        tf.TensorSpec([batch_size, *size, 3], tf.uint8),
        tf.TensorSpec([batch_size, length], tf.int32),
        tf.TensorSpec([2], tf.int64),
    )
    dataset = tf.data.Dataset.from_generator(numbered, output_signature=signature)
    return _not_tuned(dataset.map(finish, num_parallel_calls=2, deterministic=True).prefetch(4))


def evaluation_batches(data: LabelledImages, batch_size: int = INFERENCE_BATCH_SIZE) -> tf.data.Dataset:
    """Batches of the images and labels, each once, in order; the last batch may be smaller.

    Example:
        >>> data = LabelledImages(np.zeros((5, 24, 40, 3), np.uint8), np.zeros((5, 2), np.int32))
        >>> [len(labels) for _, labels in evaluation_batches(data, batch_size=2)]
        [2, 2, 1]
    """
    rows = _rows(data.images, data.labels)
    shape, length = data.images.shape[1:], data.labels.shape[1]

    def fetch(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels, class_ids = tf.numpy_function(
            lambda first: rows(slice(first, first + batch_size)), [start], [tf.uint8, tf.int32]
        )
        return tf.ensure_shape(pixels, (None, *shape)), tf.ensure_shape(class_ids, (None, length))

    dataset = tf.data.Dataset.range(0, len(data), batch_size).map(fetch, num_parallel_calls=2)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(-(-len(data) // batch_size))).prefetch(2)
    return _keeping(_not_tuned(dataset), data.images, data.labels)


def _rows(*arrays: NDArray[Any]) -> Callable[[Any], tuple[NDArray[Any], ...]]:
    """Looks up rows of the arrays without keeping these: what `tf.numpy_function` calls, TensorFlow keeps for good."""
    references: list[Callable[[], Any]] = [weakref.ref(array) for array in arrays]
    return lambda index: tuple(reference()[index] for reference in references)


def _keeping(dataset: tf.data.Dataset, *arrays: NDArray[Any]) -> tf.data.Dataset:
    """The dataset, with the arrays that live as long as it does."""
    dataset.arrays = arrays
    return dataset


def _not_tuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Leave the parallelism as it was written.

    There is nothing to tune, and Keras' `fit` was seen to return only when the tuner woke: after 1.27, 2.55, 5.1 … s.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)

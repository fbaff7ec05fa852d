"""Images a second from a folder to training batches, against what a training step consumes.

python -m benchmarks.pipeline_speed
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.measure import interleaved, options, report

BATCH = 32


def quiet() -> None:
    """TensorFlow without its notes and without a GPU."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def consume(batches: Iterator[Any], steps: int) -> Callable[[], int]:
    """Take `steps` batches at each turn from an iterator that was warmed up."""
    for _ in islice(batches, 20):
        pass

    def work() -> int:
        return sum(len(batch[0]) for batch in islice(batches, steps))

    return work


def ours(folder: Path, steps: int, augmented: bool) -> Callable[[], int]:
    """`captcha_keras.pipeline`, decoded once."""
    quiet()
    from captcha_keras.dataset.layouts import open_dataset
    from captcha_keras.pipeline.augmentation import DEFAULT_AUGMENTATION
    from captcha_keras.pipeline.batches import training_batches

    images = open_dataset(folder).images()
    augmentation = DEFAULT_AUGMENTATION if augmented else None
    return consume(iter(training_batches(images, batch_size=BATCH, seed=0, augmentation=augmentation)), steps)


def map_decode(folder: Path, steps: int) -> Callable[[], int]:
    """The usual tf.data pipeline: read and decode every file anew in a parallel map; no augmentation."""
    quiet()
    import tensorflow as tf

    from captcha_keras.dataset.layouts import open_dataset

    dataset = open_dataset(folder)
    labels = dataset.infer_spec().encode_all(dataset.texts)
    paths = [str(record.path) for record in dataset.records]

    def decode(path: Any, label: Any) -> tuple[Any, Any]:
        return tf.io.decode_jpeg(tf.io.read_file(path), channels=3), label

    files = tf.data.Dataset.from_tensor_slices((paths, labels)).repeat().shuffle(len(paths), seed=0)
    return consume(
        iter(files.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE)), steps
    )


def image_data_generator(folder: Path, steps: int) -> Callable[[], int]:
    """`ImageDataGenerator.flow_from_dataframe` with the same distortions (its zoom changes each axis alone)."""
    quiet()
    import pandas as pd
    import tensorflow as tf

    from captcha_keras.dataset.layouts import open_dataset
    from captcha_keras.pipeline.augmentation import DEFAULT_AUGMENTATION

    ranges = DEFAULT_AUGMENTATION
    dataset = open_dataset(folder)
    spec = dataset.infer_spec()
    labels = spec.encode_all(dataset.texts)
    frame = pd.DataFrame(labels, columns=list(spec.head_names))
    frame["file"] = [str(record.path) for record in dataset.records]
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=ranges.rotation_range,
        width_shift_range=ranges.width_shift_range,
        height_shift_range=ranges.height_shift_range,
        shear_range=ranges.shear_range,
        zoom_range=ranges.zoom_range,
    )
    flow = generator.flow_from_dataframe(
        frame,
        x_col="file",
        y_col=list(spec.head_names),
        class_mode="raw",
        target_size=(spec.height, spec.width),
        batch_size=BATCH,
        seed=0,
    )

    def endless() -> Iterator[Any]:
        while True:
            yield next(flow)

    return consume(endless(), steps)


def training_step(steps: int) -> Callable[[], int]:
    """What `vgg` consumes: its training step on a batch that is already there."""
    quiet()
    from benchmarks.training_speed import keras_step

    return keras_step("vgg", "auto", BATCH, steps)


def main() -> None:
    """Measure and report."""
    given = options(__doc__, images=4_096, steps=200, repeats=5)
    import data_gen

    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / "data"
        data_gen.generate_dataset(data_gen.Settings(count=given.images), folder)
        rates = interleaved(
            {
                "training step of vgg": (training_step, (given.steps // 4,)),
                "ours, augmented": (ours, (folder, given.steps, True)),
                "ours, not augmented": (ours, (folder, given.steps, False)),
                "tf.data map(decode), not augmented": (map_decode, (folder, given.steps)),
                "ImageDataGenerator, augmented": (image_data_generator, (folder, given.steps // 10)),
            },
            given.repeats,
        )
    report("pipeline_speed", rates, "training step of vgg", ["tensorflow", "keras", "numpy", "pillow"])


if __name__ == "__main__":
    main()

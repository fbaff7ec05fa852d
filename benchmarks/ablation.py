"""What each part of `vgg` is worth: short trainings that differ in one thing.

python -m benchmarks.ablation                       every variant, hours
python -m benchmarks.ablation --only now rgb flat   some of them

Fresh images, the same for all; as many as the variant gets through in the time of 138,240 images of `vgg`, so that a
small network sees more of them. Validation on 12,800 others. One thread a variant: two variants run at a time on two
cores and meet the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import RESULTS, environment
from captcha_keras.dataset.batching import INFERENCE_BATCH_SIZE
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.files import write_json
from captcha_keras.spec import CaptchaSpec
from data_gen import ImageStream, Series

SPEC = CaptchaSpec()
VALIDATION = 12_800
DRAWN = 256


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained; the defaults are `vgg` and `train.py`."""

    images: int = 138_240
    ink: bool = True
    stem: str = "stride"
    filters: tuple[tuple[int, int], ...] = ((16, 16), (32, 32), (64, 96), (128, 192))
    norm: str = "block"
    head: str = "attention"
    hidden: int = 0
    dropout: float = 0.2
    batch: int = 32
    rate: float = 3e-3
    smoothing: float = 0.0
    average: float = 0.0
    augment: bool = False
    weight: int = 1
    seed: int = 0


NOW = Variant()
VARIANTS = {
    "now": NOW,
    "now, another seed": replace(NOW, seed=1),
    "rgb": replace(NOW, ink=False),
    "16-32-48-96-192": replace(NOW, filters=((16, 32), (48, 48), (96, 96), (192, 192)), images=89_600),
    "32-64-128-256": replace(NOW, filters=((32, 32), (64, 64), (128, 128), (256, 256)), images=53_760),
    "16-32-64-128": replace(NOW, filters=((16, 16), (32, 32), (64, 64), (128, 128)), images=158_720),
    "average pooling first": replace(NOW, stem="average"),
    "full resolution first": replace(NOW, stem="full", images=81_920),
    "norm after each convolution": replace(NOW, norm="each", images=102_400),
    "no norm": replace(NOW, norm="none"),
    "flat": replace(NOW, head="flat"),
    "attention to places, characters not counted": replace(NOW, head="places"),
    "attention, weights of its own for each head": replace(NOW, head="separate"),
    "hidden layer of 256": replace(NOW, hidden=256),
    "no dropout": replace(NOW, dropout=0.0),
    "batches of 64": replace(NOW, batch=64),
    "batches of 16": replace(NOW, batch=16),
    "learning rate 1e-3": replace(NOW, rate=1e-3),
    "learning rate 6e-3": replace(NOW, rate=6e-3),
    "label smoothing 0.05": replace(NOW, smoothing=0.05),
    "average of the weights (0.999)": replace(NOW, average=0.999),
    "augmentation": replace(NOW, augment=True),
    "0 and O five times as often": replace(NOW, weight=5),
}


def build(variant: Variant) -> Any:
    """The network up to its logits: float32 `(N, L, K)`."""
    import keras
    from keras import layers

    from captcha_keras.networks.heads import attention_pooling
    from captcha_keras.networks.vgg import MIN_VARIANCE

    policy = keras.DTypePolicy("mixed_bfloat16")
    positions, classes = SPEC.max_length, SPEC.num_classes
    inputs = keras.Input((SPEC.height, SPEC.width, 3), dtype="uint8")
    x = layers.Rescaling(-1 / 255, offset=1.0, dtype="float32")(inputs)
    if variant.ink:
        x = layers.LayerNormalization((1, 2, 3), epsilon=MIN_VARIANCE, center=False, scale=False, dtype="float32")(x)
    if variant.stem == "average":
        x = layers.AveragePooling2D(2, dtype="float32")(x)
    for block, filters in enumerate(variant.filters):
        if block:
            x = layers.MaxPooling2D(2, dtype=policy)(x)
        for convolution, channels in enumerate(filters):
            first = block == convolution == 0 and variant.stem != "average"
            stride = 2 if first and variant.stem == "stride" else 1
            x = layers.Conv2D(
                channels,
                5 if first else 3,
                stride,
                "same",
                activation="relu",
                kernel_initializer="he_normal",
                dtype=policy,
            )(x)
            if first and variant.stem == "full":
                x = layers.MaxPooling2D(2, dtype=policy)(x)
            if variant.norm == "each" or (variant.norm == "block" and convolution == 1):
                x = layers.BatchNormalization(dtype=policy)(x)
    if variant.head == "flat":
        x = layers.Flatten(dtype=policy)(layers.MaxPooling2D(2, dtype=policy)(x))
        x = layers.Dropout(variant.dropout, dtype=policy)(x)
        logits = layers.Dense(positions * classes, dtype="float32")(x)
        return keras.Model(inputs, layers.Reshape((positions, classes), dtype="float32")(logits))
    x = layers.SpatialDropout2D(variant.dropout, dtype=policy)(x)
    x = attention_pooling(x, positions)
    if variant.hidden:
        x = layers.Dense(variant.hidden, "relu", dtype="float32")(x)
    if variant.head == "separate":
        equation, shape = "nlc,lck->nlk", (positions, classes)
        return keras.Model(inputs, layers.EinsumDense(equation, shape, bias_axes="lk", dtype="float32")(x))
    network = keras.Model(inputs, layers.Dense(classes, dtype="float32")(x))
    if variant.head == "places":
        # Every column goes on holding the same: what is learned then are places.
        network.get_layer("part_of_character").trainable = False
    return network


def drawn(seed: str, count: int, weight: int = 1) -> LabelledImages:
    """The first images of a series."""
    weights = (("0", weight), ("O", weight)) if weight > 1 else ()
    images, texts = np.empty((count, SPEC.height, SPEC.width, 3), np.uint8), []
    with ImageStream(1) as stream:
        batches = stream.batches(Series(SPEC, seed, weights=weights), 0, DRAWN, count // DRAWN)
        for first, (pixels, words) in zip(range(0, count, DRAWN), batches, strict=True):
            images[first : first + DRAWN] = pixels
            texts += words
    return LabelledImages(images, SPEC.encode_all(texts))


def measure(variant: Variant) -> dict[str, Any]:
    """Train and validate in this process."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf
    from keras import ops

    from captcha_keras.pipeline.augmentation import DEFAULT_AUGMENTATION
    from captcha_keras.pipeline.batches import training_batches
    from captcha_keras.training.optimizer import RampedAdam
    from captcha_keras.training.prior import log_prior

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(variant.seed)
    model = build(variant)
    steps = variant.images // variant.batch
    average: dict[str, Any] = {"use_ema": True, "ema_momentum": variant.average} if variant.average else {}
    optimizer = RampedAdam(
        variant.rate, warmup_steps=300 * 32 // variant.batch, total_steps=steps, anneal=1.0, **average
    )

    prior = log_prior({"0": variant.weight, "O": variant.weight}, SPEC)

    def loss(truth: Any, logits: Any) -> Any:
        targets = ops.one_hot(ops.cast(truth, "int32"), SPEC.num_classes)
        return keras.losses.categorical_crossentropy(targets, logits + prior, True, variant.smoothing)

    model.compile(optimizer, loss)
    training = drawn("ablation training", variant.images, variant.weight)
    begin = time.process_time()
    model.fit(
        training_batches(
            training,
            batch_size=variant.batch,
            seed=variant.seed,
            augmentation=DEFAULT_AUGMENTATION if variant.augment else None,
        ),
        steps_per_epoch=steps,
        verbose=0,
    )
    seconds = time.process_time() - begin
    if average:
        optimizer.finalize_variable_values(model.trainable_variables)
    validation = drawn("ablation validation", VALIDATION)
    labels = validation.labels
    logits = model.predict(validation.images, batch_size=INFERENCE_BATCH_SIZE, verbose=0)
    predicted, ambiguous = logits.argmax(-1), np.isin(labels, SPEC.encode("0O00")[:2])
    return {
        "parameters": model.count_params(),
        "cpu_seconds": seconds,
        "images": float((predicted == labels).all(1).mean()),
        "characters": float((predicted == labels).mean()),
        "zero_o_errors": float((predicted != labels)[ambiguous].mean()),
    }


def main() -> None:
    """Measure the variants, two at a time, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="at a time (%(default)s)")
    parser.add_argument("--measure", choices=VARIANTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(VARIANTS[given.measure])))
        return
    path = RESULTS / "ablation.json"
    rows = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else {}
    print(f"{'':46}{'images':>9}{'0/O wrong':>11}{'parameters':>12}{'trained on':>12}{'CPU s':>7}")
    with ThreadPoolExecutor(given.jobs) as pool:
        for name, row in zip(given.only, pool.map(_in_a_process, given.only), strict=True):
            rows[name] = {**asdict(VARIANTS[name]), **row}
            print(
                f"{name:46}{row['images']:9.2%}{row['zero_o_errors']:11.1%}{row['parameters']:12,}"
                f"{VARIANTS[name].images:12,}{row['cpu_seconds']:7.0f}",
                flush=True,
            )
            write_json(path, {**environment(["tensorflow", "keras"]), "rows": rows})


def _in_a_process(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.ablation", "--measure", name]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    if result.returncode:
        raise SystemExit(f"{name} failed:\n{result.stderr}")
    row: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return row


if __name__ == "__main__":
    main()

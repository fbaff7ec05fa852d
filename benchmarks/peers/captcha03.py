"""`vgg` on the ground of the published figures: fresh 128x64 images of `captcha` 0.3.

python -m benchmarks.peers.captcha03 --images 1024000 --run runs/captcha03

The published ones (https://github.com/ypwhs/captcha_break): 98.27 % of 12,800 images with a multi-head CNN after 3.7
million training images, and, at 192x64 and after 5.8 million, 99.57 % with a recurrent CTC network. `captcha` 0.3 needs
Pillow below 10, so it draws in a virtual environment of its own, made here. An interrupted training goes on when the
command is given again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import environment, write_results
from captcha_keras.dataset.batching import INFERENCE_BATCH_SIZE
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.evaluation.rates import Rate
from captcha_keras.pipeline.batches import streamed_batches
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.callbacks import Checkpoint, EpochRows
from captcha_keras.training.checkpoint import Progress, load_checkpoint
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.devices import precision_policy, select_device
from captcha_keras.training.fit import build_trainee, fit
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.schedule import Schedule

SPEC = CaptchaSpec(width=128, height=64)
ENVIRONMENT = Path(".venv-captcha03")
PACKAGES = ("captcha==0.3", "pillow<10")
PUBLISHED = {"captcha_break, multi-head CNN": 0.9827, "captcha_break, CNN, LSTM and CTC, 192x64": 0.9957}
BATCH = 32
EPOCHS = 20
VALIDATION, TEST = 2_560, 12_800
DRAWERS = os.cpu_count() or 1
RECORD = 4 + SPEC.height * SPEC.width * 3

Batch = tuple[NDArray[np.uint8], NDArray[np.int32]]


def python() -> Path:
    """The interpreter of the environment with `captcha` 0.3, made if need be."""
    interpreter = ENVIRONMENT / "bin" / "python"
    ready = ENVIRONMENT / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        ready.touch()
    return interpreter


def draw(seed: str, first: int, count: int) -> Iterator[Batch]:
    """Batches `first` to `first + count` of a series, each drawn whole by one of as many processes as cores."""
    program = Path(__file__).with_name("draw_captcha03.py")
    with contextlib.ExitStack() as stack:
        pipes = []
        for drawer in range(DRAWERS):
            # Drawer d draws images d, d + D, … of the series.
            arguments = (seed, first * BATCH + drawer, count * BATCH // DRAWERS, DRAWERS, SPEC.width, SPEC.height)
            command = [str(python()), str(program), *(str(value) for value in arguments)]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=64 * RECORD))
            stack.callback(process.terminate)
            pipes.append(cast(IO[bytes], process.stdout))
        for _ in range(count):
            records = [pipes[k % DRAWERS].read(RECORD) for k in range(BATCH)]
            pixels = np.frombuffer(b"".join(record[4:] for record in records), np.uint8)
            texts = [record[:4].decode("ascii") for record in records]
            yield pixels.reshape(BATCH, SPEC.height, SPEC.width, 3), SPEC.encode_all(texts)


def images(seed: str, count: int) -> LabelledImages:
    """The first images of a series."""
    pixels, labels = zip(*draw(seed, 0, count // BATCH), strict=True)
    return LabelledImages(np.concatenate(pixels), np.concatenate(labels))


def main() -> None:
    """Train, measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_024_000, metavar="N", help="training images (%(default)s)")
    parser.add_argument("--run", default="runs/captcha03", metavar="DIR", help="%(default)s")
    given = parser.parse_args()
    if BATCH % DRAWERS:
        raise SystemExit(f"{DRAWERS} cores do not divide a batch of {BATCH}.")
    steps = given.images // BATCH // EPOCHS
    config = TrainConfig(network="vgg", learning_rate=1e-3)
    schedule = Schedule(EPOCHS, steps, warmup_steps=300)
    keras.utils.set_random_seed(config.seed)
    trainee = build_trainee(config, SPEC, precision_policy("auto", select_device(gpu=False)), schedule)
    run = RunFolder(Path(given.run))
    progress = Progress(0, False, [], {})
    if run.checkpoint_file.exists():
        progress = load_checkpoint(run.checkpoint_file, trainee.model)
    fit(
        trainee,
        streamed_batches(
            lambda: draw("training", progress.epoch * steps, (EPOCHS - progress.epoch) * steps),
            batch_size=BATCH,
            size=(SPEC.height, SPEC.width),
            length=SPEC.max_length,
            seed=config.seed,
        ),
        steps_per_epoch=steps,
        epochs=EPOCHS,
        initial_epoch=progress.epoch,
        validation=images("validation", VALIDATION),
        callbacks=[EpochRows(steps * BATCH, progress.history), Checkpoint(run, [], progress)],
        verbose=2,
    )
    report(trainee.model, steps * EPOCHS * BATCH, sum(row["seconds"] for row in progress.history))


def report(model: keras.Model, trained: int, seconds: float) -> None:
    """Read the test images, print the table and write it."""
    test = images("test", TEST)
    begin = time.perf_counter()
    predicted = model.predict(test.images, batch_size=INFERENCE_BATCH_SIZE, verbose=0).argmax(-1)
    each = (time.perf_counter() - begin) / TEST
    right = predicted == test.labels
    rate, characters = Rate.of(right.all(1)), Rate.of(right)
    print(f"\ncaptcha 0.3, 128x64, {TEST:,} images drawn for this test")
    print(f"vgg, {trained:,} training images, {seconds / 60:.0f} min on {DRAWERS} cores, drawing included:")
    print(f"  images {rate.fraction:.2%} ({rate.low:.2%} - {rate.high:.2%}), characters {characters.fraction:.2%}")
    for name, fraction in PUBLISHED.items():
        print(f"published: {name}: {fraction:.2%}")
    write_results(
        "captcha03",
        {
            **environment(["tensorflow", "keras"]),
            "training_images": trained,
            "seconds": seconds,
            "images": rate.__dict__,
            "characters": characters.__dict__,
            "seconds_per_image": each,
            "published": PUBLISHED,
        },
    )


if __name__ == "__main__":
    main()

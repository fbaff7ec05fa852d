"""What a model reads, without a label, of images that the library `captcha` draws: several sizes, lengths and styles.

python -m benchmarks.library_looks [--model any]     (alphabet and length are known to it)

The images come from a series that no training draws. Times are those of one file after the other, from the file to its
text, on one core.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from benchmarks.measure import environment, write_results
from captcha_keras.errors import InputError
from captcha_keras.evaluation.rates import Rate
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import DEFAULT_ALPHABET, NAMED_ALPHABETS, CaptchaSpec
from data_gen import Series, Style
from data_gen.style import PRESETS

SEED = 3_000_017
BATCH = 256
TIMED_FILES = 300
SERIF = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSerif.ttf")


@dataclass(frozen=True)
class Look:
    """How the images of a row are drawn."""

    alphabet: str = DEFAULT_ALPHABET
    length: int = 4
    size: tuple[int, int] = (170, 80)
    style: Style = field(default_factory=Style)
    seed: int | str = SEED

    @property
    def series(self) -> Series:
        """The series of the images."""
        return Series(CaptchaSpec(self.alphabet, self.length, self.length, *self.size), self.seed, style=self.style)


LOOKS = {
    "default look, 170x80, 4 of 0-9A-Z": Look(),
    "ImageCaptcha(), 160x60, 4 of 0-9A-Z": Look(size=(160, 60)),
    "200x80, 5 of 0-9A-Z": Look(length=5, size=(200, 80)),
    "240x80, 6 of 0-9A-Z": Look(length=6, size=(240, 80)),
    "160x60, 4 of 0-9": Look(NAMED_ALPHABETS["digits"], size=(160, 60)),
    "160x60, 4 of a-z": Look(NAMED_ALPHABETS["lower"], size=(160, 60)),
    "no overlap (--style separated)": Look(style=PRESETS["separated"]),
    "DejaVu Serif": Look(style=Style(fonts=(SERIF,))),
}


def rate(recognizer: Recognizer, look: Look, count: int) -> Rate:
    """The fraction of images read right."""
    source, right = look.series.source(), []
    for first in range(0, count, BATCH):
        drawn = [source.draw(index) for index in range(first, min(count, first + BATCH))]
        read = recognizer.read((image.content for image in drawn), alphabet=look.alphabet, length=look.length)
        right += [prediction.text == image.text for prediction, image in zip(read, drawn, strict=True)]
    return Rate.of(np.array(right))


def milliseconds(recognizer: Recognizer, look: Look) -> float:
    """The median time from a file to its text, one at a time."""
    source, times = look.series.source(), []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.jpg"
        for index in range(TIMED_FILES):
            file.write_bytes(source.draw(index).content)
            begin = time.perf_counter()
            recognizer.read(file, alphabet=look.alphabet, length=look.length)
            times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="any", metavar="MODEL", help="a pretrained model, a run, a version (any)")
    parser.add_argument("--count", type=int, default=3200, metavar="N", help="images of a row (%(default)s)")
    given = parser.parse_args()
    # Before TensorFlow starts its threads.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    try:
        recognizer = Recognizer.load(given.model)
    except InputError as error:
        parser.error(str(error))
    rows: dict[str, Any] = {}
    for name, look in LOOKS.items():
        found, took = rate(recognizer, look, given.count), milliseconds(recognizer, look)
        print(f"{name:40}{found.fraction:8.2%}   {found.low:.2%} - {found.high:.2%}   {took:5.2f} ms", flush=True)
        rows[name] = {**found.__dict__, "milliseconds": took}
    packages = environment(["captcha", "pillow", "tensorflow", "keras"])
    write_results("library_looks", {**packages, "model": str(given.model), "seed": SEED, "rows": rows})


if __name__ == "__main__":
    main()

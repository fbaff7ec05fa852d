"""Accuracy of one network on the same images in other file formats and qualities.

python -m benchmarks.format_robustness --run runs/NAME
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import RESULTS, environment
from captcha_keras import Recognizer
from captcha_keras.evaluation import Rate
from captcha_keras.images import decode_image
from data_gen import ImageSource

# Apart from every training and test image of the project.
SEED = 2_000_003
BATCH = 1024
FORMATS: dict[str, tuple[str, dict[str, int]]] = {
    "JPEG, quality 95, 4:4:4 (default)": ("jpeg", {"quality": 95, "subsampling": 0}),
    "PNG": ("png", {"compress_level": 1}),
    "JPEG, quality 95, 4:2:0": ("jpeg", {"quality": 95, "subsampling": 2}),
    "JPEG, quality 75, 4:2:0 (Pillow's)": ("jpeg", {"quality": 75, "subsampling": 2}),
    "JPEG, quality 50, 4:2:0": ("jpeg", {"quality": 50, "subsampling": 2}),
    "JPEG, quality 30, 4:2:0": ("jpeg", {"quality": 30, "subsampling": 2}),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, metavar="DIR", help="a finished run on the default data set")
    parser.add_argument("--count", type=int, default=12_800, metavar="N", help="%(default)s images")
    given = parser.parse_args()
    recognizer = Recognizer.load(given.run)
    source = ImageSource(recognizer.spec, SEED)
    right: dict[str, list[bool]] = {name: [] for name in FORMATS}
    for first in range(0, given.count, BATCH):
        drawn = [source.image(index) for index in range(first, min(first + BATCH, given.count))]
        for name, (image_format, settings) in FORMATS.items():
            readings = recognizer.read([_through(image, image_format, settings) for _, image in drawn])
            right[name] += [reading.text == text for reading, (text, _) in zip(readings, drawn, strict=True)]
    default = np.array(right[next(iter(FORMATS))])
    rows = {}
    print(f"{'':40}{'images right':>13}   95 % interval   right here, wrong in the default, and the reverse")
    for name, values in right.items():
        rate, here = Rate.of(np.array(values)), np.array(values)
        gained, lost = int((here & ~default).sum()), int((default & ~here).sum())
        rows[name] = {"right": rate.right, "total": rate.total, "gained": gained, "lost": lost}
        print(f"{name:40}{rate.share:12.2%}   {rate.low:.2%} - {rate.high:.2%}   {gained:6} {lost:6}")
    where = environment(["captcha", "pillow", "tensorflow", "keras"])
    path = RESULTS / "format_robustness.json"
    path.write_text(
        json.dumps({**where, "run": Path(given.run).name, "seed": SEED, "rows": rows}, indent=2) + "\n", "utf-8"
    )
    print(f"\nwritten to benchmarks/results/{path.name}")


def _through(image: Image.Image, image_format: str, settings: dict[str, int]) -> np.ndarray:
    """The pixels after encoding and decoding."""
    content = io.BytesIO()
    image.save(content, image_format, **settings)
    return decode_image(content.getvalue())


if __name__ == "__main__":
    main()

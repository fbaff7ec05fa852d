"""One model on images that are not like its training's: other file formats, sizes, fonts and looks.

python -m benchmarks.robustness --model runs/NAME      (the newest run, else the shipped model)

The first rows are the same pixels in other encodings, and are compared image by image with the default one. The
others are drawn anew with the setting they name; images of another size are resized to the model's. Figures for fonts
and looks that no training saw say how far a model trained on the library's default reaches, not how strong such a
CAPTCHA is: train on it to know.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.measure import environment, write_results
from captcha_keras.dataset.images import decode_image
from captcha_keras.evaluation.rates import Rate
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Style
from data_gen.style import PRESETS

# Apart from every training and test image of the project.
SEED = 2_000_003
BATCH = 1024
SIZES = ((120, 60), (160, 60), (160, 80), (180, 80), (200, 80), (256, 96))


@dataclass(frozen=True)
class Condition:
    """How the images are drawn and encoded."""

    image_format: str = "jpeg"
    settings: dict[str, int] = field(default_factory=lambda: {"quality": 95, "subsampling": 0})
    size: tuple[int, int] | None = None
    style: Style = field(default_factory=Style)


def _jpeg(quality: int) -> Condition:
    return Condition(settings={"quality": quality, "subsampling": 2})


def _font(name: str) -> Condition:
    # Fonts that come with matplotlib, so that everyone has them.
    return Condition(style=Style(fonts=(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name),)))


FORMATS = {
    "JPEG, quality 95, 4:4:4 (default)": Condition(),
    "PNG": Condition("png", {"compress_level": 1}),
    "JPEG, quality 95, 4:2:0": _jpeg(95),
    "JPEG, quality 75, 4:2:0 (Pillow's)": _jpeg(75),
    "JPEG, quality 50, 4:2:0": _jpeg(50),
    "JPEG, quality 30, 4:2:0": _jpeg(30),
}
OTHERS = {
    **{f"{width}x{height}": Condition(size=(width, height)) for width, height in SIZES},
    "DejaVu Sans Mono": _font("DejaVuSansMono.ttf"),
    "DejaVu Sans": _font("DejaVuSans.ttf"),
    "DejaVu Serif": _font("DejaVuSerif.ttf"),
    "STIX (Times)": _font("STIXGeneral.ttf"),
    "no overlap (--style separated)": Condition(style=PRESETS["separated"]),
    "60 dots, 3 curves": Condition(style=replace(Style(), noise_dots=60, noise_curves=3)),
    "rotation up to 45 degrees": Condition(style=replace(Style(), character_rotate=(-45, 45))),
}


def read(recognizer: Recognizer, conditions: dict[str, Condition], spec: CaptchaSpec, count: int) -> dict[str, Any]:
    """Which images are read right: bool `(count,)` for each condition; they share what is drawn."""
    first = next(iter(conditions.values()))
    source = Series(spec, SEED, style=first.style).source()
    right: dict[str, list[bool]] = {name: [] for name in conditions}
    for start in range(0, count, BATCH):
        drawn = [source.image(index) for index in range(start, min(start + BATCH, count))]
        for name, condition in conditions.items():
            predictions = recognizer.read([_through(image, condition) for _, image in drawn])
            right[name] += [prediction.text == text for prediction, (text, _) in zip(predictions, drawn, strict=True)]
    return {name: np.array(values) for name, values in right.items()}


def _through(image: Image.Image, condition: Condition) -> NDArray[np.uint8]:
    """The pixels after encoding and decoding."""
    content = io.BytesIO()
    image.save(content, condition.image_format, **condition.settings)
    return decode_image(content.getvalue())


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="DIR", help="run or exported model (the newest run)")
    parser.add_argument("--count", type=int, default=12_800, metavar="N", help="images a row (%(default)s)")
    given = parser.parse_args()
    model = find_model(given.model)
    recognizer = Recognizer.load(model)
    spec = recognizer.spec
    print(f"{'':40}{'images right':>13}   95 % interval   right here, wrong in the default, and the reverse")
    right = read(recognizer, FORMATS, spec, given.count)
    default = next(iter(right.values()))
    rows = {}
    for name, here in right.items():
        gained, lost = int((here & ~default).sum()), int((default & ~here).sum())
        rows[name] = {**_row(name, here, f"{gained:6} {lost:6}"), "gained": gained, "lost": lost}
    for name, condition in OTHERS.items():
        width, height = condition.size or (spec.width, spec.height)
        drawn_as = replace(spec, width=width, height=height)
        rows[name] = _row(name, read(recognizer, {name: condition}, drawn_as, given.count)[name])
    write_results(
        "robustness",
        {**environment(["captcha", "pillow", "tensorflow"]), "model": model.path.name, "seed": SEED, "rows": rows},
    )


def _row(name: str, right: NDArray[np.bool_], more: str = "") -> dict[str, Any]:
    rate = Rate.of(right)
    print(f"{name:40}{rate.fraction:12.2%}   {rate.low:.2%} - {rate.high:.2%}   {more}", flush=True)
    return {"right": rate.right, "total": rate.total}


if __name__ == "__main__":
    main()

"""Is 0 against O the network's limit or the images'? Pairs of images that differ in that one glyph.

python -m benchmarks.zero_o --model runs/NAME

Both images of a pair are drawn from the same random numbers: same text but for one character, which is 0 in one and O
in the other, same fonts, rotations, warps, dots and colours. Were a pair's two images alike, no reader could tell them
apart. The forced choice asks the network which of the two shows the O; a reader that sees no difference is right in
half of the pairs. The table goes by how much the pair differs: the sum of absolute grey differences over the paper's
and ink's contrast, in pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.measure import environment, write_results
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from data_gen.randomness import SeededSecrets, seeded
from data_gen.renderer import make_renderer
from data_gen.style import Style
from data_gen.texts import TextSource

# Apart from every training, validation and test image of the project.
SEED = 3_000_003
PAIR = "0O"
PARTS = 5


def draw(spec: CaptchaSpec, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pairs of images: uint8 `(count, 2, height, width, 3)`, and where in the text they differ."""
    texts, renderer = TextSource(spec), make_renderer(spec, Style(), "auto")
    images = np.empty((count, len(PAIR), spec.height, spec.width, 3), np.uint8)
    places = np.arange(count) % spec.max_length
    for index, place in enumerate(places):
        for member, character in enumerate(PAIR):
            secrets = SeededSecrets(SEED, index)
            text = texts.draw(secrets)
            text = text[:place] + character + text[place + 1 :]
            with seeded(secrets):
                image: Image.Image = renderer.generate_image(text)
            images[index, member] = np.asarray(image.convert("RGB"))
    return images, places


def differences(pairs: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much each pair differs: `(N,)`, in pixels of full contrast."""
    grey = pairs.astype(np.float64) @ (0.299, 0.587, 0.114)
    contrast = np.median(grey, axis=(1, 2, 3)) - grey.min(axis=(1, 2, 3))
    result: NDArray[np.float64] = np.abs(grey[:, 0] - grey[:, 1]).sum(axis=(1, 2)) / np.maximum(contrast, 1)
    return result


def preferences(
    recognizer: Recognizer, pairs: NDArray[np.uint8], places: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log odds of O against 0 for each image `(N, 2)`, and whether its character is read right `(N, 2)`."""
    zero, letter = recognizer.spec.encode(PAIR * 2)[:2]
    shape = (len(pairs), len(PAIR))
    scores = recognizer.probabilities(pairs.reshape(-1, *pairs.shape[2:])).reshape(
        *shape, recognizer.spec.max_length, -1
    )
    here = scores[np.arange(len(pairs)), :, places].astype(np.float64)
    odds = np.log(here[..., letter] + 1e-30) - np.log(here[..., zero] + 1e-30)
    return odds, here.argmax(axis=-1) == np.array([zero, letter])


def rows(odds: NDArray[np.float64], right: NDArray[np.bool_], differ: NDArray[np.float64]) -> list[dict[str, Any]]:
    """A row for each fifth of the pairs, those that differ least first, and one for all."""
    order = np.argsort(differ, kind="stable")
    result = []
    for name, part in [*(("", part) for part in np.array_split(order, PARTS)), ("all", order)]:
        result.append(
            {
                "pairs": name or f"{differ[part].min():.0f} to {differ[part].max():.0f} pixels",
                "count": len(part),
                "read_right": float(right[part].mean()),
                "forced_choice": float((odds[part, 1] > odds[part, 0]).mean()),
            }
        )
    return result


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="DIR", help="run or exported model (the newest run)")
    parser.add_argument("--pairs", type=int, default=4_000, metavar="N", help="%(default)s")
    given = parser.parse_args()
    model = find_model(given.model)
    recognizer = Recognizer.load(model)
    pairs, places = draw(recognizer.spec, given.pairs)
    differ = differences(pairs)
    found = rows(*preferences(recognizer, pairs, places), differ)
    print(f"{model.path}, {given.pairs:,} pairs of images that differ in one 0 or O\n")
    print(f"{'pairs that differ by':24}{'pairs':>8}{'read right':>12}{'forced choice':>15}")
    for row in found:
        print(f"{row['pairs']:24}{row['count']:8,}{row['read_right']:12.2%}{row['forced_choice']:15.2%}")
    print(f"\npairs whose images are the same in every pixel: {int((differ == 0).sum())}")
    write_results(
        "zero_o",
        {**environment(["captcha", "pillow", "tensorflow"]), "model": model.path.name, "seed": SEED, "rows": found},
    )


if __name__ == "__main__":
    main()

"""The README's picture: freshly drawn images with a network's prediction of them.

python -m benchmarks.gallery --model runs/vgg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

COUNT = 15
# Neither the training images' seed nor that of evaluate.py --fresh.
SEED = 2_000_003


def main() -> None:
    """Draw, read and plot; the first images of the series, not chosen ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="RUN")
    parser.add_argument("--output", type=Path, default=Path("docs/predictions.png"), metavar="PNG")
    options = parser.parse_args()
    from captcha_keras.cli.environment import load_tensorflow

    load_tensorflow()
    from captcha_keras.dataset.labelled import LabelledImages
    from captcha_keras.evaluation.plots import plot_gallery
    from captcha_keras.evaluation.report import predictions_frame
    from captcha_keras.recognizer.recognizer import Recognizer
    from data_gen import Series

    recognizer = Recognizer.load(options.model)
    source = Series(recognizer.spec, SEED).source()
    drawings = [source.draw(index) for index in range(COUNT)]
    images = np.stack([drawing.pixels for drawing in drawings])
    labels = recognizer.spec.encode_all(drawing.text for drawing in drawings)
    data = LabelledImages(images, labels, ("",) * COUNT)
    predictions = predictions_frame(recognizer.spec, data, recognizer.probabilities(images))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    plot_gallery(predictions, images, options.output, f"{COUNT} new images, truth and prediction")
    print(f"{int(predictions['right'].sum())} of {COUNT} right; written to {options.output}")


if __name__ == "__main__":
    main()

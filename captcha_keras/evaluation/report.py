"""Writes the files of an evaluation and of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.evaluation.comparison import NetworkResult
from captcha_keras.evaluation.figures import Evaluation
from captcha_keras.evaluation.plots import plot_comparison, plot_confusion, plot_errors
from captcha_keras.files import write_atomically, write_json
from captcha_keras.spec import CaptchaSpec


def write_report(
    folder: Path,
    evaluation: Evaluation,
    spec: CaptchaSpec,
    data: LabelledImages,
    probabilities: NDArray[np.float32],
) -> None:
    """Write `evaluation.json`, `predictions.csv`, `confusion.png` and `errors.png`.

    Args:
        folder: Where to; made if missing.
        evaluation: The figures.
        spec: Names the classes.
        data: The images that were read.
        probabilities: What was read, `(N, L, K)`.

    Example:
        >>> from captcha_keras.evaluation.figures import score
        >>> spec = CaptchaSpec("AB", 1, 1, 40, 24)
        >>> data = LabelledImages(np.zeros((1, 24, 40, 3), np.uint8), np.array([[0]], np.int32), ("0.png",))
        >>> probabilities = np.array([[[0.25, 0.75]]], np.float32)
        >>> write_report(Path("report"), score(np.array([[1]]), data.labels, spec), spec, data, probabilities)
        >>> sorted(path.name for path in Path("report").iterdir())
        ['confusion.png', 'errors.png', 'evaluation.json', 'predictions.csv']
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "evaluation.json", {"images": data.source, **evaluation.to_json()})
    predictions = predictions_frame(spec, data, probabilities)
    write_atomically(folder / "predictions.csv", lambda path: predictions.to_csv(path, index=False))
    plot_confusion(evaluation, spec, folder / "confusion.png")
    plot_errors(predictions, data.images, folder / "errors.png")


def write_comparison(folder: Path, results: Sequence[NetworkResult]) -> None:
    """Write `comparison.json` and `comparison.png`: images right, with intervals, and the cost of each network.

    Example:
        >>> from captcha_keras.evaluation.figures import score
        >>> evaluation = score(np.array([[0]]), np.array([[0]]), CaptchaSpec("AB", 1, 1))
        >>> result = NetworkResult("run", "vgg", "1 image", evaluation, 425_719, 50, 12.5, 900.0, 5_203_117)
        >>> write_comparison(Path("comparison"), [result])
        >>> sorted(path.name for path in Path("comparison").iterdir())
        ['comparison.json', 'comparison.png']
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "comparison.json", {"networks": [each.to_json() for each in results]})
    plot_comparison(results, folder / "comparison.png")


def predictions_frame(spec: CaptchaSpec, data: LabelledImages, probabilities: NDArray[np.float32]) -> pd.DataFrame:
    """The predictions, one row an image: file, text, prediction, right, confidence, and that of each character.

    Example:
        >>> data = LabelledImages(np.zeros((1, 24, 40, 3), np.uint8), np.array([[0]], np.int32), ("0.png",))
        >>> frame = predictions_frame(CaptchaSpec("AB", 1, 1, 40, 24), data, np.array([[[0.25, 0.75]]], np.float32))
        >>> frame.iloc[:, :5].to_dict("records")
        [{'file': '0.png', 'text': 'A', 'prediction': 'B', 'right': False, 'confidence': 0.75}]
    """
    best = probabilities.max(axis=-1)
    frame = pd.DataFrame(
        {
            "file": data.names,
            "text": spec.decode_all(data.labels),
            "prediction": spec.decode_all(probabilities.argmax(axis=-1)),
        }
    )
    frame["right"] = frame["text"] == frame["prediction"]
    frame["confidence"] = best.prod(axis=1).round(6)
    for position, head in enumerate(spec.head_names):
        frame[f"{head}_confidence"] = best[:, position].round(6)
    return frame

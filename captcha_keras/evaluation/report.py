"""The files of an evaluation."""

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
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "evaluation.json", {"images": data.source, **evaluation.to_json()})
    predictions = predictions_frame(spec, data, probabilities)
    write_atomically(folder / "predictions.csv", lambda path: predictions.to_csv(path, index=False))
    plot_confusion(evaluation, spec, folder / "confusion.png")
    plot_errors(predictions, data.images, folder / "errors.png")


def write_comparison(folder: Path, results: Sequence[NetworkResult]) -> None:
    """Write `comparison.json` and `comparison.png`: images right, with intervals, and the cost of each network."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "comparison.json", {"networks": [each.to_json() for each in results]})
    plot_comparison(results, folder / "comparison.png")


def predictions_frame(spec: CaptchaSpec, data: LabelledImages, probabilities: NDArray[np.float32]) -> pd.DataFrame:
    """One row an image: file, text, prediction, right, confidence, and the confidence of each character."""
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

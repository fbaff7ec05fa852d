"""Draws the figures of an evaluation as pictures; computes none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from captcha_keras.evaluation.comparison import NetworkResult
from captcha_keras.evaluation.figures import Evaluation
from captcha_keras.evaluation.tables import NOTHING
from captcha_keras.files import write_atomically
from captcha_keras.spec import CaptchaSpec

MAX_ERRORS = 40
MAX_CHARACTERS = 400


def plot_curves(history: Path, picture: Path) -> None:
    """Draw loss and accuracy by epoch from a `history.csv`.

    Example:
        >>> figures = ("loss", "captcha_accuracy", "character_accuracy")
        >>> names = ["epoch", *figures, *(f"val_{name}" for name in figures)]
        >>> pd.DataFrame([[1, *[0.5] * 6], [2, *[0.7] * 6]], columns=names).to_csv("history.csv")
        >>> plot_curves(Path("history.csv"), Path("curves.png"))
        >>> Path("curves.png").read_bytes()[1:4]
        b'PNG'
    """
    rows = pd.read_csv(history)
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(rows["epoch"], rows["loss"], label="training", marker=".")
    left.plot(rows["epoch"], rows["val_loss"], label="validation", marker=".")
    left.set(xlabel="epoch", ylabel="loss (nats)", yscale="log", title="Loss")
    for name, label in (("captcha_accuracy", "images"), ("character_accuracy", "characters")):
        line = right.plot(rows["epoch"], 100 * rows[f"val_{name}"], label=f"{label}, validation", marker=".")
        right.plot(
            rows["epoch"], 100 * rows[name], label=f"{label}, training", linestyle=":", color=line[0].get_color()
        )
    right.set(xlabel="epoch", ylabel="right (%)", title="Accuracy")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    _save(figure, picture)


def plot_comparison(results: Sequence[NetworkResult], picture: Path) -> None:
    """Draw the images that each network reads right, with intervals, and what its training cost.

    Example:
        >>> from captcha_keras.evaluation.figures import score
        >>> evaluation = score(np.array([[0]]), np.array([[0]]), CaptchaSpec("AB", 1, 1))
        >>> result = NetworkResult("run", "vgg", "1 image", evaluation, 425_719, 50, 12.5, 900.0, 5_203_117)
        >>> plot_comparison([result, result], Path("comparison.png"))
        >>> Path("comparison.png").read_bytes()[1:4]
        b'PNG'
    """
    figure = Figure(figsize=(11, 1.6 + 0.45 * len(results)), layout="constrained")
    accuracy, cost = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    places = np.arange(len(results))[::-1]
    rates = [each.evaluation.images for each in results]
    fractions = 100 * np.array([rate.fraction for rate in rates])
    spread = 100 * np.abs(np.array([[rate.low for rate in rates], [rate.high for rate in rates]]) - fractions / 100)
    accuracy.barh(places, fractions, xerr=spread, color="#4477aa", capsize=3)
    accuracy.bar_label(accuracy.containers[-1], [f" {fraction:.1f}" for fraction in fractions], padding=4)
    accuracy.set(xlabel="images right (%)", xlim=(0, 112))
    accuracy.set_yticks(places, [each.name for each in results], parse_math=False)
    cost.barh(places, [each.minutes for each in results], color="#ccbb44")
    cost.set(xlabel="minutes of training")
    for axes in (accuracy, cost):
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    _save(figure, picture)


def plot_confusion(evaluation: Evaluation, spec: CaptchaSpec, picture: Path) -> None:
    """Draw the confusion matrix of all classes; each row is a truth and sums to 100 %.

    Example:
        >>> from captcha_keras.evaluation.figures import score
        >>> spec = CaptchaSpec("AB", 1, 1)
        >>> plot_confusion(score(np.array([[0]]), np.array([[1]]), spec), spec, Path("confusion.png"))
        >>> Path("confusion.png").read_bytes()[1:4]
        b'PNG'
    """
    matrix = np.array(evaluation.confusion_matrix, np.float64)
    totals = matrix.sum(axis=1, keepdims=True)
    fractions = 100 * matrix / np.maximum(totals, 1)
    # The diagonal would drown what is of interest.
    np.fill_diagonal(fractions, np.nan)
    names = [name or NOTHING for name in spec.classes]
    side = max(4.0, 0.24 * len(names))
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    highest = np.nanmax(fractions, initial=0.0) if len(names) > 1 else 0.0
    image = axes.imshow(fractions, cmap="magma_r", vmin=0, vmax=max(highest, 0.1))
    axes.set_facecolor("#d8d8d8")
    axes.set_xticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set(xlabel="read as", ylabel="truth", title="Misread characters (% of the truth; diagonal left out)")
    figure.colorbar(image, ax=axes, shrink=0.8)
    _save(figure, picture)


def plot_errors(predictions: pd.DataFrame, images: NDArray[np.uint8], picture: Path) -> None:
    """Draw misread images with truth, prediction and confidence, the surest errors first.

    Example:
        >>> rows = {"text": ["AB", "BA"], "prediction": ["AB", "BB"], "right": [True, False], "confidence": [0.9, 0.6]}
        >>> plot_errors(pd.DataFrame(rows), np.zeros((2, 24, 40, 3), np.uint8), Path("errors.png"))
        >>> Path("errors.png").read_bytes()[1:4]
        b'PNG'
    """
    wrong = predictions[~predictions["right"]].sort_values("confidence", ascending=False)
    shown = wrong.head(MAX_ERRORS)
    title = f"{len(wrong):,} of {len(predictions):,} images misread"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} surest"
    plot_gallery(shown, images, picture, title)


def plot_characters(
    squares: NDArray[np.float32],
    counts: NDArray[np.int32],
    labels: NDArray[np.int32],
    predictions: NDArray[np.integer[Any]],
    spec: CaptchaSpec,
    picture: Path,
) -> None:
    """Draw every misread character of the images that were cut right, with truth and prediction.

    Args:
        squares: The characters as they were cut, ink from 0 to 1, `(N, L, side, side)`.
        counts: How many parts each image has, `(N,)`.
        labels: Class ids of the truth, `(N, L)`.
        predictions: Class ids that were read, `(N, L)`.
        spec: Names the classes.
        picture: The PNG file.

    Example:
        >>> squares, spec = np.zeros((1, 2, 20, 20), np.float32), CaptchaSpec("AB", 2, 2)
        >>> plot_characters(
        ...     squares, np.array([2]), np.array([[0, 1]]), np.array([[0, 0]]), spec, Path("characters.png")
        ... )
        >>> Path("characters.png").read_bytes()[1:4]
        b'PNG'
    """
    lengths = (labels < len(spec.alphabet)).sum(axis=1)
    cut = (counts == lengths)[:, np.newaxis] & (np.arange(spec.max_length) < lengths[:, np.newaxis])
    wrong = np.argwhere(cut & (labels != predictions))
    shown = wrong[:MAX_CHARACTERS]
    columns = 20
    lines = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(0.55 * columns, 0.85 * lines + 0.5), layout="constrained")
    title = f"{len(wrong):,} of {int(cut.sum()):,} characters misread (truth→prediction)"
    figure.suptitle(title + (f"; {len(shown)} of them" if len(shown) < len(wrong) else ""))
    for axes in np.ravel(figure.subplots(lines, columns)):
        axes.set_axis_off()
    for axes, (row, place) in zip(figure.axes, shown, strict=False):
        axes.imshow(1 - squares[row, place], cmap="gray", vmin=0, vmax=1)
        truth, prediction = (spec.classes[numbers[row, place]] or NOTHING for numbers in (labels, predictions))
        axes.set_title(f"{truth}→{prediction}", fontsize=9, family="monospace", parse_math=False)
    _save(figure, picture)


def plot_gallery(shown: pd.DataFrame, images: NDArray[np.uint8], picture: Path, title: str) -> None:
    """Draw images with truth, prediction and confidence.

    Args:
        shown: Rows of `predictions_frame`; their index chooses the images.
        images: uint8 RGB `(N, height, width, 3)`.
        picture: The PNG file.
        title: Stands above.

    Example:
        >>> rows = pd.DataFrame({"text": ["AB"], "prediction": ["AA"], "right": [False], "confidence": [0.6]})
        >>> plot_gallery(rows, np.zeros((1, 24, 40, 3), np.uint8), Path("gallery.png"), "One image")
        >>> Path("gallery.png").read_bytes()[1:4]
        b'PNG'
    """
    columns = 5
    lines = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(2.4 * columns, 1.5 * lines + 0.6), layout="constrained")
    figure.suptitle(title)
    for axes in np.ravel(figure.subplots(lines, columns)):
        axes.set_axis_off()
    for axes, index, (_, row) in zip(figure.axes, shown.index.to_numpy(), shown.iterrows(), strict=False):
        axes.imshow(images[index])
        words = f"{row['text']} read {row['prediction'] or NOTHING} ({100 * row['confidence']:.0f} %)"
        color = "black" if row["right"] else "crimson"
        # A $ in a text is a character, not the start of a formula.
        axes.set_title(words, fontsize=10, family="monospace", color=color, parse_math=False)
    _save(figure, picture)


def _save(figure: Figure, picture: Path) -> None:
    FigureCanvasAgg(figure)
    write_atomically(picture, lambda path: figure.savefig(path, dpi=110))

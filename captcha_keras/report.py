"""Figures as tables and pictures; computes no metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from captcha_keras.evaluation import ATTEMPTS, Confusion, Evaluation, Rate
from captcha_keras.files import write_atomically, write_json
from captcha_keras.spec import CaptchaSpec

if TYPE_CHECKING:
    from captcha_keras.comparison import Contestant
    from captcha_keras.evaluation_data import LabelledImages

MOST_ERRORS = 40
MOST_CHARACTERS = 400
NOTHING = "∅"  # "no character" in a figure


def table(evaluation: Evaluation) -> str:
    """The figures as lines for a terminal."""
    rows = [("characters", evaluation.characters)]
    rows += [(f"  position {i}", rate) for i, rate in enumerate(evaluation.positions, start=1)]
    rows += [("images", evaluation.images)]
    lengths, zero_o, case = evaluation.lengths, evaluation.zero_o, evaluation.letter_case
    if lengths:
        rows += [("number of characters", lengths.right)]
    if zero_o:
        rows += [
            ("characters, 0 and O merged", zero_o.merged_characters),
            ("images, 0 and O merged", zero_o.merged_images),
        ]
    if case:
        rows += [
            ("characters, case folded", case.folded_characters),
            ("images, case folded", case.folded_images),
        ]
    lines = [f"{'':28}{'right':>9}   {'95 % interval':17}{'count':>15}"]
    lines += [_rate_line(name, rate) for name, rate in rows]
    lines.append(f"{f'images, within {ATTEMPTS} attempts':28}{100 * evaluation.within_three:7.2f} %")
    if lengths and lengths.right.share < 1:
        lines += [
            "",
            f"images with a wrong number of characters: {lengths.too_few:,} too few, {lengths.too_many:,} too many, "
            f"{lengths.none:,} none read",
        ]
    if zero_o:
        lines += ["", f"{'0 against O':14}{'read 0':>9}{'read O':>9}{'other':>9}"]
        for truth in "0O":
            counts = (*(zero_o.table[truth][reading] for reading in "0O"), zero_o.other[truth])
            lines.append(f"  {'truth ' + truth:12}" + "".join(f"{count:9,}" for count in counts))
        lines.append(_share_line(zero_o.share_of_errors))
    if case:
        lines += ["", f"letters read in the other case: {_pairs(case.confusions) or 'none'}"]
        lines.append(_share_line(case.share_of_errors))
    if evaluation.confusions:
        lines += ["", f"most frequent confusions: {_pairs(evaluation.confusions)}"]
    if evaluation.seconds_per_image is not None:
        lines += ["", f"time per image: {1000 * evaluation.seconds_per_image:.2f} ms, in batches"]
    return "\n".join(lines)


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


def comparison_table(contestants: Sequence[Contestant]) -> str:
    """Networks beside each other as lines for a terminal."""
    lines = [
        f"{'':20}{'characters':>11}{'images':>9}   {'95 % interval':17}{'in 3':>8}{'0/O':>8}{'parameters':>13}"
        f"{'rounds':>8}{'minutes':>9}{'images/s':>10}{'MB':>8}"
    ]
    for each in contestants:
        figures = each.evaluation
        images = figures.images
        zero_o = figures.zero_o.share_of_errors if figures.zero_o else None
        lines.append(
            f"{each.name:20}{100 * figures.characters.share:9.2f} %{100 * images.share:7.2f} %   {_interval(images):17}"
            f"{100 * figures.within_three:6.2f} %{'-' if zero_o is None else f'{100 * zero_o:.0f} %':>8}"
            f"{each.parameters:13,}{each.epochs:8}{each.minutes:9.1f}{each.images_per_second:10,.0f}"
            f"{each.bytes_on_disk / 1e6:8.1f}"
        )
    return "\n".join(lines)


def write_comparison(folder: Path, contestants: Sequence[Contestant]) -> None:
    """Write `comparison.json` and `comparison.png`: images right, with intervals, and the cost of each network."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "comparison.json", {"networks": [each.to_json() for each in contestants]})
    figure = Figure(figsize=(11, 1.6 + 0.45 * len(contestants)), layout="constrained")
    accuracy, cost = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    places = np.arange(len(contestants))[::-1]
    rates = [each.evaluation.images for each in contestants]
    shares = 100 * np.array([rate.share for rate in rates])
    spread = 100 * np.abs(np.array([[rate.low for rate in rates], [rate.high for rate in rates]]) - shares / 100)
    accuracy.barh(places, shares, xerr=spread, color="#4477aa", capsize=3)
    accuracy.bar_label(accuracy.containers[-1], [f" {share:.1f}" for share in shares], padding=4)
    accuracy.set(xlabel="images right (%)", xlim=(0, 112))
    accuracy.set_yticks(places, [each.name for each in contestants], parse_math=False)
    cost.barh(places, [each.minutes for each in contestants], color="#ccbb44")
    cost.set(xlabel="minutes of training")
    for axes in (accuracy, cost):
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
    _save(figure, folder / "comparison.png")


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


def plot_curves(history: Path, picture: Path) -> None:
    """Draw loss and accuracy by epoch from a `history.csv`."""
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


def plot_confusion(evaluation: Evaluation, spec: CaptchaSpec, picture: Path) -> None:
    """Draw the confusion matrix of all classes; each row is a truth and sums to 100 %."""
    matrix = np.array(evaluation.confusion_matrix, np.float64)
    totals = matrix.sum(axis=1, keepdims=True)
    shares = 100 * matrix / np.maximum(totals, 1)
    # The diagonal would drown what is of interest.
    np.fill_diagonal(shares, np.nan)
    names = [name or NOTHING for name in spec.classes]
    side = max(4.0, 0.24 * len(names))
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    highest = np.nanmax(shares, initial=0.0) if len(names) > 1 else 0.0
    image = axes.imshow(shares, cmap="magma_r", vmin=0, vmax=max(highest, 0.1))
    axes.set_facecolor("#d8d8d8")
    axes.set_xticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set(xlabel="read as", ylabel="truth", title="Misread characters (% of the truth; diagonal left out)")
    figure.colorbar(image, ax=axes, shrink=0.8)
    _save(figure, picture)


def plot_errors(predictions: pd.DataFrame, images: NDArray[np.uint8], picture: Path) -> None:
    """Draw misread images with truth, reading and confidence, the surest errors first."""
    wrong = predictions[~predictions["right"]].sort_values("confidence", ascending=False)
    shown = wrong.head(MOST_ERRORS)
    title = f"{len(wrong):,} of {len(predictions):,} images misread"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} surest"
    plot_gallery(shown, images, picture, title)


def plot_characters(
    squares: NDArray[np.float32],
    counts: NDArray[np.int32],
    labels: NDArray[np.int32],
    readings: NDArray[np.integer[Any]],
    spec: CaptchaSpec,
    picture: Path,
) -> None:
    """Draw every misread character of the images that were cut right, with truth and reading.

    Args:
        squares: The characters as they were cut, ink from 0 to 1, `(N, L, side, side)`.
        counts: How many parts each image has, `(N,)`.
        labels: Class numbers of the truth, `(N, L)`.
        readings: Class numbers that were read, `(N, L)`.
        spec: Names the classes.
        picture: The PNG file.
    """
    lengths = (labels < len(spec.alphabet)).sum(axis=1)
    cut = (counts == lengths)[:, np.newaxis] & (np.arange(spec.max_length) < lengths[:, np.newaxis])
    wrong = np.argwhere(cut & (labels != readings))
    shown = wrong[:MOST_CHARACTERS]
    columns = 20
    lines = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(0.55 * columns, 0.85 * lines + 0.5), layout="constrained")
    title = f"{len(wrong):,} of {int(cut.sum()):,} characters misread (truth→reading)"
    figure.suptitle(title + (f"; {len(shown)} of them" if len(shown) < len(wrong) else ""))
    for axes in np.ravel(figure.subplots(lines, columns)):
        axes.set_axis_off()
    for axes, (row, place) in zip(figure.axes, shown, strict=False):
        axes.imshow(1 - squares[row, place], cmap="gray", vmin=0, vmax=1)
        truth, reading = (spec.classes[numbers[row, place]] or NOTHING for numbers in (labels, readings))
        axes.set_title(f"{truth}→{reading}", fontsize=9, family="monospace", parse_math=False)
    _save(figure, picture)


def plot_gallery(shown: pd.DataFrame, images: NDArray[np.uint8], picture: Path, title: str) -> None:
    """Draw images with truth, reading and confidence.

    Args:
        shown: Rows of `predictions_frame`; their index chooses the images.
        images: uint8 RGB `(N, height, width, 3)`.
        picture: The PNG file.
        title: Stands above.
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


def _pairs(confusions: Sequence[Confusion]) -> str:
    return ", ".join(f"{c.truth or NOTHING}→{c.reading or NOTHING} {c.count}" for c in confusions)


def _share_line(share: float | None) -> str:
    return f"  share of all character errors: {'no errors' if share is None else f'{100 * share:.1f} %'}"


def _interval(rate: Rate) -> str:
    return f"{100 * rate.low:.2f} – {100 * rate.high:.2f} %"


def _rate_line(name: str, rate: Rate) -> str:
    return f"{name:28}{100 * rate.share:7.2f} %   {_interval(rate):17}{f'{rate.right:,}/{rate.total:,}':>15}"


def _save(figure: Figure, picture: Path) -> None:
    save: Callable[[Path], object] = lambda path: figure.savefig(path, dpi=110)  # noqa: E731
    FigureCanvasAgg(figure)
    write_atomically(picture, save)

"""The pictures of docs/five-ways.md: how an image is cut into characters, and where a network looks that does not cut.

python -m benchmarks.five_ways
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.inference_speed import network_of
from captcha_keras.networks.registry import NETWORKS
from captcha_keras.networks.segmentation import Cutter, reason
from captcha_keras.recognizer.formats import read_spec
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.spec import CaptchaSpec
from data_gen import Series
from data_gen.style import PRESETS

SEED = "five ways"
INK, CUT = "#4477aa", "#ee6677"


def images(style: str, count: int, spec: CaptchaSpec | None = None) -> tuple[NDArray[np.uint8], list[str]]:
    """New images of a style and their texts."""
    source = Series(spec or CaptchaSpec(), SEED, style=PRESETS[style]).source()
    drawn = [source.draw(index) for index in range(count)]
    return np.stack([each.pixels for each in drawn]), [each.text for each in drawn]


def projections(picture: Path) -> None:
    """An image of either style, the ink in its columns, and the parts that empty columns leave."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    cutter = Cutter(side=40)
    for column, style in enumerate(("separated", "library")):
        pixels, texts = images(style, 1)
        ink = cutter.ink(pixels, cutter.shrink)
        parts = cutter.cut(ink, 12)
        above, below = (figure.add_subplot(2, 2, row * 2 + column + 1) for row in (0, 1))
        above.imshow(pixels[0], aspect="auto")  # above its columns
        above.set_axis_off()
        words = reason(int(parts.count[0]), CaptchaSpec()) or "4 parts: can be cut"
        above.set_title(f"--style {style}: {texts[0]}\n{words}")
        profile = np.asarray(ink)[0] > 1 - cutter.threshold / 255
        below.bar(np.arange(profile.shape[1]), profile.sum(axis=0), width=1.0, color=INK)
        for part in np.asarray(parts.columns)[0]:
            places = np.flatnonzero(part)
            if len(places):
                below.axvspan(places[0] - 0.5, places[-1] + 0.5, color=CUT, alpha=0.15)
        below.set(xlim=(-0.5, profile.shape[1] - 0.5), xlabel="column", ylabel="dark pixels")
    save(figure, picture)


def squares(picture: Path) -> None:
    """The characters of an image as each cutting network gets them."""
    pixels, _ = images("separated", 3)
    names = ["segmented_mlp", "emnist_cnn"]
    figure = Figure(figsize=(11, 4), layout="constrained")
    grid: NDArray[Any] = figure.subplots(3, 9, width_ratios=(3.4, *(1 for _ in range(8))))
    for row, image in enumerate(pixels):
        grid[row, 0].imshow(image)
        for half, name in enumerate(names):
            cutter = NETWORKS[name].cutter
            if cutter is None:
                raise ValueError(f"{name} does not cut")
            parts = np.asarray(cutter.characters(pixels[row : row + 1], 4)[0])[0]
            for place, part in enumerate(parts):
                axes = grid[row, 1 + 4 * half + place]
                axes.imshow(1 - part, cmap="gray", vmin=0, vmax=1)
                if row == place == 0:
                    axes.set_title("mlp, lenet: 40x40" if half == 0 else "emnist: 28x28", loc="left", fontsize=9)
    for axes in grid.ravel():
        axes.set_axis_off()
    save(figure, picture)


def attention(picture: Path) -> None:
    """Where each head of the pretrained model looks."""
    version = find_model(pretrained_path("captcha")).path
    spec, network = read_spec(version), network_of(version)
    _, height, width, _ = network.get_layer("dropout").output.shape
    look = keras.Model(network.input, [network.get_layer("attention").output, network.output])
    pixels, texts = images("library", 3, spec)
    weights, outputs = look.predict_on_batch(pixels)
    predictions = spec.decode_all(np.stack([outputs[head].argmax(axis=-1) for head in spec.head_names], axis=1))
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    grid: NDArray[Any] = figure.subplots(3, spec.max_length + 1)
    for row, image in enumerate(pixels):
        grid[row, 0].imshow(image)
        grid[row, 0].set_title(f"{texts[row]}, read {predictions[row]}", fontsize=9, family="monospace")
        for position in range(spec.max_length):
            axes: Axes = grid[row, position + 1]
            axes.imshow(image, alpha=0.35)
            seen = weights[row, :, position].reshape(height, width)
            axes.imshow(
                seen, cmap="magma_r", alpha=0.6, extent=(0, spec.width, spec.height, 0), interpolation="bilinear"
            )
            axes.set_title(f"head {position + 1}", fontsize=9)
    for axes in grid.ravel():
        axes.set_axis_off()
    save(figure, picture)


def save(figure: Figure, picture: Path) -> None:
    """Write a PNG file."""
    FigureCanvasAgg(figure)
    figure.savefig(picture, dpi=90)


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path("docs/five-ways"), metavar="DIR", help="%(default)s")
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    projections(folder / "projection.png")
    squares(folder / "squares.png")
    attention(folder / "attention.png")
    print(f"{folder} holds projection.png, squares.png and attention.png.")


if __name__ == "__main__":
    main()

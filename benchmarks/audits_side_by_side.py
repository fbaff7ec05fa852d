"""The three audits of docs/audit.md beside each other: a table, their images, their learning curves.

python -m benchmarks.three_audits
python -m benchmarks.audits_side_by_side
python -m benchmarks.audits_side_by_side --audits benchmarks/results/audits --seed 1      what the project measured

Reads runs/audits/<name>-<budget>-<seed>, prints Markdown, and draws docs/audit/images.png and docs/audit/curves.png.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.five_ways import save
from benchmarks.three_audits import SETTINGS, write_settings
from captcha_keras.audit.budget import BUDGETS
from captcha_keras.audit.curve import LEVELS
from captcha_keras.audit.plots import curve_axes, draw_curve, new_figure
from captcha_keras.audit.subject import Drawn
from captcha_keras.audit.verdict import about, percent
from data_gen import read_captcha

COLORS = {"default": "#27609c", "digits": "#b3362b", "strong": "#3a7d44"}
SHOWN = 4

Audits = Mapping[str, Mapping[str, Any]]


def rows(audits: Audits) -> Iterator[tuple[str, ...]]:
    """The table's rows, the head first."""
    yield ("", *audits)
    points = {name: {point["samples"]: point for point in audit["points"]} for name, audit in audits.items()}
    for samples in sorted({samples for each in points.values() for samples in each}):
        cells = (_fraction(each[samples]["read"]) if samples in each else "–" for each in points.values())
        yield (f"read after {samples:,} labelled images", *cells)
    for place, fraction in enumerate(LEVELS):
        yield (
            f"labelled images to read {100 * fraction:g} %",
            *(_samples(audit["crossings"][place]) for audit in audits.values()),
        )
    yield ("CPU minutes of the longest training", *(_minutes(audit["points"]) for audit in audits.values()))
    yield ("read within three attempts", *(percent(audit["attempts"]["3"]) for audit in audits.values()))
    yield ("answered where sure, of these right", *(_sure(audit["sure"]) for audit in audits.values()))
    if any(audit["sweep"] for audit in audits.values()):
        yield ("hardest change, what is read with it", *(_hardest(audit["sweep"]) for audit in audits.values()))


def _fraction(estimate: Mapping[str, float]) -> str:
    return f"{percent(estimate['value'])} ({percent(estimate['low'])} – {percent(estimate['high'])})"


def _samples(crossing: Mapping[str, Any]) -> str:
    if crossing["samples"] is None:
        return "not reached"
    return f"{'at most ' if crossing['at_least'] else ''}{about(crossing['samples'])}"


def _minutes(points: list[Mapping[str, Any]]) -> str:
    return f"{max(point['cpu_minutes'] for point in points):.1f}"


def _sure(sure: Mapping[str, Any]) -> str:
    if sure["precision"] is None:
        return "none"
    return f"{percent(sure['answered']['fraction'])}, {percent(sure['precision']['fraction'])}"


def _hardest(sweep: Mapping[str, Any] | None) -> str:
    if sweep is None:
        return "not tried"
    hardest = sweep["changes"][0]
    return f"{hardest['name']}, {percent(hardest['read']['low'])} – {percent(hardest['read']['high'])}"


def draw_images(audits: Audits, picture: Path) -> None:
    """The first test images of each audit and what was read."""
    figure = Figure(figsize=(10, 1.45 * len(audits)), layout="constrained")
    grid: Any = figure.subplots(len(audits), SHOWN, squeeze=False)
    pictures = first_images(audits)
    for line, (name, audit) in zip(grid, audits.items(), strict=True):
        for axes, image, (text, prediction) in zip(line, pictures[name], audit["examples"], strict=False):
            axes.imshow(image)
            axes.set_axis_off()
            axes.set_title(
                prediction if prediction == text else f"{prediction} for {text}",
                parse_math=False,
                family="monospace",
                fontsize=10,
                color="black" if prediction == text else "#b3362b",
            )
        line[0].text(-0.08, 0.5, name, transform=line[0].transAxes, ha="right", va="center", rotation=90)
    save(figure, picture)


def first_images(audits: Audits) -> dict[str, NDArray[np.uint8]]:
    """Draw the first test images of each audit anew, uint8 `(SHOWN, height, width, 3)`."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_settings(Path(folder))
        subjects = {
            name: Drawn(*read_captcha(str(paths[name])), audit["subject"]["seed"]) for name, audit in audits.items()
        }
        return {name: subject.pictures(SHOWN, BUDGETS["small"]) for name, subject in subjects.items()}


def draw_curves(audits: Audits, picture: Path) -> None:
    """The learning curves with their intervals."""
    figure, axes = new_figure(8, 4.2)
    ticks: set[int] = set()
    for name, audit in audits.items():
        samples = [point["samples"] for point in audit["points"]]
        low, read, high = ([point["read"][part] for point in audit["points"]] for part in ("low", "value", "high"))
        draw_curve(axes, samples, low, read, high, color=COLORS[name], label=name)
        ticks.update(samples)
    curve_axes(axes, sorted(ticks))
    axes.legend(frameon=False, loc="lower right")
    save(figure, picture)


def main() -> None:
    """Print the table and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audits", type=Path, default=Path("runs/audits"), metavar="DIR", help="%(default)s")
    parser.add_argument("--budget", default="standard", help="%(default)s")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    parser.add_argument("--to", type=Path, default=Path("docs/audit"), metavar="DIR", help="%(default)s")
    given = parser.parse_args()
    audits = {
        name: json.loads((given.audits / f"{name}-{given.budget}-{given.seed}" / "audit.json").read_text("utf-8"))
        for name in SETTINGS
    }
    head, *rest = rows(audits)
    for row in (head, ("---",) * len(head), *rest):
        print(f"| {' | '.join(row)} |")
    given.to.mkdir(parents=True, exist_ok=True)
    draw_images(audits, given.to / "images.png")
    draw_curves(audits, given.to / "curves.png")
    print(f"\nWritten to {given.to}: images.png, curves.png.")


if __name__ == "__main__":
    main()

"""The plots of an audit's page, as SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from captcha_keras.audit.confidence import Calibration
from captcha_keras.audit.curve import LEVELS, Point
from captcha_keras.audit.slices import Character
from captcha_keras.audit.sweep import Changed, Sweep
from captcha_keras.evaluation.calibration import Bin

BLUE, GREY, RED, GREEN = "#27609c", "#8a8f98", "#b3362b", "#3a7d44"
# Bins of a reliability diagram with fewer predictions say nothing.
MIN_PREDICTIONS = 10
EFFECTS = {"harder": GREEN, "easier": RED, "none": GREY}


def learning_curve(points: Sequence[Point]) -> bytes:
    """Draw the fraction of images read over the number of labelled images: every repetition, and the interval.

    A hollow mark says that the cap stopped a training there.

    Example:
        >>> from captcha_keras.audit.curve import Estimate
        >>> points = [Point(samples, Estimate(0.5, 0.4, 0.6, (0.45, 0.55)), cpu_minutes=1.0) for samples in (250, 1000)]
        >>> b"<svg" in learning_curve(points)
        True
    """
    figure, axes = new_figure(7.2, 3.8)
    samples = [point.samples for point in points]
    low, read, high = ([getattr(point.read, part) for point in points] for part in ("low", "value", "high"))
    draw_curve(axes, samples, low, read, high, color=BLUE)
    capped = [point for point in points if point.capped]
    axes.plot([p.samples for p in capped], [p.read.value for p in capped], "o", color="white", mec=BLUE, ms=6, zorder=3)
    for point in points:
        axes.plot([point.samples] * len(point.read.values), point.read.values, ".", color=BLUE, alpha=0.5, ms=4)
    curve_axes(axes, samples)
    return _svg(figure)


def draw_curve(
    axes: Axes,
    samples: Sequence[int],
    low: Sequence[float],
    read: Sequence[float],
    high: Sequence[float],
    *,
    color: str,
    label: str | None = None,
) -> None:
    """Draw a learning curve and the band of its interval.

    Example:
        >>> figure, axes = new_figure(7.2, 3.8)
        >>> draw_curve(axes, [250, 1000], low=[0.1, 0.4], read=[0.2, 0.5], high=[0.3, 0.6], color=BLUE, label="vgg")
        >>> len(axes.lines), axes.lines[0].get_label()
        (1, 'vgg')
    """
    axes.fill_between(samples, low, high, color=color, alpha=0.15, lw=0)
    axes.plot(samples, read, color=color, marker="o", lw=2, label=label)


def curve_axes(axes: Axes, samples: Sequence[int]) -> None:
    """Scale the axes of a learning curve: log odds of a fraction over the logarithm of the number of samples.

    Example:
        >>> figure, axes = new_figure(7.2, 3.8)
        >>> curve_axes(axes, [250, 1000])
        >>> axes.get_xscale(), axes.get_yscale()
        ('log', 'logit')
    """
    axes.set_yscale("logit", nonpositive="clip")  # an interval may reach to nothing, or to everything
    axes.set_ylim(0.0005, 0.9995)
    axes.yaxis.set_major_locator(FixedLocator([0.001, *LEVELS, 0.999]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.set_ylabel("new images read right")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(samples))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("labelled images to learn from")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())


def reliability_diagram(calibration: Calibration) -> bytes:
    """Draw the fraction of right predictions over confidence, before and after temperature scaling.

    Example:
        >>> bins = (Bin(low=0.9, high=1.0, count=100, confidence=0.95, right=0.75),)
        >>> calibration = Calibration(bins, bins, error_before=0.2, error_after=0.2, temperatures=(1.5,))
        >>> b"<svg" in reliability_diagram(calibration)
        True
    """
    figure, axes = new_figure(4.2, 3.8)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
    for bins, color, words in ((calibration.before, RED, "as it is"), (calibration.after, BLUE, "temperature fitted")):
        _reliability(axes, bins, color, words)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence of a prediction", ylabel="fraction that is right")
    axes.legend(frameon=False, loc="upper left")
    return _svg(figure)


def character_bars(characters: Sequence[Character]) -> bytes:
    """Draw how often each character is misread, the worst first.

    Example:
        >>> from captcha_keras.audit.curve import Estimate
        >>> b"<svg" in character_bars([Character("0", Estimate(0.6, 0.4, 0.8, (0.6,)), "O", effect="none")])
        True
    """
    shown = [each for each in characters if each.read.value < 1][:36]
    figure, axes = new_figure(7.2, 2.8)
    places = range(len(shown))
    misread = [1 - each.read.value for each in shown]
    bounds = [
        [each.read.value - each.read.low for each in shown],
        [each.read.high - each.read.value for each in shown],
    ]
    # What is read right less often is misread more often: the bounds change sides.
    axes.bar(places, misread, color=BLUE, yerr=bounds[::-1] if shown else None, ecolor=GREY, capsize=2)
    axes.set_xticks(places, [each.character for each in shown], parse_math=False, family="monospace")
    axes.set_ylabel("misread")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.set_ylim(bottom=0)
    return _svg(figure)


def sweep_bars(sweep: Sweep) -> bytes:
    """Draw the fraction of images read with each change, and the range of the settings as they are.

    Example:
        >>> from captcha_keras.audit.curve import Estimate
        >>> change = Changed("curves", "4 curves instead of 1", Estimate(0.2, 0.1, 0.3, (0.2,)), "harder")
        >>> b"<svg" in sweep_bars(Sweep(16_000, Estimate(0.5, 0.4, 0.6, ()), changes=(change,)))
        True
    """
    figure, axes = new_figure(7.2, 0.9 + 0.34 * len(sweep.changes))
    places = range(len(sweep.changes))[::-1]
    axes.axvspan(sweep.unchanged.low, sweep.unchanged.high, color=GREY, alpha=0.25, lw=0)
    axes.axvline(sweep.unchanged.value, color=GREY, lw=1)
    for place, change in zip(places, sweep.changes, strict=True):
        _change(axes, place, change)
    axes.set_yticks(list(places), [change.name for change in sweep.changes])
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.set_xlabel("new images read right (band: the settings as they are)")
    return _svg(figure)


def _change(axes: Axes, place: int, change: Changed) -> None:
    read = change.read
    reach = [[read.value - read.low], [read.high - read.value]]
    axes.errorbar([read.value], [place], xerr=reach, fmt="o", color=EFFECTS[change.effect], capsize=2)


def _reliability(axes: Axes, bins: Sequence[Bin], color: str, words: str) -> None:
    most = max(each.count for each in bins)
    bins = [each for each in bins if each.count >= min(MIN_PREDICTIONS, most)]
    axes.plot([each.confidence for each in bins], [each.right for each in bins], color=color, lw=1, label=words)
    sizes = [8 + 60 * each.count / most for each in bins]
    axes.scatter(
        [each.confidence for each in bins], [each.right for each in bins], s=sizes, color=color, lw=0, alpha=0.7
    )


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Make a figure of this size in inches, with a light grid and no frame.

    Example:
        >>> figure, axes = new_figure(7.2, 3.8)
        >>> figure.get_size_inches().tolist()
        [7.2, 3.8]
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(color="#e3e5e8", lw=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "captcha-keras"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return buffer.getvalue()

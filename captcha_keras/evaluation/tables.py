"""Sets the figures of an evaluation in tables for a terminal; computes none."""

from __future__ import annotations

from collections.abc import Sequence

from captcha_keras.evaluation.comparison import NetworkResult
from captcha_keras.evaluation.confusion import Confusion
from captcha_keras.evaluation.figures import ATTEMPTS, Evaluation
from captcha_keras.evaluation.rates import Rate

NOTHING = "∅"  # "no character" in a table or picture


def table(evaluation: Evaluation) -> str:
    """The figures as lines for a terminal.

    Example:
        >>> import numpy as np
        >>> from captcha_keras.evaluation.figures import score
        >>> from captcha_keras.spec import CaptchaSpec
        >>> evaluation = score(np.array([[0, 1]]), np.array([[0, 0]]), CaptchaSpec("AB", 2, 2))
        >>> table(evaluation).splitlines()[1]
        'characters                    50.00 %   9.45 – 90.55 %               1/2'
    """
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
    if lengths and lengths.right.fraction < 1:
        lines += [
            "",
            f"images with a wrong number of characters: {lengths.too_few:,} too few, {lengths.too_many:,} too many, "
            f"{lengths.none:,} none read",
        ]
    if zero_o:
        lines += ["", f"{'0 against O':14}{'read 0':>9}{'read O':>9}{'other':>9}"]
        for truth in "0O":
            counts = (*(zero_o.table[truth][prediction] for prediction in "0O"), zero_o.other[truth])
            lines.append(f"  {'truth ' + truth:12}" + "".join(f"{count:9,}" for count in counts))
        lines.append(_fraction_line(zero_o.fraction_of_errors))
    if case:
        lines += ["", f"letters read in the other case: {_pairs(case.confusions) or 'none'}"]
        lines.append(_fraction_line(case.fraction_of_errors))
    if evaluation.confusions:
        lines += ["", f"most frequent confusions: {_pairs(evaluation.confusions)}"]
    if evaluation.seconds_per_image is not None:
        lines += ["", f"time per image: {1000 * evaluation.seconds_per_image:.2f} ms, in batches"]
    return "\n".join(lines)


def comparison_table(results: Sequence[NetworkResult]) -> str:
    """The figures of several networks as lines for a terminal, one a network.

    Example:
        >>> import numpy as np
        >>> from captcha_keras.evaluation.figures import score
        >>> from captcha_keras.spec import CaptchaSpec
        >>> evaluation = score(np.array([[0], [1]]), np.array([[0], [0]]), CaptchaSpec("AB", 1, 1))
        >>> result = NetworkResult("run", "vgg", "2 images", evaluation, 425_719, 50, 12.5, 900.0, 5_203_117)
        >>> comparison_table([result]).splitlines()[1].split()[:5]
        ['run', '50.00', '%', '50.00', '%']
    """
    lines = [
        f"{'':20}{'characters':>11}{'images':>9}   {'95 % interval':17}{'in 3':>8}{'0/O':>8}{'parameters':>13}"
        f"{'epochs':>8}{'minutes':>9}{'images/s':>10}{'MB':>8}"
    ]
    for each in results:
        figures = each.evaluation
        characters, images = figures.characters, figures.images
        zero_o = figures.zero_o.fraction_of_errors if figures.zero_o else None
        lines.append(
            f"{each.name:20}{100 * characters.fraction:9.2f} %{100 * images.fraction:7.2f} %   {_interval(images):17}"
            f"{100 * figures.within_three:6.2f} %{'-' if zero_o is None else f'{100 * zero_o:.0f} %':>8}"
            f"{each.parameters:13,}{each.epochs:8}{each.minutes:9.1f}{each.images_per_second:10,.0f}"
            f"{each.bytes_on_disk / 1e6:8.1f}"
        )
    return "\n".join(lines)


def _pairs(confusions: Sequence[Confusion]) -> str:
    return ", ".join(f"{c.truth or NOTHING}→{c.prediction or NOTHING} {c.count}" for c in confusions)


def _fraction_line(fraction: float | None) -> str:
    return f"  fraction of all character errors: {'no errors' if fraction is None else f'{100 * fraction:.1f} %'}"


def _interval(rate: Rate) -> str:
    return f"{100 * rate.low:.2f} – {100 * rate.high:.2f} %"


def _rate_line(name: str, rate: Rate) -> str:
    return f"{name:28}{100 * rate.fraction:7.2f} %   {_interval(rate):17}{f'{rate.right:,}/{rate.total:,}':>15}"

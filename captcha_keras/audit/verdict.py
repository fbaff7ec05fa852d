"""One sentence about a CAPTCHA, and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captcha_keras.audit.confidence import Sure
from captcha_keras.audit.curve import Crossing, Point
from captcha_keras.audit.people import PeoplesSide
from captcha_keras.audit.readings import BROKEN, Judgement
from captcha_keras.audit.sweep import Sweep


@dataclass(frozen=True)
class Verdict:
    """The judgement of an audit.

    Attributes:
        level: "broken" (some reader here reads 1 % of new images or more), "holds" (every one reads less), or
            "undecided".
        sentence: One sentence; it names the reader and its number of labels.
        reasons: Sentences.

    Example:
        >>> Verdict("holds", "Not broken by this audit.", reasons=()).level
        'holds'
    """

    level: str
    sentence: str
    reasons: tuple[str, ...]


def verdict(
    judged: Judgement,
    points: Sequence[Point],
    crossings: Sequence[Crossing],
    sure: Sure,
    people: PeoplesSide,
    sweep: Sweep | None,
    *,
    drawn: bool,
) -> Verdict:
    """Put in words how strong the CAPTCHA is.

    Args:
        judged: What the readings of all readers say.
        points: The learning curve.
        crossings: Where it reaches fractions, rising.
        sure: What is read with unsure predictions left out.
        people: The people's side.
        sweep: Changes of one setting, the hardest first; None if none was tried.
        drawn: Whether the images come from a library that anyone has.

    Example:
        >>> from captcha_keras.audit.curve import Estimate, crossing
        >>> from captcha_keras.audit.readings import Reading, judge
        >>> from captcha_keras.evaluation.rates import Rate
        >>> points = [Point(250, Estimate(0.5, 0.4, 0.6, (0.5,)), cpu_minutes=2.0)]
        >>> people = PeoplesSide((), images_with=0.0, fraction_of_errors=None, merged=0.5, faint=0.0)
        >>> sure, half = Sure(None, Rate.count(0, 100)), crossing(0.5, points)
        >>> judged = judge([Reading("a network", labels=250, right=500, total=1_000)])
        >>> verdict(judged, points, [half], sure, people, None, drawn=False).sentence
        'Broken: a network, trained on 250 labelled images, reads at least 47.4 % of new images.'
    """
    reasons = _reasons(judged, points, crossings, sure, people, drawn=drawn)
    return Verdict(judged.level, _sentence(judged), (*reasons, *([_changes(sweep)] if sweep else [])))


def percent(fraction: float) -> str:
    """A fraction for a sentence: more digits near 0 and 100 %.

    Example:
        >>> percent(0.5), percent(0.9987)
        ('50.0 %', '99.87 %')
    """
    digits = 1 if 0.01 <= fraction <= 0.99 else 2
    return f"{100 * fraction:.{digits}f} %"


def about(samples: float) -> str:
    """A number of samples in two digits: its interval is wider than that.

    Example:
        >>> about(1549)
        '1,500'
    """
    digits = max(0, len(str(round(samples))) - 2)
    return f"{round(round(samples) / 10**digits) * 10**digits:,}"


def _sentence(judged: Judgement) -> str:
    reading = judged.reading
    if judged.level == "broken":
        return f"Broken: {reading.words} reads at least {percent(judged.low)} of new images."
    if judged.level == "holds":
        return (
            f"Not broken by this audit: none of its {judged.readings} readings reaches 1 %; the best, {reading.words} "
            f"reads at most {percent(judged.high)} of new images. Another reader, or more training, may read more."
        )
    more = (
        f"about {about(judged.needed)} test images would decide, if it reads as many of them"
        if judged.needed
        else "more test images of this reader would not decide soon"
    )
    return (
        f"Undecided: {reading.words} reads between {percent(judged.low)} and {percent(judged.high)} of new images, and "
        f"a CAPTCHA counts as broken from 1 % on; {more}."
    )


def _changes(sweep: Sweep) -> str:
    """What the changes give; the interval of the best one allows for its having been chosen among them."""
    hardest = sweep.changes[0]
    begin = f"Of {len(sweep.changes)} changes of one setting, tried on {sweep.samples:,} labelled images,"
    if hardest.effect != "harder":
        return f"{begin} none makes it clearly harder."
    below = sum(change.read.high < BROKEN for change in sweep.changes)
    rest = f"{below} of them bring it below 1 %" if below else "none surely brings it below 1 %"
    return (
        f"{begin} the one that seems to help most ({hardest.words}) lowers what is read from "
        f"{percent(sweep.unchanged.value)} to between {percent(hardest.read.low)} and {percent(hardest.read.high)}; "
        f"{rest}."
    )


def _reasons(
    judged: Judgement,
    points: Sequence[Point],
    crossings: Sequence[Crossing],
    sure: Sure,
    people: PeoplesSide,
    *,
    drawn: bool,
) -> list[str]:
    reasons = []
    if judged.fewest is not None and judged.fewest.labels < judged.reading.labels:
        fewest = judged.fewest
        reasons.append(f"{fewest.words} reads {fewest.right:,} of {fewest.total:,} already.")
    half = next(crossing for crossing in crossings if crossing.fraction == 0.5)
    if half.samples is not None and not half.at_least:
        reasons.append(f"Half of the images are read from about {about(half.samples)} labelled ones on.")
    best = max(point.read.value for point in points)
    reasons.append(f"A program that may try three images passes with a chance of {percent(1 - (1 - best) ** 3)}.")
    capped, trainings = (sum(each) for each in zip(*((p.capped, len(p.read.values)) for p in points), strict=True))
    if capped:
        reasons.append(
            f"{capped} of {trainings} trainings were stopped at the cap before it was clear that more reads no more."
        )
    if sure.precision:
        reasons.append(
            f"For {percent(sure.answered.fraction)} of the images it can tell that it reads them right: "
            f"{percent(sure.precision.fraction)} of these predictions are."
        )
    if drawn:
        reasons.append(
            "Nobody has to label anything: whoever knows the library and its settings draws as many as needed."
        )
    if people.groups:
        reasons.append(
            f"{percent(people.images_with)} of the images hold a character that people mix up with another "
            f"({', '.join(people.groups)})."
        )
    return reasons

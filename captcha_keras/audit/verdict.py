"""One sentence about a CAPTCHA, and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captcha_keras.audit.confidence import Sure
from captcha_keras.audit.curve import Crossing, Estimate, Point
from captcha_keras.audit.people import PeoplesSide
from captcha_keras.audit.sweep import Sweep

# From this fraction of images on a scheme counts as broken: Bursztein, Martin and Mitchell (2011), section 2.
BROKEN = 0.01


@dataclass(frozen=True)
class Verdict:
    """The judgement of an audit.

    Attributes:
        level: "broken" (1 % of the images or more are read), "holds" (fewer are, within this budget), or "undecided"
            (the interval has room for both).
        sentence: One sentence.
        reasons: Sentences.

    Example:
        >>> Verdict("holds", "Not broken by this audit.", reasons=()).level
        'holds'
    """

    level: str
    sentence: str
    reasons: tuple[str, ...]


def verdict(
    points: Sequence[Point],
    crossings: Sequence[Crossing],
    sure: Sure,
    people: PeoplesSide,
    sweep: Sweep | None,
    *,
    drawn: bool,
) -> Verdict:
    """Judge how strong the CAPTCHA is.

    Args:
        points: The learning curve.
        crossings: Where it reaches fractions, rising.
        sure: What is read with unsure predictions left out.
        people: The people's side.
        sweep: Changes of one setting, the hardest first; None if none was tried.
        drawn: Whether the images come from a library that anyone has.

    Returns:
        The verdict; the point with the most images read decides, whatever its number of samples.

    Example:
        >>> from captcha_keras.audit.curve import crossing
        >>> from captcha_keras.evaluation.rates import Rate
        >>> points = [Point(250, Estimate(0.5, 0.4, 0.6, (0.45, 0.55)), cpu_minutes=2.0)]
        >>> people = PeoplesSide((), images_with=0.0, fraction_of_errors=None, merged=0.5, faint=0.0)
        >>> sure, half = Sure(None, Rate.count(0, 100)), crossing(0.5, points, None)
        >>> verdict(points, [half], sure, people, None, drawn=False).sentence
        'Broken: after 250 labelled images and 2 minutes of one core a small network reads 50.0 % of new images.'
    """
    best = max(points, key=lambda point: point.read.value)
    level = _level(best.read)
    effort = f"{best.samples:,} labelled images and {_minutes(best.cpu_minutes)} of one core"
    read = f"{percent(best.read.value)} of new images"
    sentence = {
        "broken": f"Broken: after {effort} a small network reads {read}.",
        "holds": f"Not broken by this audit: after {effort} a small network reads {read}. A larger one, or more "
        "training, may read more.",
        "undecided": f"Undecided: after {effort} a small network reads {read}, and the interval reaches across the 1 % "
        "from which on a CAPTCHA counts as broken.",
    }[level]
    reasons = _reasons(points, crossings, sure, people, drawn=drawn)
    return Verdict(level, sentence, (*reasons, *([_changes(sweep)] if sweep else [])))


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


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes >= 1.5 else "about a minute"


def _changes(sweep: Sweep) -> str:
    hardest = sweep.changes[0]
    begin = f"Of {len(sweep.changes)} changes of one setting, tried on {sweep.samples:,} labelled images,"
    if hardest.effect != "harder":
        return f"{begin} none makes it clearly harder."
    below = sum(change.rate.high < BROKEN for change in sweep.changes)
    rest = f"{below} of them bring it below 1 %" if below else "none brings it below 1 %"
    return (
        f"{begin} the one that helps most ({hardest.words}) lowers what is read from "
        f"{percent(sweep.unchanged.value)} to {percent(hardest.rate.fraction)}; {rest}."
    )


def _level(read: Estimate) -> str:
    if read.low >= BROKEN:
        return "broken"
    return "holds" if read.high < BROKEN else "undecided"


def _reasons(
    points: Sequence[Point], crossings: Sequence[Crossing], sure: Sure, people: PeoplesSide, *, drawn: bool
) -> list[str]:
    first, best = points[0], max(points, key=lambda point: point.read.value)
    reasons = [f"{first.samples:,} labelled images are enough for {percent(first.read.value)} of the images."]
    half = next(crossing for crossing in crossings if crossing.fraction == 0.5)
    if half.samples is not None and not half.at_least:
        reasons.append(f"Half of the images are read from about {about(half.samples)} labelled ones on.")
    reasons.append(
        f"A program that may try three images passes with a chance of {percent(1 - (1 - best.read.value) ** 3)}."
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

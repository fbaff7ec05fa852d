"""Everything that an audit found, as data: `audit.json`."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.confidence import Calibration, Sure, calibration, sure_predictions
from captcha_keras.audit.curve import (
    LEVELS,
    Crossing,
    Estimate,
    Point,
    crossing,
    fraction_estimate,
    single_interval,
    time_estimate,
)
from captcha_keras.audit.people import PeoplesSide, peoples_side
from captcha_keras.audit.slices import Character, Slice, characters, slices
from captcha_keras.audit.subject import Drawn, Subject
from captcha_keras.audit.sweep import Changed, Sweep, changes
from captcha_keras.audit.trial import Result
from captcha_keras.audit.verdict import Verdict, verdict
from captcha_keras.audit.zero_labels import ZeroLabelPoint
from captcha_keras.evaluation.confusion import Confusion
from captcha_keras.evaluation.figures import score
from captcha_keras.evaluation.rates import Rate

ATTEMPTS = (1, 2, 3, 5, 10)
EXAMPLES = 10


@dataclass(frozen=True)
class Findings:
    """Everything that an audit found.

    Attributes:
        subject: What was audited.
        budget: What it could cost.
        trainings: How many trainings it took.
        cpu_minutes: Their processor time together.
        points: The learning curve.
        crossings: Where it reaches 1, 10, 50, 90 and 99 %.
        details_at: Samples of the trainings that the following figures are from, all repetitions together.
        attempts: Chance that at least one of so many attempts is right.
        calibration: Of the confidences.
        sure: With unsure predictions left out.
        characters: How each character is read, the worst first.
        confusions: The most frequent misreadings.
        slices: Accuracy by properties of the images.
        people: The people's side.
        sweep: Changes of one setting; None if none was tried.
        examples: Text and prediction of the first test images of the first of these trainings.
        verdict: The judgement.
        zero_labels: What readers read that need no label, the best first.

    Example:
        >>> from captcha_keras.audit.trial import Check
        >>> from captcha_keras.spec import CaptchaSpec
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> subject, budget = Drawn(CaptchaSpec("0X", 2, 2)), Budget((250,), repetitions=1, images=320)
        >>> found = findings(subject, budget, [result])
        >>> found.trainings, found.cpu_minutes, found.examples
        (1, 1.0, (('0X', '0X'), ('XX', 'X0')))
    """

    subject: dict[str, Any]
    budget: dict[str, Any]
    trainings: int
    cpu_minutes: float
    points: tuple[Point, ...]
    crossings: tuple[Crossing, ...]
    details_at: int
    attempts: dict[int, float]
    calibration: Calibration
    sure: Sure
    characters: tuple[Character, ...]
    confusions: tuple[Confusion, ...]
    slices: tuple[Slice, ...]
    people: PeoplesSide
    sweep: Sweep | None
    examples: tuple[tuple[str, str], ...]
    verdict: Verdict
    zero_labels: tuple[ZeroLabelPoint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The findings as a JSON object."""
        return dataclasses.asdict(self)


def findings(
    subject: Subject, budget: Budget, results: Sequence[Result], zero_labels: tuple[ZeroLabelPoint, ...] = ()
) -> Findings:
    """Compute everything that an audit reports from the results of its trials, and of readers that need no label.

    Example:
        >>> from captcha_keras.audit.trial import Check
        >>> from captcha_keras.spec import CaptchaSpec
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> subject, budget = Drawn(CaptchaSpec("0X", 2, 2)), Budget((250,), repetitions=1, images=320)
        >>> findings(subject, budget, [result]).points[0].read.value
        0.5
    """
    plain = [result for result in results if not result.change]
    by_samples: dict[int, list[Result]] = defaultdict(list)
    for result in sorted(plain, key=lambda each: each.samples):
        by_samples[result.samples].append(result)
    points = tuple(_point(samples, done) for samples, done in by_samples.items())
    most = points[-1].samples
    best = by_samples[most]
    spec = subject.spec
    labels = spec.encode_all(text for result in best for text in result.texts)
    predictions = np.concatenate([_predicted_class_ids(result, subject) for result in best])
    evaluation = score(predictions, labels, spec)
    contrast = np.concatenate([result.properties["contrast"] for result in best])
    crossings = tuple(crossing(fraction, points, _time_to(fraction, by_samples)) for fraction in LEVELS)
    sure, people = sure_predictions(best), peoples_side(predictions, labels, contrast, spec)
    sweep = _sweep(subject, budget, results)
    attempts = {count: 1 - (1 - points[-1].read.value) ** count for count in ATTEMPTS}
    return Findings(
        subject=subject.description(),
        budget=dataclasses.asdict(budget),
        trainings=len(results),
        cpu_minutes=sum(result.cpu_seconds for result in results) / 60,
        points=points,
        crossings=crossings,
        details_at=most,
        attempts=attempts,
        calibration=calibration(best),
        sure=sure,
        characters=tuple(characters(np.array(evaluation.confusion_matrix), spec.classes)),
        confusions=evaluation.confusions,
        slices=tuple(slices(best, _font_names(subject))),
        people=people,
        sweep=sweep,
        examples=tuple(zip(best[0].texts, best[0].predictions, strict=True))[:EXAMPLES],
        verdict=verdict(points, crossings, sure, people, sweep, drawn=isinstance(subject, Drawn)),
        zero_labels=zero_labels,
    )


def _point(samples: int, done: Sequence[Result]) -> Point:
    minutes = [result.cpu_seconds / 60 for result in done]
    return Point(samples, fraction_estimate([Rate.of(result.right) for result in done]), sum(minutes) / len(minutes))


def _predicted_class_ids(result: Result, subject: Subject) -> NDArray[np.int64]:
    """The class ids of the predictions; one may be shorter than any text, its rest is "no character"."""
    spec = subject.spec
    class_ids = {name: class_id for class_id, name in enumerate(spec.classes)}
    filler = len(spec.alphabet)
    rows = [[class_ids[character] for character in prediction] for prediction in result.predictions]
    return np.array([row + [filler] * (spec.max_length - len(row)) for row in rows], np.int64)


def _time_to(fraction: float, by_samples: dict[int, list[Result]]) -> Estimate | None:
    """The shortest training, over the numbers of samples, of which every repetition came to read so much."""
    found = []
    for done in by_samples.values():
        times = [
            next((check.cpu_seconds / 60 for check in result.checks if check.read >= fraction), None) for result in done
        ]
        reached = [time for time in times if time is not None]
        if len(reached) == len(times):
            found.append(time_estimate(reached))
    return min(found, key=lambda each: each.value, default=None)


def _sweep(subject: Subject, budget: Budget, results: Sequence[Result]) -> Sweep | None:
    changed = {result.change: result for result in results if result.change}
    if budget.sweep is None or not isinstance(subject, Drawn) or not changed:
        return None
    rates = [Rate.of(each.right) for each in results if not each.change and each.samples == budget.sweep]
    low, high = single_interval(rates)
    rows = []
    for change in changes(subject):
        rate = Rate.of(changed[change.name].right)
        effect = "harder" if rate.fraction < low else "easier" if rate.fraction > high else "none"
        rows.append(Changed(change.name, change.words, rate, effect))
    rows.sort(key=lambda row: row.rate.fraction)
    return Sweep(budget.sweep, fraction_estimate(rates), low, high, tuple(rows))


def _font_names(subject: Subject) -> list[str]:
    return [Path(font).stem for font in subject.style.fonts] if isinstance(subject, Drawn) else []

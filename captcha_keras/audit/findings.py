"""Everything that an audit found, as data: `audit.json`."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.confidence import Calibration, Sure, calibration, sure_predictions
from captcha_keras.audit.curve import LEVELS, Crossing, Point, Spread, crossing
from captcha_keras.audit.people import PeoplesSide, peoples_side
from captcha_keras.audit.readings import Judgement, Reading, judge
from captcha_keras.audit.slices import Character, Slice, characters, slices
from captcha_keras.audit.subject import Drawn, Subject
from captcha_keras.audit.sweep import Changed, Sweep, changes, effect
from captcha_keras.audit.trial import Result, reader_name
from captcha_keras.audit.verdict import Verdict, verdict
from captcha_keras.audit.zero_labels import ZeroLabelPoint
from captcha_keras.evaluation.confusion import Confusion
from captcha_keras.evaluation.figures import score
from captcha_keras.evaluation.rates import Rate
from captcha_keras.training.confusion import confusion_matrix

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
        readings: What every reader read: first those that need no label, then each trained network.
        judgement: What follows from all of them together.
        points: The learning curve.
        crossings: Where it reaches 1, 10, 50, 90 and 99 %.
        details_at: Samples of the trainings that the following figures are from: those that read most.
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
    readings: tuple[Reading, ...]
    judgement: Judgement
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

    Args:
        subject: What was audited.
        budget: What it could cost.
        results: The results of all trials.
        zero_labels: What readers read that need no label.

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
    rates = {samples: [Rate.of(result.right) for result in done] for samples, done in by_samples.items()}
    spread = Spread.of(list(rates.values()))
    points = tuple(_point(samples, done, rates[samples], spread) for samples, done in by_samples.items())
    reads_most = max(points, key=lambda point: point.read.value)
    best = by_samples[reads_most.samples]
    spec = subject.spec
    per_training = [(_predicted_class_ids(result, subject), spec.encode_all(result.texts)) for result in best]
    predictions, labels = (np.concatenate(parts) for parts in zip(*per_training, strict=True))
    matrices = [confusion_matrix(*pair, spec) for pair in per_training]
    contrast = np.concatenate([result.properties["contrast"] for result in best])
    crossings = tuple(crossing(fraction, points) for fraction in LEVELS)
    unlearned = [point.reading for point in zero_labels if point.reading is not None]
    name = reader_name(budget)
    trained = [Reading(name, size, rate.right, rate.total) for size, found in rates.items() for rate in found]
    judged = judge(every := (*unlearned, *trained))
    sure, people = sure_predictions(best), peoples_side(predictions, labels, contrast, spec)
    sweep = _sweep(subject, budget, results, rates, spread)
    attempts = {count: 1 - (1 - reads_most.read.value) ** count for count in ATTEMPTS}
    return Findings(
        subject=subject.description(),
        budget=dataclasses.asdict(budget),
        trainings=len(results),
        cpu_minutes=sum(result.cpu_seconds for result in results) / 60,
        readings=every,
        judgement=judged,
        points=points,
        crossings=crossings,
        details_at=reads_most.samples,
        attempts=attempts,
        calibration=calibration(best),
        sure=sure,
        characters=tuple(characters(matrices, spec.classes)),
        confusions=score(predictions, labels, spec).confusions,
        slices=tuple(slices(best, _font_names(subject))),
        people=people,
        sweep=sweep,
        examples=tuple(zip(best[0].texts, best[0].predictions, strict=True))[:EXAMPLES],
        verdict=verdict(judged, points, crossings, sure, people, sweep, drawn=isinstance(subject, Drawn)),
        zero_labels=zero_labels,
    )


def _point(samples: int, done: Sequence[Result], rates: Sequence[Rate], spread: Spread) -> Point:
    minutes = sum(result.cpu_seconds for result in done) / 60 / len(done)
    return Point(samples, spread.estimate(rates), minutes, capped=sum(not result.converged for result in done))


def _predicted_class_ids(result: Result, subject: Subject) -> NDArray[np.int64]:
    """The class ids of the predictions; one may be shorter than any text, its rest is "no character"."""
    spec = subject.spec
    class_ids = {name: class_id for class_id, name in enumerate(spec.classes)}
    filler = len(spec.alphabet)
    rows = [[class_ids[character] for character in prediction] for prediction in result.predictions]
    return np.array([row + [filler] * (spec.max_length - len(row)) for row in rows], np.int64)


def _sweep(
    subject: Subject,
    budget: Budget,
    results: Sequence[Result],
    unchanged: Mapping[int, Sequence[Rate]],
    spread: Spread,
) -> Sweep | None:
    changed = {result.change: Rate.of(result.right) for result in results if result.change}
    if budget.sweep is None or not isinstance(subject, Drawn) or not changed:
        return None
    as_it_is = spread.estimate(unchanged[budget.sweep], len(changed))
    rows = [
        Changed(
            change.name,
            change.words,
            read := spread.estimate([changed[change.name]], len(changed)),
            effect(read, as_it_is),
        )
        for change in changes(subject)
    ]
    rows.sort(key=lambda row: row.read.value)
    return Sweep(budget.sweep, as_it_is, tuple(rows))


def _font_names(subject: Subject) -> list[str]:
    return [Path(font).stem for font in subject.style.fonts] if isinstance(subject, Drawn) else []

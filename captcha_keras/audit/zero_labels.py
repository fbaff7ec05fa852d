"""The first points of an audit: what is read without one label."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.readers.apart import READING_SECONDS, Answers, read_apart
from captcha_keras.audit.readings import Reading
from captcha_keras.audit.subject import Subject
from captcha_keras.evaluation.rates import Rate
from captcha_keras.files import write_json

# At most so many test images: enough to tell 0 % from 1 %.
IMAGES = 1_000
FILE = "zero_labels.json"
KNOWN = {True: "alphabet and length known", False: "nothing known"}


@dataclass(frozen=True)
class ZeroLabelPoint:
    """What a reader reads that has seen no labelled image of the audited kind.

    Attributes:
        reader: Its name.
        limited: Whether it was told the alphabet and the length.
        right: Images that it read right.
        total: Images that it read; fewer than the others where it was slow.
        failure: What went wrong, in one line; None if nothing did.
        labels: Labelled images that it has seen: 0.

    Example:
        >>> point = ZeroLabelPoint("any", limited=True, right=30, total=40)
        >>> point.read.fraction, point.labels, ZeroLabelPoint("any", True, 0, 0, failure="crashed").read
        (0.75, 0, None)
    """

    reader: str
    limited: bool
    right: int
    total: int
    failure: str | None = None
    labels: int = 0

    @property
    def read(self) -> Rate | None:
        """The fraction of images that it read right; None if it failed."""
        return None if self.failure else Rate.count(self.right, self.total)

    @property
    def reading(self) -> Reading | None:
        """The point as one that the verdict counts; None if it failed."""
        name = f"{self.reader} ({KNOWN[self.limited]})"
        return None if self.failure else Reading(name, self.labels, self.right, self.total)


def zero_label_points(
    subject: Subject,
    budget: Budget,
    folder: Path,
    readers: Sequence[EntryPoint],
    *,
    reading_seconds: float = READING_SECONDS,
    progress: Callable[[int, int], Callable[[int], None]] | None = None,
) -> tuple[ZeroLabelPoint, ...]:
    """Let readers read the first test images of an audit, twice each: limited to alphabet and length, and not.

    Args:
        subject: What is audited.
        budget: How many test images there are.
        folder: Where the points are kept; a reader that has some there does not read again, unless it failed.
        readers: Where the readers are. One that is not installed is left out; one that fails is a point that says so.
        reading_seconds: How long each may read. What it has read until then counts.
        progress: Called with 0 and the number of images that all of them read together; returns what is called with
            those read.

    Returns:
        The points, those that read most first and those that failed last.

    Example:
        >>> from captcha_keras.audit.subject import Drawn
        >>> reader = EntryPoint("broken", "captcha_keras.audit.readers.reader:none", "captcha_keras.readers")
        >>> points = zero_label_points(Drawn(), Budget((250,), 1, 320, test=2), Path(), [reader])
        >>> [(point.reader, point.limited, point.total, point.failure[:14]) for point in points]
        [('broken', True, 0, 'AttributeError'), ('broken', False, 0, 'AttributeError')]
    """
    file = folder / FILE
    kept = [ZeroLabelPoint(**each) for each in json.loads(file.read_text("utf-8"))["points"]] if file.exists() else []
    points = [point for point in kept if point.failure is None]
    waiting = [reader for reader in readers if reader.name not in {point.reader for point in points}]
    if waiting:
        spec = subject.spec
        tested = subject.tested(min(IMAGES, budget.test), budget)
        texts, total = spec.decode_all(tested.labels), len(tested.images)
        limits = {True: (spec.alphabet, (spec.min_length, spec.max_length)), False: (None, None)}
        show = progress(0, total * len(waiting)) if progress else None
        for number, reader in enumerate(waiting):
            answers = read_apart(
                reader,
                list(tested.images),
                list(limits.values()),
                reading_seconds=reading_seconds,
                read=partial(_count, show, number * total),
            )
            points += [
                _point(reader.name, limited, found, texts)
                for limited, found in zip(limits, answers or (), strict=False)
            ]
            write_json(file, {"points": [dataclasses.asdict(point) for point in points]})
            _count(show, number * total, total)
    return tuple(sorted(points, key=lambda point: -1 if point.read is None else point.read.fraction, reverse=True))


def _point(name: str, limited: bool, found: Answers, texts: Sequence[str]) -> ZeroLabelPoint:
    if found.failure:
        return ZeroLabelPoint(name, limited, 0, 0, found.failure)
    right = sum(text == read for text, read in zip(texts, found.texts, strict=False))
    return ZeroLabelPoint(name, limited, right, len(found.texts))


def _count(show: Callable[[int], None] | None, before: int, read: int) -> None:
    if show is not None:
        show(before + read)

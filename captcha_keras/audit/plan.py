"""Which trainings an audit is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from captcha_keras.audit.subject import Subject
from captcha_keras.audit.sweep import Change

# Of labelled images, besides those of a size: what else a folder's images may be used for.
MORE = 1.5


@dataclass(frozen=True)
class Budget:
    """What an audit may cost.

    Attributes:
        samples: Rising numbers of labelled images to train on.
        repetitions: Trainings at each number, each with other images and another seed.
        images: Images that a training sees, repeated and distorted ones included.
        validation: Images for calibration, and for the time to a share.
        test: Images that a training is measured on.
        sweep: At how many samples changes of one setting are tried; None for no sweep.
    """

    samples: tuple[int, ...]
    repetitions: int
    images: int
    validation: int = 2_000
    test: int = 3_000
    sweep: int | None = None


EVERY = (250, 1_000, 4_000, 16_000, 64_000)
BUDGETS = {
    "small": Budget((1_000, 4_000, 16_000), repetitions=2, images=32_000, validation=1_000, test=2_000),
    "standard": Budget(EVERY, repetitions=3, images=64_000, sweep=16_000),
    "full": Budget(EVERY, repetitions=3, images=256_000, sweep=16_000),
}


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        subject: Where its images come from.
        samples: Labelled images that it learns from.
        repetition: Number of the repetition, from 0.
        budget: What it may cost.
        change: The setting that differs from the audited ones; empty for none.
    """

    subject: Subject
    samples: int
    repetition: int
    budget: Budget
    change: str = ""

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.change or 'as-it-is'}-{self.samples}-{self.repetition}"


def sizes(subject: Subject, budget: Budget) -> tuple[int, ...]:
    """The numbers of samples that the subject has images for; of a folder also all of its images."""
    most = subject.most_samples(budget)
    fitting = tuple(number for number in budget.samples if number <= most)
    if most < budget.samples[-1] and most >= MORE * max(fitting, default=1):
        return (*fitting, most)
    return fitting


def trials(subject: Subject, budget: Budget, samples: int) -> list[Trial]:
    """The repetitions at a number of samples."""
    return [Trial(subject, samples, number, budget) for number in range(budget.repetitions)]


def sweep_trials(changes: Sequence[Change], budget: Budget) -> list[Trial]:
    """One training for each change."""
    if budget.sweep is None:
        return []
    return [Trial(change.subject, budget.sweep, 0, budget, change.name) for change in changes]

"""Which trainings an audit is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.subject import Subject
from captcha_keras.audit.sweep import Change

# Of labelled images, besides those of a size: what else a folder's images may be used for.
MORE = 1.5


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        subject: Where its images come from.
        samples: Labelled images that it learns from.
        repetition: Number of the repetition, from 0.
        budget: What it may cost.
        change: The setting that differs from the audited ones; empty for none.

    Example:
        >>> from captcha_keras.audit.budget import BUDGETS
        >>> from captcha_keras.audit.subject import Drawn
        >>> Trial(Drawn(), 250, 0, BUDGETS["standard"]).name
        'as-it-is-250-0'
    """

    subject: Subject
    samples: int
    repetition: int
    budget: Budget
    change: str = ""

    @property
    def seed(self) -> int:
        """Seed of its first weights and of the order of its images: another for each audit, size and repetition."""
        mixed = np.random.SeedSequence((self.subject.seed, self.samples, self.repetition))
        return int(mixed.generate_state(1)[0])

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.change or 'as-it-is'}-{self.samples}-{self.repetition}"


def sizes(subject: Subject, budget: Budget) -> tuple[int, ...]:
    """The numbers of samples that the subject has images for; of a folder also all of its images.

    Example:
        >>> from captcha_keras.audit.budget import BUDGETS
        >>> from captcha_keras.audit.subject import Drawn
        >>> sizes(Drawn(), BUDGETS["small"])
        (1000, 4000, 16000)
    """
    most = subject.max_samples(budget)
    fitting = tuple(number for number in budget.samples if number <= most)
    if most < budget.samples[-1] and most >= MORE * max(fitting, default=1):
        return (*fitting, most)
    return fitting


def trials(subject: Subject, budget: Budget, samples: int) -> list[Trial]:
    """The repetitions at a number of samples.

    Example:
        >>> from captcha_keras.audit.budget import BUDGETS
        >>> from captcha_keras.audit.subject import Drawn
        >>> [trial.repetition for trial in trials(Drawn(), BUDGETS["small"], 1000)]
        [0, 1]
    """
    return [Trial(subject, samples, number, budget) for number in range(budget.repetitions)]


def sweep_trials(changes: Sequence[Change], budget: Budget) -> list[Trial]:
    """One training for each change; none if the budget has no sweep.

    Example:
        >>> from captcha_keras.audit.budget import BUDGETS
        >>> from captcha_keras.audit.subject import Drawn
        >>> from captcha_keras.audit.sweep import changes
        >>> sweep_trials(changes(Drawn()), BUDGETS["standard"])[0].name
        'longer-16000-0'
    """
    if budget.sweep is None:
        return []
    return [Trial(change.subject, budget.sweep, 0, budget, change.name) for change in changes]

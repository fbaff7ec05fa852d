"""What an audit may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """What an audit may cost.

    Attributes:
        samples: Rising numbers of labelled images to train on.
        repetitions: Trainings at each number, each with other images and another seed.
        images: Most images that a training sees, repeated and distorted ones included: the cap.
        validation: Images for calibration, and for the time to a fraction.
        test: Images that a training is measured on.
        sweep: At how many samples changes of one setting are tried; None for no sweep.
        start: The pretrained model that trainings start from; None for random weights.

    Example:
        >>> BUDGETS["small"].samples
        (1000, 4000, 16000)
    """

    samples: tuple[int, ...]
    repetitions: int
    images: int
    validation: int = 2_000
    test: int = 3_000
    sweep: int | None = None
    start: str | None = None


SAMPLES = (250, 1_000, 4_000, 16_000, 64_000)
BUDGETS = {
    "small": Budget((1_000, 4_000, 16_000), repetitions=2, images=32_000, validation=1_000, test=2_000),
    "standard": Budget(SAMPLES, repetitions=3, images=64_000, sweep=16_000),
    "full": Budget(SAMPLES, repetitions=3, images=256_000, sweep=16_000),
}

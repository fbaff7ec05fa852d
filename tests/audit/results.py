"""Results of trials that never ran: texts read right with a given chance."""

from __future__ import annotations

import numpy as np

from captcha_keras.audit.plan import Trial
from captcha_keras.audit.trial import Check, Result


def made_up(trial: Trial, fraction: float, seed: int = 0) -> Result:
    """A result in which about `fraction` of the images are right; wrong ones have their first character misread."""
    spec, count = trial.subject.spec, trial.budget.test
    random = np.random.default_rng((seed, trial.samples, trial.repetition))
    texts = ["".join(random.choice(list(spec.alphabet), spec.max_length)) for _ in range(count)]
    right = random.random(count) < fraction
    other = {character: spec.alphabet[place - 1] for place, character in enumerate(spec.alphabet)}
    predictions = [text if good else other[text[0]] + text[1:] for text, good in zip(texts, right, strict=True)]
    confidence = np.where(right, 0.9, 0.3)
    checks = tuple(Check(trial.budget.images * part // 4, 10.0 * part, fraction * part / 4) for part in (1, 2, 3, 4))
    return Result(
        samples=trial.samples,
        repetition=trial.repetition,
        change=trial.change,
        checks=checks,
        temperature=1.5,
        threshold=0.5 if fraction > 0 else None,
        texts=tuple(texts),
        predictions=tuple(predictions),
        confidence=tuple(confidence.tolist()),
        scaled_confidence=tuple(confidence.tolist()),
        properties={"contrast": tuple(np.where(right, 6.0, 2.0).tolist()), "squeeze": (1.0,) * count},
        fonts=((0,) * spec.max_length,) * count,
        converged=True,
    )

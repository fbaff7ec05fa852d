"""How often is the audit's verdict wrong, and do its intervals hold what they promise? Simulated audits tell.

python -m benchmarks.audit_simulation                 minutes, on one core

Readers with known rates read made-up images; verdict, intervals and effects are those of `captcha_keras.audit` itself.
Two readers have no labels, and then each training of a budget is one. Three scenes: every reader has the rate; one
training has it and the others a tenth; trainings differ by their images and seeds, and each size has half the odds of
the next. A CAPTCHA is broken if some reader's own rate is at least 1 %.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.measure import environment, write_results
from captcha_keras.audit.budget import BUDGETS, Budget
from captcha_keras.audit.curve import Estimate, Spread
from captcha_keras.audit.readings import BROKEN, Reading, bounds, judge
from captcha_keras.audit.sweep import effect
from captcha_keras.evaluation.rates import Rate

RATES = (0.002, 0.009, 0.011, 0.05, 0.5)
SCENES = ("all alike", "one alone", "trainings differ")
WITHOUT_LABELS = 2
CHANGES = 10
# Standard deviation of trainings on the scale of log odds; that of the documented audits is 0.1 to 0.3.
DEVIATION = 0.3


@dataclass(frozen=True)
class Row:
    """What simulated audits of one kind gave, as fractions of the audits unless said otherwise.

    Attributes:
        budget: Name of the budget.
        scene: One of `SCENES`.
        rate: The known rate.
        audits: How many were simulated.
        broken: With this verdict.
        holds: With this verdict.
        undecided: With this verdict.
        wrong_broken: "Broken" although every reader reads less than 1 %.
        wrong_holds: "Holds" although some reader reads at least 1 %.
        reading: Of the readings: those whose own interval holds their rate.
        lower: With all the lower bounds of the verdict at or below the rates of their readers.
        training: Of the sizes: those whose interval holds what one more training reads.
        effects: Where some of ten changes without effect was called harder or easier.
    """

    budget: str
    scene: str
    rate: float
    audits: int
    broken: float
    holds: float
    undecided: float
    wrong_broken: float
    wrong_holds: float
    reading: float
    lower: float
    training: float
    effects: float


def simulate(name: str, budget: Budget, scene: str, rate: float, audits: int, seed: int = 0) -> Row:
    """Simulate audits of one kind."""
    random = np.random.default_rng((seed, SCENES.index(scene), int(rate * 1e6), budget.test))
    counts: Counter[str] = Counter()
    for _ in range(audits):
        counts.update(_audit(budget, scene, rate, random))
    share = {key: counts[key] / audits for key in counts}
    return Row(
        budget=name,
        scene=scene,
        rate=rate,
        audits=audits,
        broken=share.get("broken", 0),
        holds=share.get("holds", 0),
        undecided=share.get("undecided", 0),
        wrong_broken=share.get("wrong broken", 0),
        wrong_holds=share.get("wrong holds", 0),
        reading=counts["reading"] / counts["readings"],
        lower=share.get("lower", 0),
        training=share.get("training", 0) / len(budget.samples),
        effects=share.get("effects", 0),
    )


def _audit(budget: Budget, scene: str, rate: float, random: np.random.Generator) -> Counter[str]:
    """Simulate one audit: its verdict, whether that is wrong, and how much each kind of interval holds."""
    # One repetition more than the budget has: the training that comes after the audit.
    trainings, unlabelled = _true_rates(budget, scene, rate, random)
    images = budget.test
    read = random.binomial(images, trainings)
    known, others = read[:, :-1], random.binomial(images, unlabelled)
    readings = [Reading("OCR", 0, int(right), images) for right in others]
    for samples, rights in zip(budget.samples, known, strict=True):
        readings += [Reading("network", samples, int(right), images) for right in rights]
    truth = np.concatenate([unlabelled, trainings[:, :-1].ravel()])
    level, broken = judge(readings).level, bool((truth >= BROKEN).any())
    found = Counter({level: 1, "readings": len(readings)})
    found[f"wrong {level}"] += (level == "broken") > broken or (level == "holds" and broken)
    low, high = bounds(readings, comparisons=2)
    found["reading"] += int(((low <= truth) & (truth <= high)).sum())
    found["lower"] += bool((bounds(readings, len(readings))[0] <= truth).all())
    groups = [[Rate.count(int(right), images) for right in rights] for rights in known]
    spread = Spread.of(groups)
    for rates, more in zip(groups, read[:, -1], strict=True):
        estimate = spread.estimate(rates)
        found["training"] += bool(estimate.low <= more / images <= estimate.high)
    unchanged = spread.estimate(groups[-1], CHANGES)
    changed = random.binomial(images, _alike(scene, trainings[-1, -1] if scene == "one alone" else rate, random))
    changes = (Estimate(right / images, 0, 1, ()) for right in changed)
    found["effects"] += any(effect(each, unchanged) != "none" for each in changes)
    return found


def _true_rates(
    budget: Budget, scene: str, rate: float, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rates of the trainings `(sizes, repetitions + 1)` and of the readers without labels."""
    shape = (len(budget.samples), budget.repetitions + 1)
    if scene == "trainings differ":
        halvings = np.arange(len(budget.samples))[::-1, np.newaxis] * np.log(0.5)
        return expit(logit(rate) + halvings + random.normal(0, DEVIATION, shape)), np.full(WITHOUT_LABELS, rate / 10)
    trainings, unlabelled = np.full(shape, rate), np.full(WITHOUT_LABELS, rate)
    if scene == "one alone":
        trainings, unlabelled = trainings / 10, unlabelled / 10
        trainings[0, 0] = rate
    return trainings, unlabelled


def _alike(scene: str, rate: float, random: np.random.Generator) -> NDArray[np.float64]:
    """The rates of one training for each change, none of which has an effect."""
    deviation = DEVIATION if scene == "trainings differ" else 0
    return np.asarray(expit(logit(rate) + random.normal(0, deviation, CHANGES)))


def lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rows as a Markdown table."""
    yield (
        "| budget | readers | known rate | broken | holds | undecided | wrong broken | wrong holds "
        "| a reading's interval | all lower bounds | one more training | a false effect among ten |"
    )
    yield "|---" * 12 + "|"
    for row in rows:
        shares = (
            "broken",
            "holds",
            "undecided",
            "wrong_broken",
            "wrong_holds",
            "reading",
            "lower",
            "training",
            "effects",
        )
        cells = (row["budget"], row["scene"], f"{row['rate']:.1%}", *(f"{row[name]:.1%}" for name in shares))
        yield f"| {' | '.join(cells)} |".replace("%", " %")


def main() -> None:
    """Simulate, print the table, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audits", type=int, default=1_000, metavar="N", help="of each kind (%(default)s)")
    parser.add_argument("--budget", choices=BUDGETS, default="standard", help="whose trainings (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    given = parser.parse_args()
    rows = [
        asdict(simulate(given.budget, BUDGETS[given.budget], scene, rate, given.audits, given.seed))
        for scene in SCENES
        for rate in RATES
    ]
    print("\n".join(lines(rows)))
    record = {**environment(["scipy", "numpy"]), "seed": given.seed, "deviation": DEVIATION, "rows": rows}
    write_results("audit_simulation", record)


if __name__ == "__main__":
    main()

from __future__ import annotations

import pytest

from captcha_keras.audit.confidence import Sure
from captcha_keras.audit.curve import Estimate, Point, crossing
from captcha_keras.audit.people import PeoplesSide
from captcha_keras.audit.sweep import Changed, Sweep
from captcha_keras.audit.verdict import Verdict, about, percent, verdict
from captcha_keras.evaluation.rates import Rate

PEOPLE = PeoplesSide(("0O",), 0.2, 0.8, 0.9, 0.01)
LEVELS = (0.01, 0.1, 0.5, 0.9, 0.99)


def judged(*fractions: tuple[float, float, float], sweep: Sweep | None = None, drawn: bool = True) -> Verdict:
    points = [
        Point(250 * 4**place, Estimate(value, low, high, (value,)), 3.0)
        for place, (low, value, high) in enumerate(fractions)
    ]
    crossings = [crossing(level, points, None) for level in LEVELS]
    return verdict(points, crossings, Sure(Rate.count(98, 100), Rate.count(100, 400)), PEOPLE, sweep, drawn=drawn)


@pytest.mark.parametrize(
    ("fraction", "level", "begin"),
    [
        (
            (0.7, 0.8, 0.9),
            "broken",
            "Broken: after 1,000 labelled images and 3 minutes of one core a small network reads 80",
        ),
        ((0.01, 0.02, 0.04), "broken", "Broken: "),
        ((0.009, 0.02, 0.04), "undecided", "Undecided: "),
        ((0.0001, 0.001, 0.0099), "holds", "Not broken by this audit: "),
        ((0.0001, 0.001, 0.01), "undecided", "Undecided: "),
    ],
)
def test_one_per_cent_decides(fraction: tuple[float, float, float], level: str, begin: str) -> None:
    found = judged((0.0001, 0.0005, 0.002), fraction)
    assert found.level == level
    assert found.sentence.startswith(begin)


def test_the_best_training_decides_even_if_it_had_fewer_samples() -> None:
    assert judged((0.7, 0.8, 0.9), (0.0, 0.001, 0.002)).level == "broken"


def test_reasons() -> None:
    reasons = " ".join(judged((0.01, 0.1, 0.2), (0.7, 0.8, 0.9)).reasons)
    assert "250 labelled images are enough for 10.0 % of the images." in reasons
    assert "Half of the images are read from about 580 labelled ones on." in reasons
    assert "three images passes with a chance of 99.20 %" in reasons
    assert "For 25.0 % of the images it can tell that it reads them right: 98.0 % of these predictions are." in reasons
    assert "Nobody has to label anything" in reasons
    assert "20.0 % of the images hold a character that people mix up with another (0O)." in reasons
    own = " ".join(judged((0.01, 0.1, 0.2), drawn=False).reasons)
    assert "Nobody has to label anything" not in own
    assert "Half" not in own


def test_the_sweep_is_a_reason() -> None:
    def sweep(*rows: tuple[int, str]) -> Sweep:
        changed = tuple(Changed("dots", "120 dots", Rate.count(right, 1000), effect) for right, effect in rows)
        return Sweep(16_000, Estimate(0.9, 0.8, 0.95, ()), 0.7, 0.97, changed)

    lowers = judged((0.7, 0.8, 0.9), sweep=sweep((500, "harder"), (990, "easier"))).reasons[-1]
    assert lowers == (
        "Of 2 changes of one setting, tried on 16,000 labelled images, the one that helps most (120 dots) lowers what "
        "is read from 90.0 % to 50.0 %; none brings it below 1 %."
    )
    assert judged((0.7, 0.8, 0.9), sweep=sweep((0, "harder"))).reasons[-1].endswith("; 1 of them bring it below 1 %.")
    nothing = judged((0.7, 0.8, 0.9), sweep=sweep((900, "none"))).reasons[-1]
    assert nothing.endswith("none makes it clearly harder.")


def test_fractions_in_sentences() -> None:
    assert [percent(fraction) for fraction in (0, 0.0012, 0.01, 0.5, 0.99, 0.9987, 1)] == [
        "0.00 %",
        "0.12 %",
        "1.0 %",
        "50.0 %",
        "99.0 %",
        "99.87 %",
        "100.00 %",
    ]


def test_numbers_of_samples_have_two_digits() -> None:
    assert [about(samples) for samples in (7.4, 99.4, 584.9, 1549, 63_999)] == ["7", "99", "580", "1,500", "64,000"]

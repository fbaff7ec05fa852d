from __future__ import annotations

import re

import pytest

from captcha_keras.audit.confidence import Sure
from captcha_keras.audit.curve import Estimate, Point, crossing
from captcha_keras.audit.people import PeoplesSide
from captcha_keras.audit.readings import Reading, judge
from captcha_keras.audit.sweep import Changed, Sweep
from captcha_keras.audit.verdict import Verdict, about, percent, verdict
from captcha_keras.evaluation.rates import Rate

PEOPLE = PeoplesSide(("0O",), 0.2, 0.8, 0.9, 0.01)
LEVELS = (0.01, 0.1, 0.5, 0.9, 0.99)


def judged(
    *rights: int, others: tuple[Reading, ...] = (), sweep: Sweep | None = None, drawn: bool = True, capped: int = 0
) -> Verdict:
    """The verdict on readings of 1,000 images with 250, 1,000, … labels."""
    readings = [Reading("vgg", 250 * 4**place, right, 1_000) for place, right in enumerate(rights)]
    points = [
        Point(each.labels, Estimate(each.fraction, 0, 1, (each.fraction,)), 3.0, capped=capped) for each in readings
    ]
    crossings = [crossing(level, points) for level in LEVELS]
    sure = Sure(Rate.count(98, 100), Rate.count(100, 400))
    return verdict(judge([*others, *readings]), points, crossings, sure, PEOPLE, sweep, drawn=drawn)


@pytest.mark.parametrize(
    ("right", "level", "sentence"),
    [
        (800, "broken", r"Broken: vgg, trained on 1,000 labelled images, reads at least 77\.4 % of new images\."),
        (3, "holds", r"Not broken by this audit: none of its 2 readings reaches 1 %; the best, vgg, trained on 1,000 "),
        (
            14,
            "undecided",
            r"Undecided: vgg, trained on 1,000 labelled images, reads between 0\.77 % and 2\.2 % of new ",
        ),
        (10, "undecided", r"Undecided: .* from 1 % on; more test images of this reader would not decide soon\."),
    ],
)
def test_the_sentence_names_reader_labels_and_bound(right: int, level: str, sentence: str) -> None:
    found = judged(0, right)
    assert found.level == level
    assert re.match(sentence, found.sentence), found.sentence


def test_undecided_says_what_would_decide() -> None:
    assert "about 3,000 test images would decide, if it reads as many of them" in judged(0, 14).sentence


def test_a_reader_without_labels_is_named_first() -> None:
    found = judged(300, 900, others=(Reading("OCR", 0, 886, 1_000),))
    assert found.sentence.startswith("Broken: vgg, trained on 1,000 labelled images, reads at least 87.8 %")
    assert found.reasons[0] == "OCR, without one label, reads 886 of 1,000 already."
    alone = judged(0, 0, others=(Reading("OCR", 0, 886, 1_000),))
    assert alone.sentence == "Broken: OCR, without one label, reads at least 86.3 % of new images."


def test_reasons() -> None:
    reasons = " ".join(judged(100, 800, capped=1).reasons)
    assert "vgg, trained on 250 labelled images, reads 100 of 1,000 already." in reasons
    assert "Half of the images are read from about 580 labelled ones on." in reasons
    assert "three images passes with a chance of 99.20 %" in reasons
    assert "2 of 2 trainings were stopped at the cap" in reasons
    assert "For 25.0 % of the images it can tell that it reads them right: 98.0 % of these predictions are." in reasons
    assert "Nobody has to label anything" in reasons
    assert "20.0 % of the images hold a character that people mix up with another (0O)." in reasons
    own = " ".join(judged(100, drawn=False).reasons)
    assert "Nobody has to label anything" not in own
    assert "Half" not in own
    assert "stopped" not in own


def test_the_sweep_is_a_reason() -> None:
    def sweep(*rows: tuple[float, str]) -> Sweep:
        changed = tuple(
            Changed("dots", "120 dots", Estimate(read, read / 2, (1 + read) / 2 if read else 0.009, (read,)), effect)
            for read, effect in rows
        )
        return Sweep(16_000, Estimate(0.9, 0.8, 0.95, ()), changed)

    # Not the winner's own figure: its interval, which allows for the choice.
    assert judged(800, sweep=sweep((0.5, "harder"), (0.99, "easier"))).reasons[-1] == (
        "Of 2 changes of one setting, tried on 16,000 labelled images, the one that seems to help most (120 dots) "
        "lowers what is read from 90.0 % to between 25.0 % and 75.0 %; none surely brings it below 1 %."
    )
    assert judged(800, sweep=sweep((0, "harder"))).reasons[-1].endswith("; 1 of them bring it below 1 %.")
    assert judged(800, sweep=sweep((0.9, "none"))).reasons[-1].endswith("none makes it clearly harder.")


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

"""Exact bounds and what follows from them, held against SciPy's test and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from captcha_keras.audit.readings import ALPHA, Reading, bounds, judge

counts = st.integers(1, 5_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@settings(max_examples=50)
@given(counts, st.integers(1, 40))
def test_the_bounds_are_clopper_and_pearsons(pair: tuple[int, int], comparisons: int) -> None:
    right, total = pair
    low, high = bounds([Reading("a", 0, right, total)], comparisons)
    for found, side, place in ((low[0], "greater", 0), (high[0], "less", 1)):
        interval = binomtest(right, total, alternative=side).proportion_ci(1 - ALPHA / comparisons, "exact")
        assert found == pytest.approx(interval[place], abs=1e-6)
    assert low[0] <= right / total <= high[0]


def test_what_the_audit_called_undecided_is_broken() -> None:
    # Trainings that read 20 and 30 % of 2,000 images: the mean of others may lie anywhere, but these two read 1 %.
    judged = judge([Reading("vgg", 1_000, 400, 2_000), Reading("vgg", 1_000, 600, 2_000)])
    assert (judged.level, judged.reading.right) == ("broken", 600)
    assert 0.27 < judged.low < 0.3


def test_a_reader_without_labels_breaks_it_alone() -> None:
    judged = judge([Reading("OCR", 0, 400, 1_000), *(Reading("vgg", 250, 0, 3_000) for _ in range(15))])
    assert (judged.level, judged.reading.reader, judged.reading.labels) == ("broken", "OCR", 0)
    assert judged.fewest == judged.reading
    assert judged.reading.words == "OCR, without one label,"


def test_the_fewest_labels_that_are_enough() -> None:
    judged = judge(
        [Reading("vgg", 250, 5, 1_000), Reading("vgg", 1_000, 300, 1_000), Reading("vgg", 4_000, 900, 1_000)]
    )
    assert judged.reading.labels == 4_000
    assert judged.fewest is not None
    assert judged.fewest.labels == 1_000


def test_many_readers_need_more_than_one() -> None:
    # 1.5 % of 2,000: alone enough, among twenty readings a chance result.
    one = Reading("vgg", 250, 30, 2_000)
    assert judge([one]).level == "broken"
    judged = judge([one, *(Reading("vgg", 250, 16, 2_000) for _ in range(19))])
    assert judged.level == "undecided"
    assert judged.low < 0.01 < judged.high


def test_holding_takes_every_reader() -> None:
    good = Reading("vgg", 250, 5, 2_000)
    assert judge([good] * 20).level == "holds"
    judged = judge([good, Reading("vgg", 1_000, 20, 2_000)])
    assert (judged.level, judged.reading.labels) == ("undecided", 1_000)


def test_the_number_of_images_named_would_decide() -> None:
    for right, level in ((28, "broken"), (13, "holds")):
        readings = [Reading("vgg", 250, right, 2_000), Reading("vgg", 250, 1, 2_000)]
        needed = judge(readings).needed
        assert needed is not None
        more = [Reading("vgg", 250, right * needed // 2_000, needed), readings[1]]
        assert judge(more).level == level
        # An eighth and the rest of a division less.
        times = min(needed // 2_000 - 1, int(needed / 2_000 / 1.2))
        less = [Reading("vgg", 250, right * times, 2_000 * times), readings[1]]
        assert judge(less).level == "undecided"
    # Exactly 1 %: no number of images decides.
    assert judge([Reading("vgg", 250, 20, 2_000)]).needed is None


@pytest.mark.parametrize(("rate", "wrong"), [(0.0099, "broken"), (0.0101, "holds")])
def test_a_wrong_verdict_comes_in_one_audit_of_twenty_at_most(rate: float, wrong: str) -> None:
    random = np.random.default_rng(7)
    audits = random.binomial(2_000, rate, (400, 8))
    count = sum(judge([Reading("vgg", 250, int(right), 2_000) for right in rights]).level == wrong for rights in audits)
    assert count <= binom.ppf(0.999, 400, ALPHA)


def test_another_limit() -> None:
    readings = [Reading("vgg", 250, 1_010, 2_000)]
    assert judge(readings, 0.4).level == "broken"
    assert judge(readings, 0.5).level == "undecided"
    assert judge(readings, 0.6).level == "holds"
    # 1 is allowed as a limit, and never passed; 0 is passed by one image and not by none.
    assert judge([Reading("vgg", 250, 2_000, 2_000)], 1).level != "broken"
    assert judge([Reading("vgg", 250, 1, 2_000)], 0).level == "broken"
    assert judge([Reading("vgg", 250, 0, 2_000)], 0).level == "undecided"

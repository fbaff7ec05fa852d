from __future__ import annotations

import math
from collections import Counter

from data_gen.looks.dice import ONE, SINE, STEPS, Dice, Table, cosine, sine


def test_the_numbers_are_those_drawn_when_this_was_written() -> None:
    dice = Dice("captcha-keras 0 0")
    assert [dice.below(1000) for _ in range(4)] == BELOW
    assert (dice.between(-5, 5), dice.around(9), dice.pick("abcdef"), dice.seed(), dice.bytes(4)) == REST


BELOW = [723, 8, 218, 457]
REST = (-1, -1, "a", 6464903895042204592, b"8\xc1\x9b\x99")


def test_numbers_stay_in_their_ranges_and_reach_their_ends() -> None:
    dice = Dice(1)
    assert {dice.below(3) for _ in range(200)} == {0, 1, 2}
    assert {dice.between(-1, 1) for _ in range(200)} == {-1, 0, 1}
    assert {dice.around(2) for _ in range(400)} == {-2, -1, 0, 1, 2}
    assert {dice.pick("ab") for _ in range(100)} == {"a", "b"}
    assert not any(dice.chance(0) for _ in range(300))
    assert all(dice.chance(100) for _ in range(300))


def test_a_table_is_drawn_by_its_weights() -> None:
    dice = Dice(2)
    counts = Counter(dice.draw(Table({"a": 1, "b": 0, "c": 3})) for _ in range(4000))
    assert counts["b"] == 0
    assert 2850 < counts["c"] < 3150


def test_no_sine_is_so_near_the_middle_between_two_numbers_that_its_last_bit_decides() -> None:
    away = [abs(math.sin(math.tau * step / STEPS) * ONE % 1 - 0.5) for step in range(STEPS)]
    assert min(away) > 1e-6
    assert all(SINE[step] == -SINE[-step] for step in range(1, STEPS))
    assert all(abs(sine(step) ** 2 + cosine(step) ** 2 - ONE**2) < 2 * ONE for step in range(-STEPS, STEPS))

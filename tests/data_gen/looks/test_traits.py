from __future__ import annotations

import numpy as np
import pytest

from data_gen.looks.dice import Dice
from data_gen.looks.layout import arranged
from data_gen.looks.look import Look
from data_gen.looks.traits import COLORING, STANDING, plain_look
from tests.data_gen.looks.plain import FAMILIES

TEXT = "AB8gh"
SEEDS = range(40)


def plain(seed: int, text: str = TEXT) -> Look:
    return plain_look(text, Dice(seed), FAMILIES)


def changed(name: str, text: str = TEXT) -> list[Look]:
    return [(STANDING | COLORING)[name][1](plain(seed, text), Dice(seed + 1000), FAMILIES) for seed in SEEDS]


def sides(look: Look) -> tuple[int, int, int, int]:
    """Empty pixels left of, above, right of and below the text."""
    place = arranged(look)
    left, top, right, bottom = place.box
    return left, top, place.width - right, place.height - bottom


def test_a_plain_look_has_one_font_and_a_size_that_fits_its_text() -> None:
    for seed in SEEDS:
        for text in ("7", "WWWWWWWWWW"):
            look = plain(seed, text)
            assert len(set(look.faces)) == 1
            assert len(look.gaps) == len(text) - 1
            assert 12 <= look.size <= 64
    assert len({plain(seed).faces[0] for seed in SEEDS}) == 4
    assert {plain(seed).spacing for seed in SEEDS} == {"advance", "ink", "cells"}


def test_letters_of_both_cases_nearly_always_stand_on_the_line() -> None:
    def centred(text: str) -> float:
        return float(np.mean([plain(seed, text).centred for seed in range(400)]))

    assert 0.08 < centred("aXc") < 0.17
    assert 0.28 < centred("XYZ") < 0.42


@pytest.mark.parametrize(
    ("name", "field", "low", "high"),
    [
        ("rotation", "turns", -100, 100),
        ("slant", "slants", -1639, 1639),
        ("scale", "scales", 75, 125),
        ("stretch", "stretches", 70, 145),
        ("rise", "rises", -18, 18),
    ],
)
def test_a_trait_of_each_character_varies_within_its_range(name: str, field: str, low: int, high: int) -> None:
    values = [getattr(look, field) for look in changed(name, "ABXYZ")]
    assert all(len(each) == 5 for each in values)
    assert all(low <= value <= high for each in values for value in each)
    assert min(map(min, values)) < low + (high - low) // 3
    assert max(map(max, values)) > high - (high - low) // 3
    assert sum(len(set(each)) > 1 for each in values) >= 12


def test_sizes_vary_less_where_they_tell_the_case() -> None:
    assert max(max(look.scales) for look in changed("scale", "aXc")) <= 109
    assert max(max(look.scales) for look in changed("scale", "XYZ")) > 115


def test_several_fonts_are_two_to_four() -> None:
    numbers = [len(set(look.faces)) for look in changed("fonts")]
    assert max(numbers) <= 4
    assert sum(number > 1 for number in numbers) > 25


def test_a_tilted_line_turns_and_climbs_alike() -> None:
    for look in changed("tilt"):
        assert len(set(look.turns)) == 1
        assert look.slope * look.turns[0] >= 0
    assert any(abs(look.slope) > 2 for look in changed("tilt"))


def test_gaps_are_wide_or_negative() -> None:
    assert all(min(look.gaps) >= 1 for look in changed("wide"))
    assert any(len(set(look.gaps)) > 1 for look in changed("wide"))
    assert all(max(look.gaps) <= 0 and look.spacing == "ink" for look in changed("overlap"))
    assert any(min(look.gaps) <= -3 for look in changed("overlap"))


def test_room_around_the_text() -> None:
    assert all(max(look.room) <= 2 for look in changed("tight"))
    assert all(min(sides(look)) >= 5 for look in changed("roomy"))
    assert any(sides(look)[0] > 40 for look in changed("roomy"))


def test_off_centre_text_is_nearer_to_one_side_and_the_left_one_most_often() -> None:
    looks = changed("off_centre")
    for seed, look in zip(SEEDS, looks, strict=True):
        before = plain(seed).room
        assert look.room[0] + look.room[2] == before[0] + before[2]
        assert look.room[1] + look.room[3] == before[1] + before[3]
    assert sum(look.room[0] != look.room[2] for look in looks) > 30
    assert sum(look.room[1] != look.room[3] for look in looks) > 20
    assert sum(look.room[0] < look.room[2] for look in looks) > 1.3 * sum(look.room[0] > look.room[2] for look in looks)


def test_a_cut_takes_a_little_of_the_text_at_one_side() -> None:
    for look in changed("cut"):
        beyond = [-side for side in sides(look) if side < 0]
        assert len(beyond) <= 1
        assert sum(beyond) <= max(1, look.size * 8 // 100)
    assert sum(min(sides(look)) < 0 for look in changed("cut")) > 30


def test_colors_of_the_text() -> None:
    assert all(look.dark for look in changed("light_on_dark"))
    assert {look.inking for look in changed("colors")} == {"each"}
    assert {look.inking for look in changed("shaded")} == {"shaded"}
    assert all(42 <= look.contrast <= 70 for look in changed("low_contrast"))

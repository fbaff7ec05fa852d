from __future__ import annotations

import numpy as np
import pytest

from data_gen.looks.compose import draw_look
from data_gen.looks.dice import Dice
from data_gen.looks.layout import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH, arranged
from data_gen.looks.look import Look
from data_gen.looks.render import text_mask
from tests.data_gen.looks.plain import FAMILIES, plain


def ink(look: Look) -> list[tuple[int, int]]:
    """First and last column of each character's ink."""
    return [(left + mask.getbbox()[0], left + mask.getbbox()[2]) for mask, left, _ in arranged(look).places]


@pytest.mark.parametrize("text", ["i", "MW0Q", "gjpqyQ", "WWWWWWWWWW"])
def test_characters_stand_inside_of_the_image_with_the_room_asked_for(text: str) -> None:
    look = plain(text, size=20)._replace(room=(31, 12, 33, 14), spacing="advance", gaps=(1,) * (len(text) - 1))
    place = arranged(look)
    assert place.box[:2] == (31, 12)
    assert (place.width - place.box[2], place.height - place.box[3]) == (33, 14)
    assert text_mask(look, place).getbbox() == place.box


def test_images_have_sizes_within_the_limits_and_hold_all_of_the_text() -> None:
    sizes = set()
    for seed in range(400):
        look = draw_look("W1gMQj80Xq"[: 1 + seed % 10], Dice(seed), FAMILIES, without=("cut",))
        place = arranged(look)
        sizes.add((place.width, place.height))
        assert MIN_WIDTH <= place.width <= MAX_WIDTH
        assert MIN_HEIGHT <= place.height <= MAX_HEIGHT
        left, top, right, bottom = place.box
        assert 0 <= left < right <= place.width
        assert 0 <= top < bottom <= place.height
    assert len(sizes) > 300


@pytest.mark.parametrize("spacing", ["advance", "ink", "cells"])
def test_gaps_move_characters_apart(spacing: str) -> None:
    near, far = (ink(plain("HHH")._replace(spacing=spacing, gaps=(gap,) * 2)) for gap in (0, 9))
    assert far[1][0] - far[0][0] == near[1][0] - near[0][0] + 9


def test_negative_gaps_make_ink_overlap() -> None:
    first, second, _ = ink(plain("HHH")._replace(spacing="ink", gaps=(-5, 0)))
    assert second[0] == first[1] - 5


def test_cells_are_equally_wide_and_ink_is_not() -> None:
    for spacing, even in (("cells", True), ("ink", False)):
        middles = [sum(edges) / 2 for edges in ink(plain("IiWlM")._replace(spacing=spacing, gaps=(2,) * 4))]
        assert (np.ptp(np.diff(middles)) <= 2) == even


def test_rises_and_slopes_lift_characters() -> None:
    flat = arranged(plain("HHH"))
    risen = arranged(plain("HHH")._replace(rises=(0, 7, 0), slope=3))
    tops = [place.top for place in risen.places]
    assert len({place.top for place in flat.places}) == 1
    assert (tops[0] - tops[1], tops[0] - tops[2]) == (7 + 3, 6)


def test_a_line_or_the_middle_holds_characters_of_several_heights() -> None:
    def edges(look: Look) -> list[tuple[int, int]]:
        return [(top + mask.getbbox()[1], top + mask.getbbox()[3]) for mask, _, top in arranged(look).places]

    (_, bottom), (_, other) = edges(plain("Hx")._replace(centred=False))
    assert abs(bottom - other) <= 1
    (top, bottom), (other_top, other) = edges(plain("Hx")._replace(centred=True))
    assert abs((top + bottom) - (other_top + other)) <= 2
    assert bottom > other + 2


def test_what_is_too_large_gets_smaller_and_a_cut_takes_text_away() -> None:
    large = arranged(plain("WWWWWWWWWW", size=64))
    assert large.width <= MAX_WIDTH
    assert len(large.places) == 10
    look = plain("HHH")._replace(room=(4, 4, 4, 4), cut=(0, 0, 0, 9))
    assert arranged(look).box[3] == arranged(look).height + 5
    # What gets smaller is cut by less.
    small = arranged(plain("WWWWWWWWWW", size=64)._replace(room=(0, 90, 0, 0), cut=(0, 94, 0, 0)))
    assert -3 <= small.box[1] <= 0
    assert small.height > 12

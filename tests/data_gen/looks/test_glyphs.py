from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data_gen.looks.dice import ONE, STEPS
from data_gen.looks.glyphs import BASES, SHARP, drawn_size, glyph_of, transformed
from data_gen.pillow_core import Core
from tests.data_gen.looks.plain import FAMILIES

FACE = FAMILIES[0][0]


def pixels(core: Core) -> np.ndarray:
    image = Image.new("L", core.size)
    image.im = core
    return np.asarray(image).astype(int)


def test_a_glyph_has_its_ink_in_the_middle_of_an_empty_margin() -> None:
    glyph = glyph_of(FACE, 32, "H")
    rows, columns = np.nonzero(pixels(glyph.mask))
    height, width = pixels(glyph.mask).shape
    assert (rows.min(), height - 1 - rows.max()) == (2, 2)
    assert min(columns.min(), width - 1 - columns.max()) >= 2
    # A capital stands on the line: its lower edge is at row 0.
    assert glyph.y + height == 2 * 2


@pytest.mark.parametrize("size", [*range(9, 65)])
def test_a_text_is_made_from_glyphs_that_are_not_much_smaller(size: int) -> None:
    drawn = drawn_size(size)
    assert drawn == size or (size > SHARP and drawn in BASES and size <= drawn + 2 and drawn <= 2 * size)


def test_a_quarter_turn_turns_counter_clockwise() -> None:
    mask = glyph_of(FACE, 32, "F").mask
    turned, expected = pixels(transformed(mask, ONE, ONE, STEPS // 4)), np.rot90(pixels(mask))
    top, left = (np.array(turned.shape) - expected.shape) // 2
    inner = turned[top : top + expected.shape[0], left : left + expected.shape[1]]
    assert np.abs(inner - expected).mean() < 4
    assert np.abs(inner - np.rot90(pixels(mask), -1)).mean() > 20


def test_scales_change_width_and_height_alone() -> None:
    mask = glyph_of(FACE, 32, "H").mask
    rows, columns = np.nonzero(pixels(transformed(mask, 2 * ONE, ONE)) > 100)
    own_rows, own_columns = np.nonzero(pixels(mask) > 100)
    assert abs(np.ptp(columns) - 2 * np.ptp(own_columns)) <= 2
    assert abs(np.ptp(rows) - np.ptp(own_rows)) <= 1


def test_a_slant_moves_the_top_to_the_right() -> None:
    slanted = pixels(transformed(glyph_of(FACE, 64, "l").mask, ONE, ONE, 0, ONE // 3))
    rows = np.flatnonzero(slanted.sum(1) > 300)
    centre = [np.average(np.arange(slanted.shape[1]), weights=slanted[row]) for row in rows]
    assert centre[1] - centre[-2] > 8


def test_the_whole_ink_is_kept() -> None:
    mask = glyph_of(FACE, 64, "W").mask
    for turn in range(0, STEPS, 37):
        assert abs(pixels(transformed(mask, ONE, ONE, turn)).sum() / pixels(mask).sum() - 1) < 0.02

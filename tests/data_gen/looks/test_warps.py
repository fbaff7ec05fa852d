from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data_gen.looks.dice import Dice
from data_gen.looks.warps import UNIT, WARPS, taken, taken_nearest

WIDTH, HEIGHT, REACH = 170, 60, 6
NOTHING = np.zeros((1, 1), np.int32)
MASK = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


@pytest.mark.parametrize("name", WARPS)
def test_a_warp_moves_pixels_and_none_too_far(name: str) -> None:
    farthest = 0
    for seed in range(20):
        across, down = WARPS[name](WIDTH, HEIGHT, REACH, Dice(seed))
        assert np.broadcast_shapes(across.shape, down.shape, (HEIGHT, WIDTH)) == (HEIGHT, WIDTH)
        assert (across.dtype, down.dtype) == (np.int32, np.int32)
        farthest = max(farthest, abs(across).max(), abs(down).max())
        assert abs(across).max() <= REACH * UNIT
        assert abs(down).max() <= REACH * UNIT
        assert max(np.ptp(across), np.ptp(down)) > UNIT
    assert farthest > REACH * UNIT // 2


@pytest.mark.parametrize("name", WARPS)
def test_neighbours_stay_near_each_other(name: str) -> None:
    for seed in range(20):
        for places in WARPS[name](WIDTH, HEIGHT, REACH, Dice(seed)):
            for axis in (0, 1):
                if places.shape[axis] > 1:
                    assert abs(np.diff(places, axis=axis)).max() < 2 * UNIT


def test_moved_by_whole_pixels_a_mask_is_shifted() -> None:
    np.testing.assert_array_equal(taken(MASK, NOTHING, NOTHING), MASK)
    moved = taken(MASK, NOTHING + 3 * UNIT, NOTHING - 2 * UNIT)
    np.testing.assert_array_equal(moved[2:, :-3], MASK[:-2, 3:])
    assert not moved[:2].any()
    assert not moved[:, -3:].any()


def test_between_pixels_it_is_interpolated() -> None:
    expected = (MASK[:, :-1].astype(int) * 12 + MASK[:, 1:].astype(int) * 4) / 16
    assert np.abs(taken(MASK, NOTHING + 4, NOTHING)[:, :-1] - expected).max() <= 0.5


def test_an_image_is_moved_by_the_nearest_pixel_and_its_edge_goes_on() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    moved = np.asarray(taken_nearest(Image.fromarray(pixels), NOTHING + 2 * UNIT + 7, NOTHING))
    np.testing.assert_array_equal(moved[:, :-2], pixels[:, 2:])
    np.testing.assert_array_equal(moved[:, -2:], pixels[:, [-1, -1]])
    nearer = np.asarray(taken_nearest(Image.fromarray(pixels), NOTHING + 2 * UNIT + 8, NOTHING))
    np.testing.assert_array_equal(nearer[:, :-3], pixels[:, 3:])

from __future__ import annotations

import numpy as np
import pytest

from data_gen.looks.dice import Dice
from data_gen.looks.effects import EFFECTS, Mask, widened
from data_gen.looks.layout import arranged
from data_gen.looks.render import rendered, text_mask
from data_gen.looks.shadows import SHADOWS
from tests.data_gen.looks.plain import plain


def text(size: int = 44, seed: int = 0) -> Mask:
    look = plain("AB80", seed, size)._replace(room=(9, 9, 9, 9))
    return np.asarray(text_mask(look, arranged(look)))


def applied(name: str, mask: Mask, size: int = 44) -> list[Mask]:
    return [EFFECTS[name](mask, size, Dice(seed)) for seed in range(10)]


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_changes_the_strokes_and_keeps_size_and_type(name: str) -> None:
    mask = text()
    before = mask.copy()
    results = applied(name, mask)
    np.testing.assert_array_equal(mask, before)
    for result in results:
        assert (result.dtype, result.shape) == (np.uint8, mask.shape)
    assert sum((result != mask).any() for result in results) >= 8


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("size", [12, 20, 30, 60])
def test_enough_ink_is_left_at_every_size(name: str, size: int) -> None:
    for seed in range(4):
        mask = text(size, seed)
        for result in applied(name, mask, size):
            assert result.sum() > 0.4 * mask.sum() or name == "outline"
            assert result.sum() > 0.2 * mask.sum()


def test_which_effects_take_ink_away_and_which_add_some() -> None:
    mask = text()
    assert all((result >= mask).all() for result in applied("bold", mask))
    for name in ("thin", "broken", "eaten", "dotted"):
        assert all((result <= mask).all() for result in applied(name, mask))
        assert any(result.sum() < 0.95 * mask.sum() for result in applied(name, mask))


def test_an_outline_is_hollow_and_lies_around_the_letter() -> None:
    mask = text()
    for result in applied("outline", mask):
        assert (result[mask == 255] == 0).all()
        assert (result[(widened(mask) == 255) & (mask == 0)] > 200).all()


def test_strokes_widen_by_a_pixel_on_every_side() -> None:
    mask = np.zeros((7, 9), np.uint8)
    mask[3, 4] = 77
    assert (widened(mask)[2:5, 3:6] == 77).all()
    assert widened(mask).sum() == 9 * 77
    assert widened(mask, 2).sum() == 25 * 77


@pytest.mark.parametrize("name", SHADOWS)
def test_a_shadow_lies_beside_the_text_and_not_on_it(name: str) -> None:
    from data_gen.looks.look import Step

    for seed in range(8):
        look = plain("AB80", size=44)._replace(gaps=(3,) * 3, room=(9, 9, 9, 9), inks=((0, 0, 0),))
        without, shadowed = rendered(look), rendered(look._replace(effects=(Step(name, seed),)))
        changed = (np.asarray(without) != np.asarray(shadowed)).any(2)
        mask = np.asarray(text_mask(look, arranged(look)))
        assert shadowed.size == without.size
        assert changed.sum() > 60
        assert not changed[mask == 255].any()
        assert not changed[widened(mask, 6) == 0].any()

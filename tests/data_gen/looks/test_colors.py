from __future__ import annotations

import pytest

from data_gen.looks.colors import color_of, colored, luminance, mixed
from data_gen.looks.dice import Dice
from tests.data_gen.looks.plain import plain

# Rounding moves a luminance by this much.
ROUNDING = 3


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("contrast", [42, 90])
@pytest.mark.parametrize("inking", ["one", "each", "shaded"])
def test_text_differs_from_every_color_of_the_paper(dark: bool, contrast: int, inking: str) -> None:
    for seed in range(300):
        look = colored(plain()._replace(dark=dark, contrast=contrast, inking=inking), Dice(seed))
        assert len(look.paper) == 4
        assert len(look.inks) == (1 if inking == "one" else 4)
        for ink in look.inks:
            differences = [luminance(ink) - luminance(paper) for paper in look.paper]
            assert min(d if dark else -d for d in differences) >= contrast - ROUNDING


def test_inks_of_their_own_differ() -> None:
    different = [len(set(colored(plain()._replace(inking="each"), Dice(seed)).inks)) for seed in range(100)]
    assert sum(count == 4 for count in different) > 60


def test_a_color_has_the_luminance_and_saturation_asked_for() -> None:
    for seed in range(300):
        wanted = seed * 255 // 299
        assert abs(luminance(color_of(Dice(seed), wanted, 160)) - wanted) <= ROUNDING
        grey = color_of(Dice(seed), wanted, 0)
        assert max(grey) == min(grey)
    assert max(max(c) - min(c) for c in (color_of(Dice(seed), 120, 160) for seed in range(50))) > 150


def test_mixtures_go_from_one_to_the_other() -> None:
    assert mixed((0, 100, 200), (100, 0, 200), 0) == (0, 100, 200)
    assert mixed((0, 100, 200), (100, 0, 200), 100) == (100, 0, 200)
    assert mixed((0, 100, 200), (100, 0, 200), 50) == (50, 50, 200)

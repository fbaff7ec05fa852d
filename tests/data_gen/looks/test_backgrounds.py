from __future__ import annotations

import numpy as np
import pytest

from data_gen.looks.backgrounds import BACKGROUNDS
from data_gen.looks.dice import Dice
from tests.data_gen.looks.plain import PAPER

SIZES = [(60, 24), (161, 53), (280, 110)]


def drawn(name: str, size: tuple[int, int], seed: int) -> np.ndarray:
    image = BACKGROUNDS[name](size, PAPER, Dice(seed))
    assert (image.mode, image.size) == ("RGB", size)
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("name", BACKGROUNDS)
@pytest.mark.parametrize("size", SIZES)
def test_a_background_covers_the_size_in_the_colors_of_the_paper(name: str, size: tuple[int, int]) -> None:
    low, high = np.min(PAPER, axis=0), np.max(PAPER, axis=0)
    for seed in range(8):
        pixels = drawn(name, size, seed)
        assert (pixels >= low).all()
        assert (pixels <= high).all()
        np.testing.assert_array_equal(pixels, drawn(name, size, seed))


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_every_background_but_the_plain_one_has_several_colors_and_several_looks(name: str) -> None:
    drawings = [drawn(name, (161, 53), seed) for seed in range(8)]
    colors = [len(np.unique(pixels.reshape(-1, 3), axis=0)) for pixels in drawings]
    if name == "plain":
        assert colors == [1] * 8
        return
    assert min(colors) >= 2
    assert len({pixels.tobytes() for pixels in drawings}) >= 5


def changes(pixels: np.ndarray, axis: int) -> float:
    """How often neighbours differ along an axis."""
    return float((np.diff(pixels.sum(2), axis=axis) != 0).mean())


def test_what_each_background_is() -> None:
    def some(name: str) -> list[np.ndarray]:
        return [drawn(name, (160, 60), seed) for seed in range(12)]

    assert all(np.abs(np.diff(pixels, axis=1)).max() < 12 for pixels in some("gradient"))
    assert max(changes(pixels, 1) for pixels in some("noise")) > 0.6
    assert all(np.abs(np.diff(pixels, axis=1)).max() < 25 for pixels in some("clouds"))
    for name in ("stripes", "hatching", "checks"):
        assert all(len(np.unique(pixels.reshape(-1, 3), axis=0)) == 2 for pixels in some(name))
    assert all(changes(pixels, 1) < 0.2 for pixels in some("checks"))
    assert {len(np.unique(pixels.reshape(-1, 3), axis=0)) for pixels in some("patches")} <= {2, 3, 4}
    assert all(changes(pixels, 1) > 0.5 for pixels in some("paper"))
    assert all(changes(pixels, 1) < 0.3 for pixels in some("blobs"))

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data_gen.looks.dice import Dice
from data_gen.looks.disturbances import DISTURBANCES, Pen
from tests.data_gen.looks.plain import FAMILIES

FACES = FAMILIES[0]


def drawn(name: str, seed: int, size: int = 30, times: int = 1) -> np.ndarray:
    image = Image.new("L", (160 * times, 60 * times))
    DISTURBANCES[name](Pen(image, (255,), size, FACES, times), Dice(seed))
    return np.asarray(image)


@pytest.mark.parametrize("name", DISTURBANCES)
@pytest.mark.parametrize("size", [12, 30, 64])
def test_a_disturbance_draws_something_and_leaves_most_of_the_image(name: str, size: int) -> None:
    shares = [(drawn(name, seed, size) > 0).mean() for seed in range(30)]
    assert sum(share > 0 for share in shares) >= 28
    assert max(shares) < 0.5
    assert np.mean(shares) < 0.25
    assert len({drawn(name, seed, size).tobytes() for seed in range(10)}) >= 9


@pytest.mark.parametrize("name", DISTURBANCES)
def test_with_smooth_edges_it_is_the_same_drawing(name: str) -> None:
    for seed in range(5):
        small, large = drawn(name, seed), drawn(name, seed, times=2)
        reduced = np.asarray(Image.fromarray(large).reduce(2))
        inked = small > 0
        # Two pixels wide instead of one: what is inked in one is so near it in the other.
        assert np.corrcoef(_spread(inked).ravel(), _spread(reduced > 60).ravel())[0, 1] > 0.5


def _spread(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    return np.max([padded[y : y + 60, x : x + 160] for y in range(3) for x in range(3)], axis=0).astype(float)


@pytest.mark.parametrize("name", [name for name in DISTURBANCES if name not in ("arcs", "strike")])
def test_each_stroke_takes_the_next_color(name: str) -> None:
    colors = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    found: set[tuple[int, ...]] = set()
    for seed in range(8):
        image = Image.new("RGB", (160, 60))
        DISTURBANCES[name](Pen(image, colors, 40, FACES), Dice(seed))
        found |= {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()}
    assert found >= {*colors, (0, 0, 0)}
    assert name == "letters" or found == {*colors, (0, 0, 0)}


def test_a_pen_draws_where_it_is_told() -> None:
    image = Image.new("L", (40, 20))
    pen = Pen(image, (255,), 30)
    pen.disc(5, 6, 0)
    pen.disc(20, 10, 2)
    pen.line(((30, 2), (30, 15)), 1)
    pixels = np.asarray(image)
    assert pixels[6, 5] == 255
    assert (pixels[8:13, 18:23] > 0).sum() >= 21
    assert (pixels[2:16, 30] == 255).all()
    assert (pixels > 0).sum() <= 1 + 25 + 14


def test_a_small_text_is_crossed_by_few_lines() -> None:
    shares = {size: max((drawn("lines", seed, size) > 0).mean() for seed in range(200)) for size in (12, 48)}
    assert shares[12] < 0.06
    assert shares[48] > 0.09

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from data_gen.looks.dice import Dice
from data_gen.looks.finishing import FINISHING
from data_gen.looks.render import rendered
from tests.data_gen.looks.plain import plain

IMAGE = rendered(plain("AB80")._replace(inks=((120, 20, 40),)))


def finished(name: str, image: Image.Image = IMAGE) -> list[np.ndarray]:
    results = [FINISHING[name](image, Dice(seed)) for seed in range(12)]
    assert {(result.mode, result.size) for result in results} == {("RGB", image.size)}
    return [np.asarray(result).astype(int) for result in results]


@pytest.mark.parametrize("name", FINISHING)
def test_a_finish_changes_pixels_and_keeps_the_size(name: str) -> None:
    before = IMAGE.tobytes()
    for pixels in finished(name):
        assert (pixels != np.asarray(IMAGE)).any()
    assert IMAGE.tobytes() == before


@pytest.mark.parametrize("name", FINISHING)
@pytest.mark.parametrize("size", [(60, 24), (280, 110)])
def test_text_stays_readable(name: str, size: tuple[int, int]) -> None:
    """The correlation of the image with the one before, or with its negative."""
    image = IMAGE.resize(size)
    before = np.asarray(image.convert("L"), float).ravel()
    for pixels in finished(name, image):
        assert abs(np.corrcoef(before, pixels.mean(2).ravel())[0, 1]) > 0.6


def test_what_each_finish_is() -> None:
    pixels = np.asarray(IMAGE).astype(int)
    assert all((result == 255 - pixels).all() for result in finished("inverted"))
    assert all(np.ptp(result, axis=2).max() == 0 for result in finished("grey"))
    assert all(set(np.unique(result)) == {0, 255} for result in finished("one_bit"))
    assert all(len(np.unique(result)) <= 8 for result in finished("posterised"))
    edges = np.abs(np.diff(pixels, axis=1)).max()
    for name in ("smooth", "blur"):
        assert all(np.abs(np.diff(result, axis=1)).max() < 0.9 * edges for result in finished(name))
        assert all(abs(result.mean() - pixels.mean()) < 2 for result in finished(name))
    assert all(0.005 < (result != pixels).any(2).mean() < 0.1 for result in finished("speckle"))
    assert all(2 < np.abs(result - pixels).mean() < 22 for result in finished("grain"))
    assert all(np.abs(result - pixels).mean() < 12 for result in finished("jpeg"))


def test_smoothing_is_the_mean_of_a_neighbourhood_in_whole_numbers() -> None:
    flat = Image.new("RGB", (9, 7), (10, 200, 77))
    assert {result.tobytes() for result in finished("smooth", flat)} == {np.asarray(flat).astype(int).tobytes()}

"""Images of any size in one size, with their proportions kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_keras.dataset.images import fit
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec

RED, BLUE = (200, 10, 20), (10, 20, 200)


def framed(width: int, height: int) -> np.ndarray:
    """A red image with a blue inside."""
    image = np.full((height, width, 3), RED, np.uint8)
    image[2:-2, 2:-2] = BLUE
    return image


@pytest.mark.parametrize(
    ("size", "inside"),
    [
        ((100, 32), (0, 0, 200, 64)),  # twice as large
        ((60, 30), (36, 0, 128, 64)),  # higher than the canvas is wide: enlarged to its height
        ((280, 40), (0, 17, 200, 29)),  # 28.57 rows
        ((400, 128), (0, 0, 200, 64)),
        ((10, 200), (98, 0, 3, 64)),
        ((3000, 2), (0, 31, 200, 1)),
    ],
)
def test_an_image_is_as_large_as_fits_and_in_the_middle(size: tuple[int, int], inside: tuple[int, ...]) -> None:
    width, height = size
    image = np.full((height, width, 3), BLUE, np.uint8)
    image[0], image[-1], image[:, 0], image[:, -1] = RED, RED, RED, RED
    fitted = fit(image, 200, 64, keep_aspect=True)
    assert (fitted.dtype, fitted.shape) == (np.uint8, (64, 200, 3))
    left, top, across, down = inside
    around = np.ones((64, 200), bool)
    around[top : top + down, left : left + across] = False
    assert (fitted[around] == RED).all()
    expected = Image.fromarray(image).resize((across, down), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(fitted[top : top + down, left : left + across], np.asarray(expected))


def test_what_fits_is_left_alone() -> None:
    image = framed(200, 64)
    assert fit(image, 200, 64, keep_aspect=True) is image


def test_a_stroke_one_pixel_wide_survives_being_shrunk() -> None:
    image = np.full((256, 800, 3), 255, np.uint8)
    image[:, 401] = 0
    rows = fit(image, 200, 64, keep_aspect=True).astype(int)[..., 0]
    darkness = (255 - rows).sum(1)
    assert (darkness == darkness[0]).all()
    # A quarter of 255, on one column or two.
    assert abs(darkness[0] - 255 / 4) < 4


def test_the_border_s_median_is_not_moved_by_a_line_through_it() -> None:
    image = framed(50, 50)
    image[20:30] = 0
    assert tuple(fit(image, 200, 64, keep_aspect=True)[0, 0]) == RED


def test_a_folder_of_several_sizes_is_read_where_that_is_asked_for(tmp_path: Path) -> None:
    for name, size in (("1-AB.png", (60, 24)), ("2-BA.png", (280, 110)), ("3-AA.png", (200, 64))):
        Image.fromarray(framed(*size)).save(tmp_path / name)
    dataset, spec = open_dataset(tmp_path), CaptchaSpec("AB", 2, 2, 200, 64, keep_aspect=True)
    data = dataset.images(spec)
    for row, record in enumerate(dataset.records):
        np.testing.assert_array_equal(data.images[row], fit(record.read(), 200, 64, keep_aspect=True))
    for resize in (False, True):
        with pytest.raises(DatasetError, match="has 2 bad entries"):
            dataset.images(replace(spec, keep_aspect=False), resize=resize)

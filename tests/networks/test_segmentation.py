"""Cutting images into characters, against plain NumPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captcha_keras.networks.segmentation import Cutter, reason
from captcha_keras.spec import CaptchaSpec
from data_gen import Series
from data_gen.style import PRESETS

HEIGHT = 24
PLAIN = Cutter(side=HEIGHT, shrink=1)


def image(parts: list[tuple[int, int]], width: int = 100) -> np.ndarray:
    """White, with a dark, uneven block in the given columns (first, behind the last) for each part."""
    pixels = np.full((1, HEIGHT, width, 3), 255, np.uint8)
    for first, last in parts:
        pixels[0, 4:20, first:last] = 30
        pixels[0, 4 : 4 + last - first, first] = 120
    return pixels


def cut(pixels: np.ndarray, most: int, cutter: Cutter = PLAIN) -> tuple[np.ndarray, int]:
    squares, count = cutter.characters(pixels, most)
    return np.asarray(squares)[0], int(np.asarray(count)[0])


@st.composite
def layouts(draw: st.DrawFn) -> list[tuple[int, int]]:
    place, parts = 0, []
    for _ in range(draw(st.integers(0, 5))):
        first = place + draw(st.integers(1, 6))
        place = first + draw(st.integers(1, 12))
        parts.append((first, place))
    return parts


@settings(max_examples=40, deadline=None)
@given(layouts())
def test_every_part_becomes_a_square_from_left_to_right(parts: list[tuple[int, int]]) -> None:
    pixels = image(parts)
    squares, count = cut(pixels, 5)
    assert count == len(parts)
    ink = 1 - pixels[0, :, :, 0] / 255
    for square, (first, last) in zip(squares, parts, strict=False):
        # Of the image's height: pixels stay pixels.
        columns = np.flatnonzero(square.max(axis=0) > 0.2)
        assert len(columns) == last - first
        np.testing.assert_allclose(square[:, columns], ink[:, first:last], atol=1e-5)
        assert abs(columns.mean() - (HEIGHT - 1) / 2) <= 1
        assert np.delete(square, columns, axis=1).max(initial=0) < 1e-5
    assert np.all(squares[len(parts) :] == 0)


def test_parts_at_the_edges_and_beyond_the_most() -> None:
    squares, count = cut(image([(0, 5), (10, 20), (90, 100)]), 2)
    assert count == 3
    assert squares.shape == (2, HEIGHT, HEIGHT)
    assert np.count_nonzero(squares[0].max(axis=0) > 0.2) == 5
    assert np.count_nonzero(squares[1].max(axis=0) > 0.2) == 10


def test_one_position_takes_all_ink() -> None:
    squares, count = cut(image([(30, 34), (40, 46)]), 1)
    assert count == 1
    assert np.flatnonzero(squares[0].max(axis=0) > 0.2).tolist() == [4, 5, 6, 7, 14, 15, 16, 17, 18, 19]
    assert cut(image([]), 1)[1] == 0


def test_an_image_of_one_character_is_not_shrunk() -> None:
    pixels = image([(4, 20)], width=HEIGHT)
    squares, _ = cut(pixels, 1, Cutter(side=HEIGHT, shrink=2))
    np.testing.assert_allclose(squares[0], 1 - pixels[0, :, :, 0] / 255, atol=1e-5)


def test_a_wide_part_is_made_smaller_in_both_directions() -> None:
    squares, count = cut(image([(10, 10 + 2 * HEIGHT)]), 1)
    assert count == 1
    dark = squares[0] > 0.4
    assert np.count_nonzero(dark.any(axis=0)) == HEIGHT
    assert np.count_nonzero(dark.any(axis=1)) == 8  # 16 rows


def test_trimming_gives_the_character_the_square_but_for_its_margin() -> None:
    squares, _ = cut(image([(50, 58)]), 1, Cutter(side=28, shrink=1, trim=True, margin=1 / 12))
    dark = squares[0] > 0.4
    assert np.count_nonzero(dark.any(axis=1)) == pytest.approx(24, abs=1)
    assert np.count_nonzero(dark.any(axis=0)) == pytest.approx(12, abs=1)


def test_contrast_stretches_each_character_from_the_threshold_to_its_darkest() -> None:
    pixels = image([(10, 20), (40, 50)])
    pixels[0, :, 40:50] = 180  # a faint one
    pixels[0, :, :, :] = np.minimum(pixels[0], 240)  # on a grey ground
    squares, _ = cut(pixels, 2, Cutter(side=HEIGHT, shrink=1, contrast=True))
    assert squares.min() == 0
    for square in squares:
        assert square.max() == pytest.approx(1)
    np.testing.assert_allclose(np.unique(squares[0].round(3)), [0, (209.5 - 120) / (209.5 - 30), 1], atol=1e-3)
    np.testing.assert_allclose(np.unique(squares[1].round(3)), [0, 1])
    assert cut(image([]), 2, Cutter(side=HEIGHT, shrink=1, contrast=True))[0].max() == 0


def test_the_threshold_is_of_the_darkest_channel() -> None:
    for channel in range(3):
        pixels = image([])
        pixels[0, :, 40:50, channel] = 209
        assert cut(pixels, 2)[1] == 1
        pixels[0, :, 40:50, channel] = 210
        assert cut(pixels, 2)[1] == 0


def test_shrinking_takes_means_first() -> None:
    pixels = image([])
    pixels[0, 6, 40:44] = 100  # one row of two: 177 and 178
    assert cut(pixels, 2, Cutter(side=12, threshold=180, shrink=2))[1] == 1
    assert cut(pixels, 2, Cutter(side=12, threshold=170, shrink=2))[1] == 0


@pytest.mark.parametrize("length", [(4, 4), (4, 8)])
def test_images_of_the_separated_style_are_cut_right(length: tuple[int, int]) -> None:
    spec = CaptchaSpec(min_length=length[0], max_length=length[1], width=40 * length[1])
    found = {}
    for style in ("separated", "library"):
        source = Series(spec, 11, style=PRESETS[style]).source()
        drawn = [source.draw(index) for index in range(200)]
        _, count = Cutter(side=40).characters(np.stack([each.pixels for each in drawn]), spec.max_length)
        found[style] = np.mean(np.asarray(count) == [len(each.text) for each in drawn])
    assert found["separated"] >= 0.985
    assert found["library"] < 0.3


@pytest.mark.parametrize(
    ("count", "length", "words"),
    [
        (4, (4, 4), None),
        (6, (4, 8), None),
        (0, (4, 4), "no ink"),
        (3, (4, 4), "touching characters: 3 parts, expected 4"),
        (1, (4, 8), "touching characters: 1 part, expected 4-8"),
        (9, (4, 8), "too many parts: 9 parts, expected 4-8"),
    ],
)
def test_what_cannot_be_cut_has_a_reason(count: int, length: tuple[int, int], words: str | None) -> None:
    assert reason(count, CaptchaSpec(min_length=length[0], max_length=length[1])) == words

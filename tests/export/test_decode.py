from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.dataset.images import decode_image, fit
from captcha_keras.errors import InputError
from captcha_keras.export.decode import MAX_BYTES, MAX_ROW_PIXELS, decode_images
from tests.image_files import BAD, CAPTCHA, GOOD, JPEG, PNG, SPEC, chunk, encoded

Decode = Callable[[list[bytes]], tuple[np.ndarray, np.ndarray]]


def decoder(keep_aspect: bool) -> Decode:
    graph = tf.function(
        lambda rows: decode_images(rows, SPEC.width, SPEC.height, keep_aspect),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )

    def run(rows: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        images, valid = graph(tf.constant(rows, tf.string))
        return images.numpy(), valid.numpy()

    return run


@pytest.fixture(scope="module")
def decode() -> Decode:
    return decoder(keep_aspect=False)


@pytest.fixture(scope="module")
def keep_aspect() -> Decode:
    return decoder(keep_aspect=True)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_image_has_the_pixels_that_pillow_gives_it(decode: Decode, name: str) -> None:
    images, valid = decode([GOOD[name]])
    assert valid.tolist() == [True]
    np.testing.assert_array_equal(images[0], decode_image(GOOD[name]))


@pytest.mark.parametrize("size", [(1, 1), (30, 200), (240, 120), (121, 60), (1, 4000), (4000, 1)])
def test_another_size_is_resized_as_pillow_does_up_to_rounding(decode: Decode, size: tuple[int, int]) -> None:
    content = encoded(CAPTCHA.resize(size))
    images, valid = decode([content])
    assert valid.tolist() == [True]
    expected = fit(decode_image(content), SPEC.width, SPEC.height)
    assert np.abs(images[0].astype(int) - expected).max() <= 1


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 300), height=st.integers(1, 300), seed=st.integers(0, 99))
@example(width=1, height=4000, seed=0)
@example(width=4000, height=1, seed=0)
@example(width=SPEC.width, height=SPEC.height, seed=0)
def test_proportions_are_kept_as_pillow_keeps_them_up_to_rounding(
    keep_aspect: Decode, width: int, height: int, seed: int
) -> None:
    # Each channel has another median.
    pixels = np.random.default_rng(seed).integers(0, [100, 256, 20], (height, width, 3), np.uint8)
    images, valid = keep_aspect([encoded(Image.fromarray(pixels))])
    assert valid.tolist() == [True]
    expected = fit(pixels, SPEC.width, SPEC.height, keep_aspect=True)
    assert np.abs(images[0].astype(int) - expected).max() <= 1
    scale = min(Fraction(SPEC.width, width), Fraction(SPEC.height, height))
    rows, columns = (max(1, floor(side * scale + Fraction(1, 2))) for side in (height, width))
    top, left = (SPEC.height - rows) // 2, (SPEC.width - columns) // 2
    padding = np.ones((SPEC.height, SPEC.width), bool)
    padding[top : top + rows, left : left + columns] = False
    np.testing.assert_array_equal(images[0][padding], expected[padding])
    assert len(np.unique(images[0][padding], axis=0)) <= 1


def test_a_bad_row_is_black_where_proportions_are_kept(keep_aspect: Decode) -> None:
    wide = encoded(CAPTCHA.resize((200, 20)))
    images, valid = keep_aspect([wide, BAD["truncated png"], JPEG])
    assert valid.tolist() == [True, False, True]
    assert not images[1].any()
    np.testing.assert_array_equal(images[0], keep_aspect([wide])[0][0])
    np.testing.assert_array_equal(images[2], decode_image(JPEG))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_black_and_leaves_the_others_alone(decode: Decode, name: str) -> None:
    with pytest.raises(InputError):
        decode_image(BAD[name])
    images, valid = decode([JPEG, BAD[name], PNG])
    assert valid.tolist() == [True, False, True]
    assert not images[1].any()
    np.testing.assert_array_equal(images[[0, 2]], [decode_image(JPEG), decode_image(PNG)])


def test_too_many_bytes_are_refused(decode: Decode) -> None:
    padding = chunk(b"tEXt", b"k\0" + bytes(MAX_BYTES))
    images, valid = decode([PNG[:33] + padding + PNG[33:], PNG])
    assert valid.tolist() == [False, True]
    assert not images[0].any()


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_too_many_pixels_are_refused(decode: Decode, image_format: str) -> None:
    sizes = [(1024, 1024), (1025, 1024), (64, 1 << 14), (65, 1 << 14)]
    images, valid = decode([encoded(Image.new("L", size, 200), image_format) for size in sizes])
    assert valid.tolist() == [width * height <= MAX_ROW_PIXELS for width, height in sizes] == [True, False] * 2
    assert images.max(axis=(1, 2, 3)).tolist() == [200, 0] * 2


def test_no_rows_and_only_bad_rows(decode: Decode) -> None:
    images, valid = decode([])
    assert images.shape == (0, SPEC.height, SPEC.width, 3)
    assert valid.shape == (0,)
    images, valid = decode([b"", b"x"])
    assert valid.tolist() == [False, False]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.sampled_from([PNG, JPEG]),
    changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=8),
    end=st.integers(0, 1 << 20),
)
def test_damaged_images_never_fail_a_batch(
    decode: Decode, seed: bytes, changes: list[tuple[int, int]], end: int
) -> None:
    damaged = bytearray(seed)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    images, valid = decode([bytes(damaged[: 1 + end % len(damaged)]), PNG])
    assert valid[1]
    np.testing.assert_array_equal(images[1], decode_image(PNG))
    assert valid[0] or not images[0].any()

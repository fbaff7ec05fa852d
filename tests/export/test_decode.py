from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from captcha_keras.dataset.images import decode_image, fit
from captcha_keras.errors import InputError
from captcha_keras.export.decode import MAX_BYTES, decode_images
from tests.image_files import BAD, CAPTCHA, GOOD, JPEG, PNG, SPEC, chunk, encoded

Decode = Callable[[list[bytes]], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def decode() -> Decode:
    graph = tf.function(
        lambda rows: decode_images(rows, SPEC.width, SPEC.height),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )

    def run(rows: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        images, valid = graph(tf.constant(rows, tf.string))
        return images.numpy(), valid.numpy()

    return run


@pytest.mark.parametrize("name", GOOD)
def test_a_good_image_has_the_pixels_that_pillow_gives_it(decode: Decode, name: str) -> None:
    images, valid = decode([GOOD[name]])
    assert valid.tolist() == [True]
    np.testing.assert_array_equal(images[0], decode_image(GOOD[name]))


@pytest.mark.parametrize("size", [(1, 1), (30, 200), (240, 120), (121, 60)])
def test_another_size_is_resized_as_pillow_does_up_to_rounding(decode: Decode, size: tuple[int, int]) -> None:
    content = encoded(CAPTCHA.resize(size))
    images, valid = decode([content])
    assert valid.tolist() == [True]
    expected = fit(decode_image(content), SPEC.width, SPEC.height)
    assert np.abs(images[0].astype(int) - expected).max() <= 1


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

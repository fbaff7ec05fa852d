"""Limits in the graph are those of `captcha_keras.recognizer.limits`, row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from captcha_keras.errors import InputError
from captcha_keras.export.limits import MAX_BYTES, apply_limits, limit_masks
from captcha_keras.recognizer.limits import limit_mask, limit_probabilities
from captcha_keras.spec import CaptchaSpec

SPECS = [CaptchaSpec("0OXé", 1, 3), CaptchaSpec("B字💡", 2, 2), CaptchaSpec("7", 2, 12)]
CHARACTERS = "0OXéB字💡7"

ALPHABETS = st.text(CHARACTERS, max_size=5) | st.text(max_size=5)
LENGTHS = st.from_regex(r"[0-4](-[0-4])?", fullmatch=True) | st.from_regex(r"[0-9-]*", fullmatch=True) | st.text()


def masks_of(spec: CaptchaSpec) -> Callable[[list[bytes], list[bytes]], tuple[np.ndarray, np.ndarray]]:
    graph = tf.function(
        lambda alphabet, length: limit_masks(spec, alphabet, length),
        input_signature=[tf.TensorSpec([None], tf.string)] * 2,
        autograph=False,
    )

    def run(alphabets: list[bytes], lengths: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        mask, possible = graph(tf.constant(alphabets, tf.string), tf.constant(lengths, tf.string))
        return mask.numpy(), possible.numpy()

    return run


MASKS = [masks_of(spec) for spec in SPECS]


def expected(spec: CaptchaSpec, alphabet: str, length: str) -> np.ndarray | None:
    try:
        return limit_mask(spec, alphabet or None, length or None)
    except InputError:
        return None


@settings(deadline=None)
@given(rows=st.lists(st.tuples(ALPHABETS, LENGTHS), min_size=1, max_size=5), number=st.integers(0, 2))
@example(rows=[("", ""), ("0", "1"), ("0O", "1-3"), ("é0é", "2-3"), ("", "0-3"), ("", "3-2"), ("", "0001")], number=0)
@example(rows=[("B", "2"), ("字", ""), ("💡", "2-2"), ("字💡B", "1-2"), ("\ufeffB", ""), ("B\0", "2\0")], number=1)
@example(
    rows=[("7", "2-12"), ("7", "12"), ("7", "99999999999999999999"), ("", "2-99999"), ("", "٣"), ("", "3\n")], number=2
)
def test_any_limits_give_a_recognizers_masks_or_are_impossible(rows: list[tuple[str, str]], number: int) -> None:
    masks, possible = MASKS[number]([row[0].encode() for row in rows], [row[1].encode() for row in rows])
    for row, mask, fine in zip(rows, masks, possible, strict=True):
        wanted = expected(SPECS[number], *row)
        assert fine == (wanted is not None)
        if wanted is not None:
            np.testing.assert_array_equal(mask, wanted)


@settings(deadline=None)
@given(alphabet=st.binary(max_size=6), length=st.binary(max_size=6))
@example(alphabet=b"0\xff", length=b"")
@example(alphabet=b"0", length=b"1\xff")
@example(alphabet="é".encode()[:1], length=b"")
def test_any_bytes_are_a_limit_or_impossible(alphabet: bytes, length: bytes) -> None:
    masks, possible = MASKS[0]([alphabet, b"0"], [length, b"2"])
    try:
        wanted = expected(SPECS[0], alphabet.decode(), length.decode())
    except UnicodeDecodeError:
        wanted = None
    assert possible.tolist() == [wanted is not None, True]
    np.testing.assert_array_equal(masks[1], limit_mask(SPECS[0], "0", "2"))


def test_an_alphabet_may_repeat_itself_up_to_its_greatest_length() -> None:
    masks, possible = MASKS[0]([b"0" * MAX_BYTES, b"0" * (MAX_BYTES + 1)], [b"", b""])
    assert possible.tolist() == [True, False]
    np.testing.assert_array_equal(masks[0], limit_mask(SPECS[0], "0"))


@settings(deadline=None)
@given(
    probabilities=arrays(np.float32, (2, 3, 5), elements=st.sampled_from([0.0, 0.0, 1e-30, 1e-7, 0.25, 1.0])),
    limits=st.lists(st.sampled_from([("", ""), ("0", ""), ("X", "1"), ("Oé", "2-3")]), min_size=2, max_size=2),
)
def test_probabilities_are_limited_as_a_recognizer_does(
    probabilities: np.ndarray, limits: list[tuple[str, str]]
) -> None:
    masks = [expected(SPECS[0], *limit) for limit in limits]
    found = apply_limits(tf.constant(probabilities), tf.constant(np.stack(masks))).numpy()
    for row, mask in enumerate(masks):
        wanted = limit_probabilities(probabilities[row : row + 1], mask)[0]
        np.testing.assert_allclose(found[row], wanted, rtol=1e-6)
        np.testing.assert_array_equal(found[row].argmax(-1), wanted.argmax(-1))


def test_heads_without_a_probability_for_what_is_allowed_find_it_equally_likely() -> None:
    probabilities = tf.constant([[[0.0, 0.0, 1.0]] * 2])
    found = apply_limits(probabilities, tf.constant([[[True, True, False], [False, False, False]]])).numpy()
    assert found.tolist() == [[[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]]


@pytest.mark.parametrize("masks", MASKS)
def test_no_rows(masks: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    assert [len(each) for each in masks([], [])] == [0, 0]

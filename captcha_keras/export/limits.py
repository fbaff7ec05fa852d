"""Limits of an answer inside a TensorFlow graph; each row has its own, and impossible ones fail no other row.

It is the counterpart of `captcha_keras.recognizer.limits`.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from captcha_keras.spec import CaptchaSpec

# Longest alphabet of a row: a character takes many times its bytes while it is looked up.
MAX_BYTES = 1 << 14
LENGTH = "[0-9]{1,4}(-[0-9]{1,4})?"


def limit_masks(spec: CaptchaSpec, alphabet: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which classes each head may answer in each row.

    Args:
        spec: The spec of the network.
        alphabet: The characters that may occur, UTF-8, string `(N,)`; "" for all of the spec's.
        length: How many characters the text has, string `(N,)`: "4" or "4-6"; "" for all lengths of the spec.

    Returns:
        bool `(N, L, K)`; and whether the network can keep a row's limits, bool `(N,)`. It cannot if an alphabet has a
        character that the spec lacks, is no UTF-8 or has more than 16 KiB, or if a length is malformed or not read.

    Example:
        >>> spec = CaptchaSpec(alphabet="01AB", min_length=1, max_length=2)
        >>> mask, possible = limit_masks(spec, tf.constant(["01", "0?"]), tf.constant(["1", ""]))
        >>> mask[0].numpy()
        array([[ True,  True, False, False, False],
               [False, False, False, False,  True]])
        >>> possible.numpy()
        array([ True, False])
    """
    characters, known = _characters(spec, alphabet)
    shortest, longest, readable = _bounds(spec, length)
    position = tf.range(spec.max_length)
    mask = characters[:, tf.newaxis] & (position < longest[:, tf.newaxis])[..., tf.newaxis]
    if spec.variable_length:
        may_end = position >= shortest[:, tf.newaxis]
        mask = tf.concat([mask, may_end[..., tf.newaxis]], axis=-1)
    return mask, known & readable


def apply_limits(probabilities: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The probabilities given that every head answers one of its allowed classes.

    A head that gives all of these a probability of 0 finds them equally likely.

    Args:
        probabilities: float32 `(N, L, K)`.
        mask: bool `(N, L, K)` of `limit_masks`.

    Returns:
        float32 `(N, L, K)`; each row of K sums to 1, or to 0 if nothing is allowed.

    Example:
        >>> apply_limits(tf.constant([[[0.25, 0.25, 0.5]]]), tf.constant([[[True, True, False]]])).numpy()
        array([[[0.5, 0.5, 0. ]]], dtype=float32)
    """
    allowed = tf.where(mask, probabilities, 0.0)
    likely = tf.reduce_sum(allowed, axis=-1, keepdims=True) > 0
    allowed = tf.where(likely, allowed, tf.cast(mask, tf.float32))
    return tf.math.divide_no_nan(allowed, tf.reduce_sum(allowed, axis=-1, keepdims=True))


def _characters(spec: CaptchaSpec, alphabet: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which characters of the spec each row names, bool `(N, characters)`; whether it names no others."""
    short = tf.strings.length(alphabet) <= MAX_BYTES
    alphabet = tf.where((alphabet != "") & short, alphabet, spec.alphabet)
    # What is no UTF-8 becomes the code 0, which no spec has.
    decoded = tf.strings.unicode_decode(alphabet, "UTF-8", replacement_char=0)
    count = len(spec.alphabet)
    codes = [ord(character) for character in spec.alphabet]
    # The place of each code in the alphabet; all others share the place after its end.
    places = np.full(max(codes) + 2, count, np.int32)
    places[codes] = np.arange(count)
    place = tf.gather(places, tf.minimum(decoded.flat_values, len(places) - 1))
    cells = tf.stack([tf.cast(decoded.value_rowids(), tf.int32), place], axis=1)
    named = tf.scatter_nd(cells, tf.ones_like(place), tf.stack([tf.shape(alphabet)[0], count + 1])) > 0
    return named[:, :count], short & ~named[:, count]


def _bounds(spec: CaptchaSpec, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The shortest and the longest length of each row, int32 `(N,)`; whether the network reads texts of these."""
    formed = tf.strings.regex_full_match(length, LENGTH)
    # Without a limit a text may be empty, as without limits at all.
    text = tf.where(formed, length, f"0-{spec.max_length}")
    shortest = tf.strings.to_number(tf.strings.regex_replace(text, "-.*", ""), tf.int32)
    longest = tf.strings.to_number(tf.strings.regex_replace(text, ".*-", ""), tf.int32)
    read = (spec.min_length <= shortest) & (shortest <= longest) & (longest <= spec.max_length)
    return shortest, longest, (length == "") | (formed & read)

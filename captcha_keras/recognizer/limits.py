"""Limits of an answer, set on the probabilities: which characters it may have, and how many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec, parse_length, shorten

Length = int | str | tuple[int, int]


def limit_mask(spec: CaptchaSpec, alphabet: str | None = None, length: Length | None = None) -> NDArray[np.bool_]:
    """Which classes each head may answer.

    Args:
        spec: The spec of the network.
        alphabet: The characters that may occur; None for all of the spec's.
        length: How many characters the text has: 4, "4-6" or (4, 6); None for all lengths of the spec.

    Returns:
        bool `(L, K)`.

    Raises:
        InputError: The network knows no such character, or reads no text of this length.

    Example:
        >>> limit_mask(CaptchaSpec(alphabet="01AB", min_length=1, max_length=2), alphabet="01", length=1)
        array([[ True,  True, False, False, False],
               [False, False, False, False,  True]])
    """
    mask = np.ones((spec.max_length, spec.num_classes), bool)
    characters = len(spec.alphabet)
    if alphabet is not None:
        unknown = sorted(set(alphabet) - set(spec.alphabet))
        if unknown or not alphabet:
            names = ", ".join(map(repr, unknown)) or "no characters"
            raise InputError(f"The model cannot be limited to {names}; it reads {shorten(spec.alphabet)!r}.")
        mask[:, :characters] = np.isin(list(spec.alphabet), list(alphabet))
    if length is not None:
        shortest, longest = parse_length(str(length)) if isinstance(length, int | str) else length
        if not spec.min_length <= shortest <= longest <= spec.max_length:
            wanted = str(shortest) if shortest == longest else f"{shortest}-{longest}"
            raise InputError(f"The model reads texts of {spec.length} characters, not of {wanted}.")
        if spec.variable_length:
            mask[:shortest, characters] = False
            mask[longest:, :characters] = False
    return mask


def limit_probabilities(probabilities: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The probabilities given that every head answers one of its allowed classes.

    A head that gives all of these a probability of 0 finds them equally likely.

    Args:
        probabilities: float32 `(N, L, K)`.
        mask: bool `(L, K)` of `limit_mask`.

    Returns:
        float32 `(N, L, K)`; each row of K sums to 1.

    Example:
        >>> mask = limit_mask(CaptchaSpec("AB0", 1, 1), alphabet="AB")
        >>> limit_probabilities(np.array([[[0.25, 0.25, 0.5]]], np.float32), mask).tolist()
        [[[0.5, 0.5, 0.0]]]
    """
    allowed = np.where(mask, probabilities, 0)
    total = allowed.sum(axis=-1, keepdims=True)
    even = mask / mask.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(total > 0, allowed / np.where(total > 0, total, 1), even), np.float32)

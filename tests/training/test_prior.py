from __future__ import annotations

import numpy as np

from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.prior import LogPrior, log_prior

SPEC = CaptchaSpec("0OX", 1, 2)


def test_the_log_prior_is_the_logarithm_of_relative_frequency() -> None:
    # 0, O and X drawn 4, 4 and 1 times in 9, a third each without weights; "no character" as before.
    np.testing.assert_allclose(log_prior({"0": 4, "O": 4}, SPEC), np.log([12 / 9, 12 / 9, 3 / 9, 1]), rtol=1e-6)
    np.testing.assert_array_equal(log_prior({}, SPEC), np.zeros(4))


def test_it_acts_in_training_alone() -> None:
    layer = LogPrior(SPEC)
    logits = np.random.default_rng(0).normal(size=(2, 2, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer(logits, training=True), logits)
    layer.weigh({"O": 7})
    np.testing.assert_array_equal(layer(logits, training=False), logits)
    np.testing.assert_allclose(layer(logits, training=True), logits + log_prior({"O": 7}, SPEC))
    assert not layer.trainable_weights


def test_a_weighted_sample_teaches_the_answer_for_equal_frequencies() -> None:
    # Two classes that look alike, one drawn nine times as often: the best constant logits under the prior are equal.
    spec = CaptchaSpec("0O", 1, 1)
    prior = log_prior({"O": 9}, spec).astype(np.float64)
    logits = np.zeros(2)
    for _ in range(2000):
        scores = np.exp(logits + prior)
        logits -= 0.5 * (scores / scores.sum() - np.array([0.1, 0.9]))
    assert abs(logits[1] - logits[0]) < 1e-6

from __future__ import annotations

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from captcha_keras.training.metrics import captcha_accuracy, character_accuracy

TRUTH = np.array([[0, 1], [2, 2], [1, 0]])
READ = np.array([[0, 1], [2, 1], [0, 1]])


def scores(numbers: np.ndarray, classes: int = 3) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[numbers]


def test_by_hand() -> None:
    np.testing.assert_allclose(character_accuracy(TRUTH, scores(READ)), [1, 0.5, 0])
    np.testing.assert_allclose(captcha_accuracy(TRUTH, scores(READ)), [1, 0, 0])


@given(
    arrays.arrays(np.int32, (6, 4), elements=st.integers(0, 2)),
    arrays.arrays(np.float32, (6, 4, 3), elements=st.floats(0.5, 5, width=32), unique=True),
)
def test_against_numpy(truth: np.ndarray, logits: np.ndarray) -> None:
    right = logits.argmax(axis=-1) == truth
    np.testing.assert_allclose(character_accuracy(truth, logits), right.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(captcha_accuracy(truth, logits), right.all(axis=1))


def test_they_work_in_compile_over_several_batches() -> None:
    model = keras.Sequential([keras.Input((2, 3)), keras.layers.Identity()])
    model.compile(loss="sparse_categorical_crossentropy", metrics=[character_accuracy, captcha_accuracy])
    figures = model.evaluate(scores(READ), TRUTH, batch_size=2, verbose=0, return_dict=True)
    np.testing.assert_allclose(figures["character_accuracy"], 0.5, rtol=1e-6)
    np.testing.assert_allclose(figures["captcha_accuracy"], 1 / 3, rtol=1e-6)

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from captcha_keras.errors import InputError
from captcha_keras.networks.registry import build_network
from captcha_keras.recognizer.prediction import predictions_from
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec

SPEC = CaptchaSpec("0OX", 1, 2, 64, 40)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    keras.utils.set_random_seed(1)
    return Recognizer(build_network("vgg", SPEC).predict_on_batch, SPEC)


def images(count: int, height: int = 40, width: int = 64) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, height, width, 3), np.uint8)


def test_probabilities_are_those_of_the_network_in_any_number(recognizer: Recognizer) -> None:
    given = images(300)
    found = recognizer.probabilities(given)
    assert found.shape == (300, 2, 4)
    keras.utils.set_random_seed(1)
    outputs = build_network("vgg", SPEC)(given[:5], training=False)
    expected = np.stack([np.asarray(outputs[head]) for head in SPEC.head_names], axis=1)
    np.testing.assert_allclose(found[:5], expected, atol=1e-6)
    assert recognizer.probabilities(given[:0]).shape == (0, 2, 4)
    np.testing.assert_allclose(recognizer.probabilities(given[299:]), found[299:], atol=1e-6)


def test_readings_follow_the_alphabet_and_multiply_confidence() -> None:
    scores = np.array([[[0.1, 0.7, 0.1, 0.1], [0.2, 0.2, 0.1, 0.5]]], np.float32)
    (prediction,) = predictions_from(scores, SPEC)
    assert prediction.text == "O"
    assert prediction.confidence == pytest.approx(0.35)
    assert prediction.char_confidence == pytest.approx((0.7, 0.5))


def test_images_of_any_size_are_read(recognizer: Recognizer) -> None:
    small, fitting = images(1, 20, 30)[0], images(1)[0]
    found = recognizer.read([small, fitting])
    (alone,) = recognizer.read([fitting])
    assert found[1].text == alone.text
    assert found[1].confidence == pytest.approx(alone.confidence, rel=1e-4)
    assert len(found) == 2
    assert recognizer.read([]) == []


def test_time_is_measured(recognizer: Recognizer) -> None:
    scores, seconds = recognizer.timed_probabilities(images(10))
    assert scores.shape == (10, 2, 4)
    assert 0 < seconds < 10


def test_a_run_without_a_model_or_with_a_damaged_one_is_named(tmp_path: Path) -> None:
    spec = ", ".join(f'"{k}": {v!r}' for k, v in SPEC.to_json().items()).replace("'", '"')
    (tmp_path / "config.json").write_text(f'{{"settings": {{}}, "dataset": {{}}, "spec": {{{spec}}}}}')
    with pytest.raises(InputError, match=r"has no best\.keras yet"):
        Recognizer.load(tmp_path)
    (tmp_path / "best.keras").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"best\.keras cannot be loaded"):
        Recognizer.load(tmp_path)

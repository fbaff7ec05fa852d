from __future__ import annotations

import keras
import numpy as np
import pytest

from captcha_keras.errors import InputError
from captcha_keras.networks.losses import CrossEntropy, CutCrossEntropy, MultiLabelSoftMargin
from captcha_keras.networks.registry import find_network
from captcha_keras.spec import CaptchaSpec

LABELS = np.array([[0, 2], [1, 3], [2, 2]], np.int32)
LOGITS = np.random.default_rng(0).normal(0, 2, (3, 2, 4)).astype(np.float32)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    fractions = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return np.asarray(-np.log(np.take_along_axis(fractions, labels[..., None], axis=-1))[..., 0])


def test_cross_entropy_is_kerass_own() -> None:
    expected = cross_entropy(LOGITS, LABELS)
    np.testing.assert_allclose(CrossEntropy()(LABELS, LOGITS), expected.mean(), rtol=1e-6)
    of_keras = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, LOGITS)
    np.testing.assert_allclose(CrossEntropy()(LABELS, LOGITS), of_keras, rtol=1e-6)


def test_smoothing_spreads_a_fraction_over_all_classes() -> None:
    targets = 0.9 * np.eye(4, dtype=np.float32)[LABELS] + 0.1 / 4
    expected = keras.losses.CategoricalCrossentropy(from_logits=True)(targets, LOGITS)
    np.testing.assert_allclose(CrossEntropy(0.1)(LABELS, LOGITS), expected, rtol=1e-6)
    of_keras = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    np.testing.assert_allclose(CrossEntropy(0.1)(LABELS, LOGITS), of_keras(np.eye(4)[LABELS], LOGITS), rtol=1e-6)
    assert float(CrossEntropy(0.1)(LABELS, LOGITS)) != pytest.approx(float(CrossEntropy()(LABELS, LOGITS)), rel=1e-3)


def test_only_a_cross_entropy_can_be_smoothed() -> None:
    spec = CaptchaSpec("0123", 2, 2)
    smoothed = find_network("vgg").loss_for(spec, 0.1)
    np.testing.assert_allclose(smoothed(LABELS, LOGITS), CrossEntropy(0.1)(LABELS, LOGITS))
    assert isinstance(find_network("segmented_mlp").loss_for(spec, 0.1), CutCrossEntropy)
    with pytest.raises(InputError, match="--label-smoothing is for networks with a softmax at each position"):
        find_network("single_head").loss_for(spec, 0.1)


def test_an_image_cut_into_a_wrong_number_of_characters_teaches_nothing() -> None:
    logits = LOGITS.copy()
    # Class 3 is "no character": found are 2, 1 and 1 characters; there are 2, 1 and 2.
    logits[:, :, 3] = [[-10, -10], [-10, 10], [-10, 10]]
    found = np.asarray(CutCrossEntropy().call(LABELS, keras.ops.convert_to_tensor(logits)))
    np.testing.assert_allclose(found[:2], cross_entropy(logits, LABELS)[:2], rtol=1e-5, atol=1e-6)
    assert found[2].tolist() == [0, 0]
    assert found[0].min() > 0


def test_multi_label_soft_margin_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    wanted = np.eye(4, dtype=np.float32)[LABELS].reshape(3, 8)
    expected = torch.nn.MultiLabelSoftMarginLoss()(torch.tensor(LOGITS.reshape(3, 8)), torch.tensor(wanted))
    np.testing.assert_allclose(MultiLabelSoftMargin()(LABELS, LOGITS), expected.item(), rtol=1e-6)


def test_multi_label_soft_margin_by_hand() -> None:
    labels, logits = np.array([[1]], np.int32), np.array([[[0.0, 2.0, -1.0]]], np.float32)
    expected = (np.log(2) + np.log(1 + np.exp(-2)) + np.log(1 + np.exp(-1))) / 3
    np.testing.assert_allclose(MultiLabelSoftMargin()(labels, logits), expected, rtol=1e-6)

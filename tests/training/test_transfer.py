from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from captcha_keras.errors import InputError
from captcha_keras.networks.heads import attention_heads
from captcha_keras.networks.registry import build_network
from captcha_keras.networks.vgg import residual_block
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.trainer import train
from captcha_keras.training.transfer import transfer_weights

OLD = CaptchaSpec("0AOX", 1, 3, 48, 32)


def network(spec: CaptchaSpec, seed: int, name: str = "vgg") -> keras.Model:
    keras.utils.set_random_seed(seed)
    return build_network(name, spec)


def arrays(model: keras.Model, layer: str) -> list[np.ndarray]:
    return [np.asarray(array) for array in model.get_layer(layer).get_weights()]


def test_the_same_spec_takes_over_every_weight() -> None:
    source, target = network(OLD, 1), network(OLD, 2)
    transfer_weights(source, OLD, target, OLD)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), np.uint8)
    for head, expected in source.predict_on_batch(images).items():
        np.testing.assert_array_equal(target.predict_on_batch(images)[head], expected)


def test_shared_characters_and_positions_are_kept_and_the_rest_is_new() -> None:
    new = CaptchaSpec("XB0", 2, 4, 48, 32)
    source, target, fresh = network(OLD, 1), network(new, 2), network(new, 2)
    transfer_weights(source, OLD, target, new)
    kernel, bias = arrays(target, "logits")
    old_kernel, old_bias = arrays(source, "logits")
    for class_id, old_id in ((0, 3), (2, 0), (3, 4)):  # X, 0 and "no character"
        np.testing.assert_array_equal(kernel[:, class_id], old_kernel[:, old_id])
        assert bias[class_id] == old_bias[old_id]
    np.testing.assert_array_equal(kernel[:, 1], arrays(fresh, "logits")[0][:, 1])  # B
    queries, biases = arrays(target, "attention_logits")
    np.testing.assert_array_equal(queries[:, :3], arrays(source, "attention_logits")[0])
    np.testing.assert_array_equal(queries[:, 3], arrays(fresh, "attention_logits")[0][:, 3])
    np.testing.assert_array_equal(biases[:, :3], arrays(source, "attention_logits")[1])
    for layer in ("block1_conv1", "block4_norm", "part_of_character"):
        for found, expected in zip(arrays(target, layer), arrays(source, layer), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_fixed_length_takes_no_class_for_no_character() -> None:
    new = CaptchaSpec("0A", 2, 2, 48, 32)
    source, target = network(OLD, 1), network(new, 2)
    transfer_weights(source, OLD, target, new)
    np.testing.assert_array_equal(arrays(target, "logits")[0], arrays(source, "logits")[0][:, :2])


def test_another_image_size_has_locations_of_its_own() -> None:
    new = CaptchaSpec("0AOX", 1, 3, 96, 32)
    source, target, fresh = network(OLD, 1), network(new, 2), network(new, 2)
    transfer_weights(source, OLD, target, new)
    queries, biases = arrays(target, "attention_logits")
    np.testing.assert_array_equal(queries, arrays(source, "attention_logits")[0])
    np.testing.assert_array_equal(biases, arrays(fresh, "attention_logits")[1])


def test_layers_that_the_trained_network_lacks_keep_their_initial_weights() -> None:
    inputs = keras.Input((8, 8, 3), dtype="uint8", name="image")
    feature_map = keras.layers.Conv2D(6, 3, name="block1_conv1")(keras.layers.Rescaling(1 / 255)(inputs))
    small = attention_heads(inputs, feature_map, OLD, "small")
    grown = attention_heads(inputs, residual_block(feature_map, 4, "float32", "block2"), OLD, "grown")
    source = keras.models.clone_model(small)
    before = arrays(grown, "block2_conv1")[0]
    transfer_weights(source, OLD, grown, OLD)
    np.testing.assert_array_equal(arrays(grown, "block2_conv1")[0], before)
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    for head, expected in source.predict_on_batch(images).items():
        np.testing.assert_allclose(grown.predict_on_batch(images)[head], expected, rtol=1e-5)
    # Back again would lose what the block has learned.
    with pytest.raises(InputError, match="do not fit 'small': it has no block2_conv1"):
        transfer_weights(grown, OLD, source, OLD)


@pytest.mark.parametrize(("name", "message"), [("vgg_wide", "block1_conv1 has another shape"), ("mathematica", "no ")])
def test_another_backbone_is_refused(name: str, message: str) -> None:
    spec = CaptchaSpec("0AOX", 3, 3, 96, 96)
    with pytest.raises(InputError, match=message):
        transfer_weights(network(spec, 1), spec, network(spec, 2, name), spec)


def test_a_training_starts_from_a_run(drawn: Path, tmp_path: Path) -> None:
    settings = {"batch_size": 16, "augmentation": None, "precision": "float32", "warmup_steps": 0}
    first = train(TrainConfig(str(drawn), epochs=12, **settings), tmp_path / "first")
    second = TrainConfig(str(drawn), epochs=1, learning_rate=1e-9, initial_model=str(first.path), **settings)
    run = train(second, tmp_path / "second")

    def losses(path: Path) -> list[float]:
        head, *rows = (line.split(",") for line in (path / "history.csv").read_text().splitlines())
        return [float(row[head.index("loss")]) for row in rows]

    # With hardly any learning, the first epoch is as good as the end of the run that it starts from.
    assert losses(first.path)[0] > 1.0
    assert losses(run.path)[0] < 0.3
    assert run.read_config().initial_model == str(first.path)
    with pytest.raises(InputError, match="none is no run folder"):
        train(TrainConfig(str(drawn), initial_model="none", **settings), tmp_path / "third")
    assert not (tmp_path / "third").exists()


def test_a_network_that_cuts_has_no_column_for_no_character() -> None:
    old, new = CaptchaSpec("0AX", 1, 2, 64, 40), CaptchaSpec("XB0", 1, 3, 64, 40)
    source, target, fresh = (network(spec, seed, "segmented_mlp") for spec, seed in ((old, 1), (new, 2), (new, 2)))
    transfer_weights(source, old, target, new)
    kernel, old_kernel = arrays(target, "logits")[0], arrays(source, "logits")[0]
    assert kernel.shape[-1] == 3
    np.testing.assert_array_equal(kernel[:, [0, 2]], old_kernel[:, [2, 0]])  # X and 0
    np.testing.assert_array_equal(kernel[:, 1], arrays(fresh, "logits")[0][:, 1])  # B

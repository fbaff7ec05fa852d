"""Networks that cut images into characters."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from captcha_keras.networks.registry import NETWORKS, build_network
from captcha_keras.spec import CaptchaSpec

SPEC = CaptchaSpec("ABC", 1, 3, 120, 40)
ONE = CaptchaSpec("ABC", 1, 1, 40, 40)
CUTTING = [name for name, network in NETWORKS.items() if network.cuts]


def image(*places: int, width: int = 120) -> np.ndarray:
    """White, with a different dark pattern of 16 columns at each place."""
    pixels = np.full((40, width, 3), 255, np.uint8)
    for number, place in enumerate(places):
        pixels[6:34, place : place + 16] = 40
        pixels[10 + 6 * number : 14 + 6 * number, place + 4 : place + 12] = 255
    return pixels


def read(network: keras.Model, *images: np.ndarray) -> np.ndarray:
    outputs = network(np.stack(images), training=False)
    return np.stack([np.asarray(outputs[head]) for head in sorted(outputs)], axis=1)


def test_the_networks_of_the_tutorials_cut() -> None:
    assert CUTTING == ["segmented_mlp", "segmented_lenet", "emnist_cnn"]


@pytest.mark.parametrize("name", CUTTING)
def test_each_character_is_read_by_itself_wherever_it_stands(name: str) -> None:
    keras.utils.set_random_seed(1)
    network = build_network(name, SPEC)
    both, moved, second = read(network, image(10, 50), image(30, 90), image(60))
    np.testing.assert_allclose(both, moved, atol=1e-5)
    assert both[:2, 3].max() < 1e-3  # two characters …
    assert both[2, 3] > 0.999  # … and none
    assert second[1:, 3].min() > 0.999
    assert np.abs(both[0, :3] - both[1, :3]).max() > 1e-4  # that differ


@pytest.mark.parametrize("name", CUTTING)
def test_no_ink_or_too_many_parts_give_no_text(name: str) -> None:
    network = build_network(name, SPEC)
    empty, full = read(network, image(), image(0, 30, 60, 90))
    assert empty[:, 3].min() > 0.999
    assert full[:, 3].min() > 0.999
    assert SPEC.decode(full.argmax(axis=-1)) == ""


@pytest.mark.parametrize("name", CUTTING)
def test_what_single_characters_taught_reads_texts(name: str) -> None:
    keras.utils.set_random_seed(2)
    # Single characters have the size that characters have in a shrunk image.
    alone, together = build_network(name, replace(ONE, width=20, height=20)), build_network(name, SPEC)
    together.set_weights(alone.get_weights())
    expected = read(alone, image(12, width=40)[::2, ::2])[0, 0]
    found = read(together, image(12, 70))[0, 0]
    # Excluding "no character" costs the others a few hundred-thousandths.
    np.testing.assert_allclose(found[:3], expected, atol=1e-3)


@pytest.mark.parametrize("name", CUTTING)
def test_a_fixed_length_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be able to find fewer than 4 characters"):
        build_network(name, CaptchaSpec())
    assert NETWORKS[name].output_spec(CaptchaSpec()) == CaptchaSpec(min_length=1)
    assert NETWORKS[name].output_spec(ONE) == ONE
    assert NETWORKS["vgg"].output_spec(CaptchaSpec()) == CaptchaSpec()


def test_the_originals_layer_for_layer() -> None:
    spec = CaptchaSpec("23456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1, 1, 40, 40)
    lenet = build_network("segmented_lenet", spec)
    # 5x5x1x10+10, 5x5x10x25+25, 7x7x25x120+120, 120x84+84, 84x34+34
    assert lenet.count_params() == 260 + 6275 + 147_120 + 10_164 + 2890
    single = build_network(
        "single_head", CaptchaSpec("".join(map(chr, range(65, 123))).replace("\\", "0"), 4, 4, 160, 60)
    )
    convolutions = [layer for layer in single.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [64, 128, 256, 512]
    assert single.get_layer("dense").kernel.shape == (3 * 10 * 512, 4096)
    assert single.get_layer("head").kernel.shape == (4096, 4 * 58)


def test_the_mlp_pays_for_every_weight() -> None:
    network = build_network("segmented_mlp", ONE)
    expected = sum(
        float(np.abs(weight).sum()) for name in ("dense", "logits") for weight in network.get_layer(name).get_weights()
    )
    found = float(sum(network.losses))
    assert found == pytest.approx(1e-5 * expected, rel=1e-4)

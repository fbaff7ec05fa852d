from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

import data_gen
from captcha_keras.errors import InputError
from captcha_keras.networks.heads import position_prior, stacked_logits
from captcha_keras.networks.registry import NETWORKS, build_network, list_networks
from captcha_keras.networks.vgg import residual_block
from captcha_keras.spec import CaptchaSpec, SpecError


def noise(spec: CaptchaSpec, count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, spec.height, spec.width, 3), np.uint8)


def test_mathematica_is_the_original_layer_for_layer() -> None:
    network = build_network("mathematica", CaptchaSpec())
    assert network.count_params() == 1_393_584
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [32, 32, 64, 64, 128, 128, 256, 256]
    assert {(layer.kernel_size, layer.padding) for layer in convolutions} == {((3, 3), "valid")}
    assert {layer.activation.__name__ for layer in convolutions} == {"linear"}
    assert network.get_layer("flatten").output.shape == (None, 1536)
    with_relu = build_network("mathematica_relu", CaptchaSpec())
    assert with_relu.count_params() == 1_393_584
    assert {layer.activation.__name__ for layer in with_relu.layers if isinstance(layer, keras.layers.Conv2D)} == {
        "relu"
    }


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "spec",
    [CaptchaSpec(), CaptchaSpec("ab", 4, 8, 200, 90), CaptchaSpec("äß漢", 1, 1, 100, 100), CaptchaSpec("01", 12, 12)],
    ids=["default", "variable", "one", "twelve"],
)
def test_every_head_is_a_distribution(name: str, spec: CaptchaSpec) -> None:
    spec = NETWORKS[name].output_spec(spec)
    network = build_network(name, spec)
    outputs = network(noise(spec), training=False)
    assert set(outputs) == set(spec.head_names)
    for probabilities in outputs.values():
        assert probabilities.shape == (3, spec.num_classes)
        np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ["vgg", "mathematica"])
def test_stacked_logits_share_weights_and_keep_the_order_of_positions(name: str) -> None:
    spec = CaptchaSpec("0OX", 12, 12, 90, 80)
    network = build_network(name, spec)
    stacked = stacked_logits(network, spec)
    images = noise(spec)
    logits = np.asarray(stacked(images, training=False))
    assert logits.shape == (3, 12, 3)
    outputs = network(images, training=False)
    expected = np.stack([outputs[head] for head in spec.head_names], axis=1)
    np.testing.assert_allclose(np.asarray(keras.ops.softmax(logits)), expected, rtol=1e-5)
    assert len({tuple(row) for row in logits[0]}) > 1  # else the order could not be told
    assert stacked.count_params() == network.count_params()


def test_each_linear_head_has_weights_of_its_own() -> None:
    spec = CaptchaSpec("0OX", 12, 12, 90, 80)
    network = build_network("mathematica", spec)
    stacked = stacked_logits(network, spec)
    images = noise(spec)
    before = np.asarray(stacked(images, training=False))
    network.get_layer("char_10_logits").bias.assign([5.0, 0.0, 0.0])
    after = np.asarray(stacked(images, training=False))
    assert np.flatnonzero(np.abs(after - before).max(axis=(0, 2)) > 1).tolist() == [10]


def test_each_attention_head_looks_where_its_weights_are() -> None:
    spec = CaptchaSpec("0OX", 3, 3, 160, 80)
    network = build_network("vgg", spec)
    look = network.get_layer("attention_logits")
    query, bias = look.get_weights()
    seen = np.full_like(bias, -1000.0)
    seen[[3, 17, 29], [0, 1, 2]] = 0  # one place each
    look.set_weights([np.zeros_like(query), seen])
    features = keras.Model(network.input, network.get_layer("places").output)
    pooled = keras.Model(network.input, network.get_layer("attention_pooling").output)
    images = noise(spec)
    places = np.asarray(features(images, training=False))
    np.testing.assert_allclose(np.asarray(pooled(images, training=False)), places[:, [3, 17, 29]], rtol=1e-4, atol=1e-5)
    _, height, width, _ = network.get_layer("dropout").output.shape
    far = counting(height, width, 3).predict_on_batch(np.zeros((1, height, width, 1)))[0]
    look.set_weights([np.zeros_like(query), -far])
    mean = places.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        np.asarray(pooled(images, training=False)), np.repeat(mean, 3, axis=1), rtol=1e-4, atol=1e-5
    )


def counting(height: int, width: int, positions: int) -> keras.Model:
    feature_map = keras.Input((height, width, 1))
    return keras.Model(feature_map, position_prior(feature_map, positions))


def test_before_training_each_head_looks_at_its_own_part_of_the_width() -> None:
    logits = counting(2, 12, 4).predict_on_batch(np.zeros((1, 2, 12, 1))).reshape(2, 12, 4)
    np.testing.assert_array_equal(logits[0], logits[1])
    assert logits[0].argmax(axis=0).tolist() == [1, 4, 7, 10]
    np.testing.assert_allclose(logits[0].max(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(logits[0, :, ::-1], logits[0, ::-1], atol=1e-4)


def test_heads_count_characters_wherever_they_stand() -> None:
    network = counting(2, 12, 3)
    layer = network.get_layer("part_of_character")
    # A column with ink holds half a character in its two rows; one without holds nothing.
    layer.set_weights([np.array([[20 + np.log(np.expm1(0.25))]]), np.array([-20.0])])
    for columns in ([0, 1, 2, 3, 4, 5], [1, 2, 6, 7, 10, 11], [4, 5, 6, 7]):
        ink = np.zeros((1, 2, 12, 1))
        ink[:, :, columns] = 1
        logits = network.predict_on_batch(ink).reshape(2, 12, 3)[0]
        heads = range(len(columns) // 2)
        found = [sorted(np.argsort(-logits[columns, head])[:2].tolist()) for head in heads]
        assert found == [[2 * head, 2 * head + 1] for head in heads]
    assert logits[-1, 2] > logits[4:8, 2].max()  # there is no third character: that head looks behind the second


def test_vgg_reads_ink_whatever_its_colours() -> None:
    spec = CaptchaSpec()
    network = build_network("vgg", spec)
    ink = np.random.default_rng(0).random((1, spec.height, spec.width, 1)) < 0.2
    strong, faint = (
        np.where(ink, dark, light).astype(np.uint8).repeat(3, axis=-1) for dark, light in ((10, 250), (190, 240))
    )
    first, second = (np.asarray(network(images, training=False)["char_1"]) for images in (strong, faint))
    np.testing.assert_allclose(first, second, atol=1e-3)
    blank = np.full((1, spec.height, spec.width, 3), 200, np.uint8)
    blank[0, 0, 0] = 201
    assert np.isfinite(network(blank, training=False)["char_1"]).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_smallest_size_is_exact(name: str) -> None:
    side = NETWORKS[name].smallest_side
    spec = NETWORKS[name].output_spec(CaptchaSpec(width=side, height=side))
    build_network(name, spec)
    for width, height in ((side - 1, 200), (200, side - 1)):
        with pytest.raises(SpecError) as caught:
            build_network(name, replace(spec, width=width, height=height))
        assert str(caught.value) == (
            f"Images of {width}x{height} are too small for the network {name!r}, which needs at least {side}x{side}."
        )


def test_the_smallest_sides_are_those_of_the_backbones() -> None:
    assert NETWORKS["mathematica"].smallest_side == 76
    assert NETWORKS["vgg"].smallest_side == 15
    assert NETWORKS["mathematica"].backbone_side(170) == 6
    assert NETWORKS["mathematica"].backbone_side(80) == 1


@pytest.mark.parametrize("name", ["mathematica_relu", "single_head"])
def test_what_differs_between_images_does_not_fade_behind_relus(name: str) -> None:
    spec = CaptchaSpec("AB", 2, 2, 80, 80)
    source = data_gen.Series(spec, 0).source()
    images = np.stack([source.draw(index).pixels for index in range(16)])
    keras.utils.set_random_seed(0)
    network = build_network(name, spec)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    look = keras.Model(network.input, [convolutions[0].output, convolutions[-1].output])
    first, last = (features.std(axis=0).mean() for features in look.predict_on_batch(images))
    # Behind Glorot's initialisation less than a quarter is left, and training does not begin.
    assert last > 0.5 * first


def test_vgg_wide_is_vgg_with_more_filters_and_columns() -> None:
    spec = CaptchaSpec("0123456789", 1, 10, 200, 64)
    narrow, wide = (build_network(name, spec) for name in ("vgg", "vgg_wide"))
    assert narrow.get_layer("block4_norm").output.shape == (None, 4, 12, 192)
    assert wide.get_layer("block4_norm").output.shape == (None, 4, 25, 192)
    named = [{layer.name for layer in model.layers if layer.weights} for model in (narrow, wide)]
    added = {f"block{block}_conv{convolution}" for block in (5, 6) for convolution in (1, 2)}
    assert named[1] == named[0] | added
    assert narrow.count_params() < wide.count_params() < 2_000_000


def test_a_new_residual_block_changes_nothing_and_learns() -> None:
    feature_map = keras.Input((2, 3, 8))
    block = keras.Model(feature_map, residual_block(feature_map, 4, "float32", "block5"))
    values = np.random.default_rng(0).standard_normal((16, 2, 3, 8)).astype(np.float32)
    np.testing.assert_array_equal(block.predict_on_batch(values), values)
    block.compile(keras.optimizers.Adam(0.01), "mse")
    losses = [block.train_on_batch(values, -values) for _ in range(50)]
    assert losses[-1] < 0.9 * losses[0]


def test_an_unknown_network_is_named() -> None:
    assert list_networks() == sorted(NETWORKS)
    with pytest.raises(InputError, match="no network 'resnet'; choose one of vgg, vgg_wide, mathematica"):
        build_network("resnet", CaptchaSpec())


def test_bfloat16_computes_the_backbone_and_float32_the_heads() -> None:
    network = build_network("vgg", CaptchaSpec(), keras.DTypePolicy("mixed_bfloat16"))
    for layer in network.layers:
        expected = "bfloat16" if layer.name.startswith(("block", "dropout")) else "float32"
        if layer.name != "image":
            assert layer.compute_dtype == expected, layer.name
    assert {variable.dtype for variable in network.weights} == {"float32"}
    reference = build_network("vgg", CaptchaSpec())
    reference.set_weights(network.get_weights())
    images = noise(CaptchaSpec())
    ours, exact = (np.asarray(each(images, training=False)["char_0"]) for each in (network, reference))
    assert np.abs(ours - exact).max() < 0.05
    assert not np.array_equal(ours, exact)

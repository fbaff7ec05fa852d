"""The end of every network: one softmax head for each position."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from captcha_keras.spec import CaptchaSpec

# How sharply a head looks at its own character before training: its logits fall by this much at the distance of one.
SHARPNESS = 2.0


def softmax_heads(inputs: keras.KerasTensor, features: keras.KerasTensor, spec: CaptchaSpec, name: str) -> keras.Model:
    """Close a network with a linear layer and a softmax for each position.

    Args:
        inputs: The image input.
        features: Shape `(N, F)`.
        spec: Gives the number of heads and classes.
        name: Name of the model.

    Returns:
        A model with outputs `{"char_0": (N, K), …}`, the heads of these names its last layers.
    """
    logits = [
        layers.Dense(spec.num_classes, dtype="float32", name=f"{head}_logits")(features) for head in spec.head_names
    ]
    return attach_softmax_heads(inputs, logits, spec, name)


def attention_heads(
    inputs: keras.KerasTensor, feature_map: keras.KerasTensor, spec: CaptchaSpec, name: str
) -> keras.Model:
    """Close a network with heads that look at their own characters and share what a character looks like.

    Each position takes a mean of the feature map, weighted by where its character is. One linear layer then classifies
    all positions: every character of an image teaches it, wherever it stands.

    Args:
        inputs: The image input.
        feature_map: Shape `(N, height, width, C)`.
        spec: Gives the number of heads and classes.
        name: Name of the model.

    Returns:
        As `softmax_heads`.
    """
    pooled = attention_pooling(feature_map, spec.max_length)
    logits = layers.Dense(spec.num_classes, dtype="float32", name="logits")(pooled)
    return attach_softmax_heads(inputs, by_position(logits, spec), spec, name)


def attention_pooling(feature_map: keras.KerasTensor, positions: int) -> keras.KerasTensor:
    """A weighted mean of the feature map for each position: `(N, height, width, C)` to `(N, positions, C)`.

    The weight of a place is the softmax, over all places, of a linear function of its features, a learned bias of the
    place, and how far it is from the position along the text: attention with one learned query a position, as Lee and
    Osindero (2016) read text with, that counts the characters from the left.
    """
    _, height, width, channels = feature_map.shape
    places = layers.Reshape((height * width, channels), dtype="float32", name="places")(feature_map)
    look = layers.EinsumDense(
        "npc,cl->npl",
        output_shape=(height * width, positions),
        bias_axes="pl",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="attention_logits",
    )
    logits = look(places) + distances(feature_map, positions)
    weights = layers.Softmax(axis=1, dtype="float32", name="attention")(logits)
    return layers.Dot(axes=(1, 1), dtype="float32", name="attention_pooling")([weights, places])


def distances(feature_map: keras.KerasTensor, positions: int) -> keras.KerasTensor:
    """How far each place is from each position, as logits: `(N, height * width, positions)`, 0 where it is.

    Distances are measured in characters, not in pixels: each place says which part of a character it holds, and the sum
    over all columns to its left is the number of characters before it. Narrow characters, and few of them, are counted
    all the same. Before training every column holds the same, so that each position begins to look at its own part of
    the width.
    """
    _, height, width, _ = feature_map.shape
    fraction = positions / (height * width)
    part = layers.Dense(
        1,
        activation="softplus",
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(math.log(math.expm1(fraction))),
        dtype="float32",
        name="part_of_character",
    )(feature_map)
    held = ops.sum(part, axis=1, keepdims=True)
    before = ops.cumsum(held, axis=2) - held / 2
    centres = np.arange(positions, dtype=np.float32) + 0.5
    logits = -SHARPNESS * ops.square(before - centres)
    return layers.Reshape((height * width, positions), dtype="float32")(ops.repeat(logits, height, axis=1))


def by_position(logits: keras.KerasTensor, spec: CaptchaSpec) -> list[keras.KerasTensor]:
    """`(N, L, K)` as one tensor `(N, K)` a position."""
    return [logits[:, position] for position in range(spec.max_length)]


def attach_softmax_heads(
    inputs: keras.KerasTensor, logits: Sequence[keras.KerasTensor], spec: CaptchaSpec, name: str
) -> keras.Model:
    """Close a network with a softmax for each position, its `logits` given: `(N, K)` each."""
    # In float32: probabilities near 1 need more than bfloat16's 8 bits.
    outputs = {
        head: layers.Softmax(dtype="float32", name=head)(values)
        for head, values in zip(spec.head_names, logits, strict=True)
    }
    return keras.Model(inputs, outputs, name=name)


def stacked_logits(network: keras.Model, spec: CaptchaSpec) -> keras.Model:
    """The same network up to its logits, stacked in order of position: float32 `(N, L, K)`.

    One output means one loss and one metric over whole texts, and the logits give it its exact form.
    The layers are shared: training this model trains the network.
    """
    logits = [network.get_layer(head).input for head in spec.head_names]
    rows = [layers.Reshape((1, spec.num_classes), dtype="float32")(output) for output in logits]
    stacked = rows[0] if len(rows) == 1 else layers.Concatenate(axis=1, dtype="float32")(rows)
    return keras.Model(network.input, stacked, name=f"{network.name}_logits")

"""Output heads: logits and one softmax for each character position."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from captcha_keras.spec import CaptchaSpec

# Standard deviation of the Gaussian position prior, in characters.
PRIOR_STDDEV = 0.5


def softmax_heads(inputs: keras.KerasTensor, features: keras.KerasTensor, spec: CaptchaSpec, name: str) -> keras.Model:
    """Attach one dense layer and softmax per position and build the model.

    Args:
        inputs: The image input.
        features: Flat features, `(N, F)`.
        spec: Gives the number of positions L and of classes K.
        name: Name of the model.

    Returns:
        A model with outputs `{"char_0": (N, K), …}`; its last layers are the heads and have these names.

    Example:
        >>> image = keras.Input((8, 8, 3), dtype="uint8")
        >>> model = softmax_heads(image, layers.Flatten()(image), CaptchaSpec("ABC", 2, 2, 8, 8), "linear")
        >>> {name: head.shape for name, head in model.output.items()}
        {'char_0': (None, 3), 'char_1': (None, 3)}
    """
    logits = [
        layers.Dense(spec.num_classes, dtype="float32", name=f"{head}_logits")(features) for head in spec.head_names
    ]
    return attach_softmax_heads(inputs, logits, spec, name)


def attention_heads(
    inputs: keras.KerasTensor, feature_map: keras.KerasTensor, spec: CaptchaSpec, name: str
) -> keras.Model:
    """Attach attention heads that share one classifier and build the model.

    `attention_pooling` gives each position a feature vector of its own. One dense layer classifies them all, so every
    character of an image trains the same weights, whatever its position.

    Args:
        inputs: The image input.
        feature_map: Shape `(N, height, width, C)`.
        spec: Gives the number of positions L and of classes K.
        name: Name of the model.

    Returns:
        As `softmax_heads`.

    Example:
        >>> image = keras.Input((8, 8, 3), dtype="uint8")
        >>> model = attention_heads(image, layers.Conv2D(5, 3)(image), CaptchaSpec("ABC", 2, 2, 8, 8), "attention")
        >>> model.output_names, model.get_layer("logits").output.shape
        (['char_0', 'char_1'], (None, 2, 3))
    """
    pooled = attention_pooling(feature_map, spec.max_length)
    logits = layers.Dense(spec.num_classes, dtype="float32", name="logits")(pooled)
    return attach_softmax_heads(inputs, by_position(logits, spec), spec, name)


def attention_pooling(feature_map: keras.KerasTensor, positions: int) -> keras.KerasTensor:
    """Attention pooling: one weighted mean of the feature map per position.

    The attention logits are a linear function of the features (one learned query per position), plus a learned bias of
    each location, plus `position_prior`. Lee and Osindero (2016) introduced attention for reading text; the prior is
    what counts the characters from the left.

    Args:
        feature_map: Shape `(N, height, width, C)`.
        positions: Number of positions L.

    Returns:
        float32 `(N, L, C)`.

    Example:
        >>> attention_pooling(keras.Input((4, 6, 5)), positions=3).shape
        (None, 3, 5)
    """
    _, height, width, channels = feature_map.shape
    # (N, height, width, C) to (N, height * width, C)
    locations = layers.Reshape((height * width, channels), dtype="float32", name="places")(feature_map)
    score = layers.EinsumDense(
        "npc,cl->npl",
        output_shape=(height * width, positions),
        bias_axes="pl",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="attention_logits",
    )
    logits = score(locations) + position_prior(feature_map, positions)
    weights = layers.Softmax(axis=1, dtype="float32", name="attention")(logits)
    return layers.Dot(axes=(1, 1), dtype="float32", name="attention_pooling")([weights, locations])


def position_prior(feature_map: keras.KerasTensor, positions: int) -> keras.KerasTensor:
    """Position prior of the attention: minus twice the squared distance, in characters.

    As a softmax this is a Gaussian around the centre of each character. Distances count characters, not pixels: a
    dense layer estimates which fraction of a character each location holds, and the cumulative sum over the columns is
    the number of characters to the left. It holds for narrow characters and for short texts too. Initially all
    locations hold the same fraction, so that each position attends to its own slice of the width.

    Args:
        feature_map: Shape `(N, height, width, C)`.
        positions: Number of positions L.

    Returns:
        Logits, float32 `(N, height * width, L)`; 0 at the centre of the character.

    Example:
        >>> feature_map = keras.Input((1, 4, 5))
        >>> prior = keras.Model(feature_map, position_prior(feature_map, positions=2))
        >>> prior.predict_on_batch(np.zeros((1, 1, 4, 5), np.float32))[0].round(3).T.tolist()
        [[-0.125, -0.125, -1.125, -3.125], [-3.125, -1.125, -0.125, -0.125]]
    """
    _, height, width, _ = feature_map.shape
    fraction = positions / (height * width)
    held = layers.Dense(
        1,
        activation="softplus",
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(math.log(math.expm1(fraction))),
        dtype="float32",
        name="part_of_character",
    )(feature_map)
    held_by_column = ops.sum(held, axis=1, keepdims=True)  # (N, 1, width, 1)
    column_centre = ops.cumsum(held_by_column, axis=2) - held_by_column / 2
    character_centre = np.arange(positions, dtype=np.float32) + 0.5
    logits = -0.5 / PRIOR_STDDEV**2 * ops.square(column_centre - character_centre)  # (N, 1, width, L)
    # All rows of a column share its logits: (N, height * width, L).
    return layers.Reshape((height * width, positions), dtype="float32")(ops.repeat(logits, height, axis=1))


def by_position(logits: keras.KerasTensor, spec: CaptchaSpec) -> list[keras.KerasTensor]:
    """The logits of each position: `(N, L, K)` unstacked to L tensors `(N, K)`.

    Example:
        >>> [head.shape for head in by_position(keras.Input((2, 3)), CaptchaSpec("ABC", 2, 2))]
        [(None, 3), (None, 3)]
    """
    return [logits[:, position] for position in range(spec.max_length)]


def attach_softmax_heads(
    inputs: keras.KerasTensor, logits: Sequence[keras.KerasTensor], spec: CaptchaSpec, name: str
) -> keras.Model:
    """Attach one softmax per position to given logits and build the model.

    Args:
        inputs: The image input.
        logits: L tensors `(N, K)`, in order of position.
        spec: Names the heads.
        name: Name of the model.

    Returns:
        As `softmax_heads`.

    Example:
        >>> logits = keras.Input((3,))
        >>> attach_softmax_heads(logits, [logits, -logits], CaptchaSpec("ABC", 2, 2), "heads").output_names
        ['char_0', 'char_1']
    """
    # In float32: probabilities near 1 need more than bfloat16's 8 bits.
    outputs = {
        head: layers.Softmax(dtype="float32", name=head)(values)
        for head, values in zip(spec.head_names, logits, strict=True)
    }
    return keras.Model(inputs, outputs, name=name)


def stacked_logits(network: keras.Model, spec: CaptchaSpec) -> keras.Model:
    """The training model of a network: the same layers up to the logits, stacked to float32 `(N, L, K)`.

    A single output takes a single loss and metrics over whole texts, and the loss is exact on logits. The layers are
    shared: to train this model is to train the network.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> spec = CaptchaSpec("ABC", 2, 2, 16, 16)
        >>> stacked_logits(build_network("vgg", spec), spec).output_shape
        (None, 2, 3)
    """
    logits = [network.get_layer(head).input for head in spec.head_names]
    # L times (N, K) to (N, 1, K), then to (N, L, K)
    rows = [layers.Reshape((1, spec.num_classes), dtype="float32")(output) for output in logits]
    stacked = rows[0] if len(rows) == 1 else layers.Concatenate(axis=1, dtype="float32")(rows)
    return keras.Model(network.input, stacked, name=f"{network.name}_logits")

"""The end that every network shares: one softmax head for each position."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.spec import CaptchaSpec


def softmax_heads(inputs: keras.KerasTensor, features: keras.KerasTensor, spec: CaptchaSpec, name: str) -> keras.Model:
    """Close a network with a linear layer and a softmax for each position.

    The heads compute in float32: probabilities near 1 need more than bfloat16's 8 bits.

    Args:
        inputs: The image input.
        features: Shape `(N, F)`.
        spec: Gives the number of heads and classes.
        name: Name of the model.

    Returns:
        A model with outputs `{"char_0": (N, K), …}` and layers `char_0_logits` before each softmax.
    """
    outputs = {}
    for head in spec.head_names:
        logits = layers.Dense(spec.num_classes, dtype="float32", name=f"{head}_logits")(features)
        outputs[head] = layers.Softmax(dtype="float32", name=head)(logits)
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

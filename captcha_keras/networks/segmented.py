"""What the networks share that read one character at a time, cut out of the image at its empty columns.

The networks themselves are in `segmented_mlp.py`, `segmented_lenet.py` and `emnist_cnn.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from captcha_keras.networks.heads import attach_softmax_heads, by_position
from captcha_keras.networks.segmentation import Cutter
from captcha_keras.spec import CaptchaSpec

# Takes crops, float32 (M, side, side, 1), the number of classes and the dtype policy; gives logits (M, classes).
Classifier = Callable[[keras.KerasTensor, int, keras.DTypePolicy | str], keras.KerasTensor]

# Logit of "no character", which the cut alone decides: this where a position is empty, its negative where it is not.
NO_CHARACTER_LOGIT = 10.0


def segmented(
    spec: CaptchaSpec, dtype: keras.DTypePolicy | str, cutter: Cutter, classifier: Classifier, name: str
) -> keras.Model:
    """Build a network that cuts images into characters and classifies each with the same weights.

    An image without ink, or with more parts than the spec has positions, gives "no character" at every position: an
    empty text. Touching characters are one part, so the text becomes too short. With a single position all ink is one
    character.

    Args:
        spec: Of variable length, or of a single character.
        dtype: Dtype policy of the classifier.
        cutter: Cuts out the characters.
        classifier: Builds the layers that classify one character; they hold all the weights.
        name: Name of the model.

    Returns:
        A model with outputs `{"char_0": (N, K), …}`.

    Raises:
        ValueError: The spec has a fixed length of more than one character.

    Example:
        >>> def linear(crops, classes, dtype):
        ...     return keras.layers.Dense(classes)(keras.layers.Flatten()(crops))
        >>> segmented(CaptchaSpec("AB", 1, 2, 40, 20), "float32", Cutter(side=8), linear, "linear").output_names
        ['char_0', 'char_1']
    """
    if spec.max_length > 1 and not spec.variable_length:
        raise ValueError(
            f"{name} must be able to find fewer than {spec.max_length} characters: see `Network.output_spec`."
        )
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    crops, count = cutter.characters(inputs, spec.max_length)
    # (N, L, side, side) to (N * L, side, side, 1): the classifier sees every character as an image of its own.
    crops = ops.reshape(crops, (-1, cutter.side, cutter.side, 1))
    logits = classifier(crops, len(spec.alphabet), dtype)
    # (N * L, classes) back to (N, L, classes)
    logits = ops.reshape(ops.cast(logits, "float32"), (-1, spec.max_length, len(spec.alphabet)))
    if spec.variable_length:
        logits = _with_no_character(logits, count)
    return attach_softmax_heads(inputs, by_position(logits, spec), spec, name)


def _with_no_character(logits: keras.KerasTensor, count: keras.KerasTensor) -> keras.KerasTensor:
    """Add the class "no character": near certain where the cut found none, near impossible where it found one."""
    length = logits.shape[1]
    # Floats, not booleans: oneDNN has no kernels for these and says so on the terminal.
    count = ops.reshape(ops.cast(count, "float32"), (-1, 1, 1))  # (N,) to (N, 1, 1)
    positions = np.arange(length, dtype=np.float32).reshape(1, length, 1)
    # 1 where there is a character, else 0; all 0 if there are more parts than positions: (N, L, 1)
    found = ops.clip(count - positions, 0.0, 1.0) * (1.0 - ops.clip(count - length, 0.0, 1.0))
    return ops.concatenate([logits * found, NO_CHARACTER_LOGIT * (1.0 - 2.0 * found)], axis=2)


def backbone_side(side: int) -> int:
    """Side of the shrunk image that is cut, from an image side in pixels; 0 if the image is too small.

    Example:
        >>> backbone_side(80)
        40
    """
    return side // 2

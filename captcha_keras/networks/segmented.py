"""Networks that read one character at a time, cut out of the image by its empty columns.

The original systems stand in `segmented_mlp.py`, `segmented_lenet.py` and `emnist_cnn.py`; this is what they share.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from captcha_keras.networks.heads import attach_softmax_heads, by_position
from captcha_keras.networks.segmentation import Cutter
from captcha_keras.spec import CaptchaSpec

# Ink of the characters, float32 (M, side, side, 1), and the number of classes, to logits (M, classes).
Classifier = Callable[[keras.KerasTensor, int, keras.DTypePolicy | str], keras.KerasTensor]

# The logit of what is decided by the cut alone: "no character" where there is none, with a probability near 1.
SURE = 10.0


def segmented(
    spec: CaptchaSpec, dtype: keras.DTypePolicy | str, cutter: Cutter, classifier: Classifier, name: str
) -> keras.Model:
    """Cut an image into characters, classify each, and answer as every network here does.

    An image without ink, or with more parts than the spec has positions, gives "no character" at every position: an
    empty text. Touching characters are one part and make the text too short. With one position all ink is one
    character.

    Args:
        spec: Of variable length, or of a single character.
        dtype: Policy of the classifier.
        cutter: Finds the characters.
        classifier: Its layers; all that is trained.
        name: Name of the model.
    """
    if spec.max_length > 1 and not spec.variable_length:
        raise ValueError(
            f"{name} must be able to find fewer than {spec.max_length} characters: see `Network.output_spec`."
        )
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    squares, count = cutter.characters(inputs, spec.max_length)
    squares = ops.reshape(squares, (-1, cutter.side, cutter.side, 1))
    logits = classifier(squares, len(spec.alphabet), dtype)
    logits = ops.reshape(ops.cast(logits, "float32"), (-1, spec.max_length, len(spec.alphabet)))
    if spec.variable_length:
        logits = _with_no_character(logits, count)
    return attach_softmax_heads(inputs, by_position(logits, spec), spec, name)


def _with_no_character(logits: keras.KerasTensor, count: keras.KerasTensor) -> keras.KerasTensor:
    """Add the last class: sure where the cut found no character, excluded where it found one."""
    most = logits.shape[1]
    # Numbers, not truth values: oneDNN has no kernels for these and says so on the terminal.
    count = ops.reshape(ops.cast(count, "float32"), (-1, 1, 1))
    places = np.arange(most, dtype=np.float32).reshape(1, most, 1)
    there = ops.clip(count - places, 0.0, 1.0) * (1.0 - ops.clip(count - most, 0.0, 1.0))  # (N, L, 1)
    return ops.concatenate([logits * there, SURE * (1.0 - 2.0 * there)], axis=2)


def backbone_side(side: int) -> int:
    """What the cutter's first step leaves of an image side."""
    return side // 2

"""Transfer of weights from a trained network to one of another alphabet, length or image size."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec

# The layers of `networks/heads.py` whose weights depend on classes, positions or the size of the image.
CLASSIFIER, ATTENTION = "logits", "attention_logits"


def transfer_weights(source: keras.Model, source_spec: CaptchaSpec, target: keras.Model, spec: CaptchaSpec) -> None:
    """Copy the weights that two networks with the same backbone share.

    The backbone is copied whole. Layers that only the new network has keep their initial weights. Of the classifier the
    columns of the shared characters are copied, and that of "no character" if both have it. Of the attention the
    queries of the shared positions are copied, and the biases of the locations if the feature maps have the same size.
    Everything else keeps its random weights.

    Args:
        source: The trained network.
        source_spec: Its spec.
        target: The new network, which is changed.
        spec: Its spec.

    Raises:
        InputError: The new network lacks a layer of the trained one, or has it in another shape.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> old, new = CaptchaSpec("ABC", 1, 3, 32, 32), CaptchaSpec("BCD", 2, 2, 48, 32)
        >>> trained, network = build_network("vgg", old), build_network("vgg", new)
        >>> transfer_weights(trained, old, network, new)
        >>> columns = [model.get_layer("logits").kernel for model in (trained, network)]
        >>> bool((np.asarray(columns[0])[:, 1] == np.asarray(columns[1])[:, 0]).all())  # B
        True
    """
    trained = {layer.name for layer in source.layers if layer.weights}
    missing = trained - {layer.name for layer in target.layers if layer.weights}
    if missing:
        raise InputError(f"The weights of {source.name!r} do not fit {target.name!r}: it has no {sorted(missing)[0]}.")
    for name in sorted(trained):
        old, new = source.get_layer(name).get_weights(), target.get_layer(name).get_weights()
        if name == CLASSIFIER:
            new = [
                _with_shared_classes(before, after, source_spec, spec) for before, after in zip(old, new, strict=True)
            ]
        elif name == ATTENTION:
            new = [_with_shared_positions(before, after) for before, after in zip(old, new, strict=True)]
        elif [array.shape for array in old] != [array.shape for array in new]:
            raise InputError(f"The weights of {source.name!r} do not fit {target.name!r}: {name} has another shape.")
        else:
            new = old
        target.get_layer(name).set_weights(new)


def _with_shared_classes(
    old: NDArray[np.float32], new: NDArray[np.float32], old_spec: CaptchaSpec, spec: CaptchaSpec
) -> NDArray[np.float32]:
    """The new kernel `(C, K)` or bias `(K,)`, with the columns of the classes that both specs have."""
    result = new.copy()
    # The classifier of a network that cuts has no column for "no character", the last class.
    before = old_spec.classes[: old.shape[-1]]
    for class_id, name in enumerate(spec.classes[: new.shape[-1]]):
        if name in before:
            result[..., class_id] = old[..., before.index(name)]
    return result


def _with_shared_positions(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """The new queries `(C, L)` or biases `(locations, L)`, with those of the positions that both have."""
    if old.shape[0] != new.shape[0]:
        return new
    positions = min(old.shape[1], new.shape[1])
    result = new.copy()
    result[:, :positions] = old[:, :positions]
    return result

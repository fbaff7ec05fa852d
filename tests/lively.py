"""An untrained network that tells images apart: each has probabilities of its own, and most a text of its own."""

from __future__ import annotations

import keras
import numpy as np

from captcha_keras.dataset.images import decode_image
from captcha_keras.networks.registry import build_network
from captcha_keras.spec import CaptchaSpec
from data_gen import Series

SPEC = CaptchaSpec("0OXé", 1, 3, 96, 64)
SOURCE = Series(SPEC, 3).source()
FILES = [SOURCE.draw(index).content for index in range(8)]


def lively_network(seed: int = 0) -> keras.Model:
    """Batch normalisation with the statistics of `FILES`, as after a training."""
    keras.utils.set_random_seed(seed)
    network = build_network("vgg", SPEC)
    images = np.stack([decode_image(content) for content in FILES])
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(images, training=True)
    return network

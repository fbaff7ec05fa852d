"""The network for any look: `vgg` with more filters and layers, and with twice as many columns for longer texts."""

from __future__ import annotations

import keras

from captcha_keras.networks.vgg import build_vgg
from captcha_keras.spec import CaptchaSpec

FILTERS = ((24, 24), (48, 48), (96, 112), (144, 192))
# Of the first convolutions of the two residual blocks behind these.
RESIDUAL = (64, 64)


def vgg_wide(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The network for any look: four wider VGG blocks, two residual blocks, attention heads.

    The last max pooling joins rows alone. An image of 200 columns so has 25 locations in a row where `vgg` has 12, too
    few for texts of ten characters. The network has 1.03 million parameters.

    Args:
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone.

    Example:
        >>> network = vgg_wide(CaptchaSpec(min_length=1, max_length=10, width=200, height=64))
        >>> network.get_layer("block6_add").output.shape
        (None, 4, 25, 192)
    """
    return build_vgg(spec, dtype, FILTERS, (2, 1), "vgg_wide", RESIDUAL)

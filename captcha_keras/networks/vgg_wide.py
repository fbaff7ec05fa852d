"""The network for any look: `vgg` with more filters, and with twice as many columns for longer texts."""

from __future__ import annotations

import keras

from captcha_keras.networks.vgg import build_vgg
from captcha_keras.spec import CaptchaSpec

FILTERS = ((24, 24), (48, 48), (96, 112), (144, 192))


def vgg_wide(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The network for any look: four wider VGG blocks, the last at twice the columns, then attention heads.

    The last max pooling joins rows alone. An image of 200 columns so has 25 locations in a row where `vgg` has 12, too
    few for texts of ten characters.

    Args:
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone.

    Example:
        >>> network = vgg_wide(CaptchaSpec(min_length=1, max_length=10, width=200, height=64))
        >>> network.get_layer("block4_norm").output.shape
        (None, 4, 25, 192)
    """
    return build_vgg(spec, dtype, FILTERS, (2, 1), "vgg_wide")

"""The network of "Solving text based CAPTCHA with Machine Learning, part 2": a CNN on characters cut as in EMNIST."""

from __future__ import annotations

import keras
from keras import layers

from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import segmented
from captcha_keras.spec import CaptchaSpec

# As in EMNIST: the longer side of a character takes 24 of 28 pixels, white is 0 and the darkest ink 1.
CUTTER = Cutter(side=28, trim=True, margin=1 / 12, contrast=True)


def emnist_cnn(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """The article's network: characters of 28x28 pixels, two convolution blocks, then the classes.

    The blocks are two 5x5 convolutions of 32 filters and two 3x3 convolutions of 64, each followed by 2x2 max pooling,
    batch normalisation and dropout 0.25.

    Args:
        spec: Image size, alphabet and number of positions; of variable length or of a single character.
        dtype: Dtype policy of the classifier.

    Example:
        >>> emnist_cnn(CaptchaSpec("ABC", 1, 2, 80, 40)).get_layer("flatten").output.shape
        (None, 3136)
    """
    return segmented(spec, dtype, CUTTER, _classifier, "emnist_cnn")


def _classifier(crops: keras.KerasTensor, classes: int, dtype: keras.DTypePolicy | str) -> keras.KerasTensor:
    x = crops
    for block, (filters, size) in enumerate(((32, 5), (64, 3)), start=1):
        for convolution in (1, 2):
            x = layers.Conv2D(
                filters, size, padding="same", activation="relu", dtype=dtype, name=f"block{block}_conv{convolution}"
            )(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block}_pool")(x)
        x = layers.BatchNormalization(dtype=dtype, name=f"block{block}_norm")(x)
        x = layers.Dropout(0.25, dtype=dtype, name=f"block{block}_dropout")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)  # (M, 7 * 7 * 64)
    return layers.Dense(classes, dtype="float32", name="logits")(x)

"""Properties of an image that its pixels tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.batching import batch_slices

# sRGB to relative luminance, as WCAG 2.2 defines it.
CHANNELS = np.array([0.2126, 0.7152, 0.0722], np.float32)
FLARE = 0.05
# Text covers at least a fiftieth of an image.
TEXT_PERCENTILE = 2


def contrast_ratios(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The contrast ratio of text and background of each image (WCAG 2.2), 1 to 21.

    The background is the median luminance, the text the second percentile from whichever end is farther away.

    Args:
        images: uint8 RGB `(N, height, width, 3)`.

    Returns:
        float32 `(N,)`.

    Example:
        >>> images = np.full((1, 40, 80, 3), 255, np.uint8)
        >>> images[:, 10:20] = 0
        >>> contrast_ratios(images)
        array([21.], dtype=float32)
    """
    return np.concatenate([_ratios(images[rows]) for rows in batch_slices(len(images))])


def _ratios(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    luminance = (_linear()[images] @ CHANNELS).reshape(len(images), -1)
    dark, ground, light = np.percentile(luminance, (TEXT_PERCENTILE, 50, 100 - TEXT_PERCENTILE), axis=1) + FLARE
    return np.asarray(np.maximum(ground / dark, light / ground), np.float32)


def _linear() -> NDArray[np.float32]:
    """The linear light of each value of a channel."""
    value = np.arange(256, dtype=np.float32) / 255
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4), np.float32)

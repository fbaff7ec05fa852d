"""What a recognizer takes for an image, and how it becomes pixels."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.dataset.images import ImageError, decode_image, read_image, to_rgb
from captcha_keras.errors import InputError

ImageFile = str | os.PathLike[str] | bytes | Image.Image
# A path, the bytes of a PNG or JPEG file, a PIL image, or a uint8 array (height, width), (height, width, 3) or (…, 4).
ImageInput = ImageFile | NDArray[np.uint8]


def to_pixels_each(images: ImageInput | Iterable[ImageInput]) -> tuple[list[NDArray[np.uint8]], bool]:
    """The pixels of one image or of several, and whether it was one.

    Raises:
        InputError: One is no image.

    Example:
        >>> pixels, single = to_pixels_each(np.zeros((2, 80, 170, 3), np.uint8))
        >>> len(pixels), single
        (2, False)
    """
    several = (
        images.ndim == 4
        if isinstance(images, np.ndarray)
        else not isinstance(images, str | os.PathLike | bytes | Image.Image)
    )
    if several and isinstance(images, Iterable):
        return [to_pixels(image) for image in images], False
    return [to_pixels(images)], True


def to_pixels(image: Any) -> NDArray[np.uint8]:
    """The pixels of one image.

    Args:
        image: An `ImageInput`.

    Returns:
        uint8 RGB `(height, width, 3)`.

    Raises:
        InputError: It is no image, or an array of another dtype or shape.

    Example:
        >>> to_pixels(np.zeros((80, 170), np.uint8)).shape
        (80, 170, 3)
    """
    if isinstance(image, str | os.PathLike):
        try:
            return read_image(image)
        except ImageError as error:
            raise InputError(f"{os.fspath(image)} {error}.") from error
    if isinstance(image, bytes):
        try:
            return decode_image(image)
        except ImageError as error:
            raise InputError(f"The image {error}.") from error
    if isinstance(image, Image.Image):
        return np.asarray(to_rgb(image))
    return _checked(image)


def _checked(array: Any) -> NDArray[np.uint8]:
    if not isinstance(array, np.ndarray):
        raise InputError(f"An image must be a path, bytes, a PIL image or a uint8 array, got {type(array).__name__}.")
    grey = array.ndim == 2 and array.size
    if array.dtype != np.uint8 or not (grey or (array.ndim == 3 and array.size and array.shape[-1] in (1, 3, 4))):
        raise InputError(
            "An array must hold uint8 pixels from 0 to 255 of shape (height, width, 3), got "
            f"{array.dtype} of shape {array.shape}."
        )
    if array.ndim == 3 and array.shape[-1] == 3:
        return array
    return np.asarray(to_rgb(Image.fromarray(array if array.shape[-1] != 1 or array.ndim == 2 else array[..., 0])))

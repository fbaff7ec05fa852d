"""Decodes image files to arrays; outside of a served graph no other module decodes pixels.

Needs Pillow; loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec

MAX_PIXELS = 16_000_000


class ImageError(InputError):
    """A file that is no readable PNG or JPEG image; the message does not repeat the file's name.

    Example:
        >>> decode_image(b"no image")
        Traceback (most recent call last):
        captcha_keras.dataset.images.ImageError: is no complete PNG or JPEG image
    """


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Decode one PNG or JPEG file.

    Returns:
        uint8 RGB, shape `(height, width, 3)`, values 0 to 255. Grey, palette, CMYK and 16-bit images are
        converted; transparent pixels are laid on white.

    Raises:
        ImageError: The file cannot be read, is empty, is no complete PNG or JPEG, or has more than
            16 million pixels (checked before decoding).

    Example:
        >>> Image.new("L", (2, 1), 128).save("grey.png")
        >>> read_image("grey.png").tolist()
        [[[128, 128, 128], [128, 128, 128]]]
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    return decode_image(content)


def decode_image(content: bytes) -> NDArray[np.uint8]:
    """Decode the bytes of one PNG or JPEG image, as `read_image` does.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("RGBA", (1, 1)).save(file, "png")  # transparent
        >>> decode_image(file.getvalue()).tolist()
        [[[255, 255, 255]]]
    """
    if not content:
        raise ImageError("is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images; the limit below is ours and is an error.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageError(f"is {image.width}x{image.height}, more than {MAX_PIXELS:,} pixels")
                return np.asarray(to_rgb(image))
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"has more than {MAX_PIXELS:,} pixels") from error
    # Broken files make Pillow raise OSError, ValueError, SyntaxError, struct.error, zlib.error and others.
    except Exception as error:
        raise ImageError("is no complete PNG or JPEG image") from error


def fit(image: NDArray[np.uint8], width: int, height: int, *, keep_aspect: bool = False) -> NDArray[np.uint8]:
    """Resize `(height', width', 3)` uint8 to `(height, width, 3)`, bilinear; the same array if it fits.

    A smaller image is made by averaging over the pixels that fall together, so that thin strokes do not break.

    Args:
        image: The image.
        width: The width that it gets.
        height: The height that it gets.
        keep_aspect: Keep its proportions: it is as large as fits, in the middle of the median color of its border.

    Example:
        >>> fit(np.zeros((20, 40, 3), np.uint8), width=10, height=5).shape
        (5, 10, 3)
        >>> wide = np.full((1, 2, 3), 7, np.uint8)
        >>> fit(wide, width=2, height=3, keep_aspect=True)[..., 0].tolist()
        [[7, 7], [7, 7], [7, 7]]
    """
    own_height, own_width = image.shape[:2]
    if (own_height, own_width) == (height, width):
        return image
    picture = Image.fromarray(image)
    if not keep_aspect:
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    if own_width * height >= own_height * width:
        size = width, max(1, (2 * own_height * width + own_width) // (2 * own_width))
    else:
        size = max(1, (2 * own_width * height + own_height) // (2 * own_height)), height
    canvas = Image.new("RGB", (width, height), _border_color(image))
    place = (width - size[0]) // 2, (height - size[1]) // 2
    canvas.paste(picture.resize(size, Image.Resampling.BILINEAR), place)
    return np.asarray(canvas)


def fit_to(image: NDArray[np.uint8], spec: CaptchaSpec) -> NDArray[np.uint8]:
    """Resize `(height', width', 3)` uint8 to the size of a spec; `fit` in the way that the spec names.

    Example:
        >>> fit_to(np.zeros((20, 40, 3), np.uint8), CaptchaSpec(width=10, height=5)).shape
        (5, 10, 3)
    """
    return fit(image, spec.width, spec.height, keep_aspect=spec.keep_aspect)


def _border_color(image: NDArray[np.uint8]) -> tuple[int, int, int]:
    """The median of the outermost pixels, for each channel."""
    border = np.sort(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]), axis=0)
    red, green, blue = border[len(border) // 2].tolist()
    return red, green, blue


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, 8 bits a channel; transparent pixels are laid on white.

    Example:
        >>> to_rgb(Image.new("I;16", (1, 1), 0x8012)).getpixel((0, 0))
        (128, 128, 128)
    """
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow clips 16-bit greys when it converts them; their high byte is the 8-bit grey.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")

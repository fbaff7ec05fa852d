from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.dataset import images
from captcha_keras.dataset.images import ImageError, decode_image, fit, read_image

GRADIENT = np.linspace(0, 255, 12 * 20, dtype=np.uint8).reshape(12, 20)


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, image_format, **options)
    return content.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that only claims a size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_rgb_comes_back_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    decoded = decode_image(encoded(Image.fromarray(pixels)))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "RGBA"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = Image.fromarray(GRADIENT).convert("RGB").convert(mode)
    image_format = "JPEG" if mode == "CMYK" else "PNG"
    decoded = decode_image(encoded(image, image_format))
    assert decoded.shape == (12, 20, 3)
    expected = np.asarray(image.convert("RGB"), np.int16)
    assert np.abs(decoded.astype(np.int16) - expected).max() <= (12 if mode == "CMYK" else 0)


def test_sixteen_bit_grey_keeps_its_shades() -> None:
    deep = (GRADIENT.astype(np.uint16) << 8) | 0x55
    decoded = decode_image(encoded(Image.fromarray(deep)))
    np.testing.assert_array_equal(decoded[..., 0], GRADIENT)


def test_transparent_pixels_are_laid_on_white() -> None:
    clear = Image.new("RGBA", (4, 3), (0, 0, 0, 0))
    assert (decode_image(encoded(clear)) == 255).all()
    palette = Image.new("P", (4, 3), 0)
    palette.putpalette([10, 20, 30])
    assert (decode_image(encoded(palette, transparency=0)) == 255).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"junk", "is no complete PNG or JPEG image"),
        (encoded(Image.fromarray(GRADIENT))[:60], "is no complete PNG or JPEG image"),
        (encoded(Image.fromarray(GRADIENT), "JPEG")[:-80], "is no complete PNG or JPEG image"),
        (encoded(Image.fromarray(GRADIENT), "BMP"), "is no complete PNG or JPEG image"),
        (png_header(12_000, 12_000), "is 12000x12000, more than 16,000,000 pixels"),
        (png_header(60_000, 60_000), "has more than 16,000,000 pixels"),
    ],
    ids=["empty", "junk", "cut png", "cut jpeg", "bmp", "bomb", "huge bomb"],
)
def test_what_is_no_image_is_named(content: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(content)
    assert str(caught.value) == message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read: No such file or directory"):
        read_image(tmp_path / "none.png")


@given(st.binary(max_size=300), st.integers(0, 400), st.sampled_from(["PNG", "JPEG"]))
def test_damaged_bytes_give_an_image_or_an_image_error(noise: bytes, place: int, image_format: str) -> None:
    good = encoded(Image.fromarray(GRADIENT), image_format)
    try:
        decoded = decode_image(good[:place] + noise + good[place + len(noise) :])
    except ImageError:
        return
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 3
    assert decoded.shape[2] == 3


def test_fit_resizes_only_what_does_not_fit() -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    assert fit(image, 20, 10) is image
    assert fit(image, 5, 8).shape == (8, 5, 3)


def test_the_limit_is_on_pixels_not_on_a_side() -> None:
    assert images.MAX_PIXELS == 16_000_000
    assert decode_image(encoded(Image.new("L", (9_000, 3)))).shape == (3, 9_000, 3)

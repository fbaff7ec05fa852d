"""Image files of every kind that a user may send, good and bad."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen import Series

SPEC = CaptchaSpec(width=120, height=60)
RANDOM = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (SPEC.height, SPEC.width, *shape), np.uint8)


def encoded(image: Image.Image, image_format: str = "png", **settings: object) -> bytes:
    content = io.BytesIO()
    image.save(content, image_format, **settings)
    return content.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def grey_png(bits: int) -> bytes:
    rows = b"".join(b"\0" + RANDOM.bytes(SPEC.width * bits // 8) for _ in range(SPEC.height))
    header = struct.pack(">IIBBBBB", SPEC.width, SPEC.height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


CAPTCHA = Series(SPEC, 0).source().image(0)[1]
JPEG = encoded(CAPTCHA, "jpeg", quality=95, subsampling=0)
PNG = encoded(CAPTCHA)
PALETTE = CAPTCHA.quantize(20)
GOOD = {
    "jpeg": JPEG,
    "jpeg, less colour": encoded(CAPTCHA, "jpeg", quality=40),
    "progressive": encoded(CAPTCHA, "jpeg", progressive=True),
    "jpeg, grey": encoded(CAPTCHA.convert("L"), "jpeg"),
    "cmyk": encoded(CAPTCHA.convert("CMYK"), "jpeg"),
    "png": PNG,
    "grey": encoded(CAPTCHA.convert("L")),
    "1 bit": encoded(CAPTCHA.convert("1")),
    "2 bits": grey_png(2),
    "4 bits": grey_png(4),
    "16 bits": encoded(Image.fromarray(RANDOM.integers(0, 1 << 16, (SPEC.height, SPEC.width)).astype(np.uint16))),
    "palette": encoded(PALETTE),
    "palette of 4": encoded(CAPTCHA.quantize(4), bits=2),
    "palette with a transparent colour": encoded(PALETTE, transparency=3),
    "palette of 4 with a transparent colour": encoded(CAPTCHA.quantize(4), bits=2, transparency=0),
    "alpha": encoded(Image.fromarray(noise(4))),
    "grey and alpha": encoded(Image.fromarray(noise(2), "LA")),
    "animated": encoded(CAPTCHA, save_all=True, append_images=[CAPTCHA.convert("L").convert("RGB")]),
}
BAD = {
    "empty": b"",
    "junk": b"no image at all",
    "truncated png": PNG[: len(PNG) // 2],
    "truncated jpeg": JPEG[: len(JPEG) // 2],
    "png header": PNG[:20],
    "no width": PNG[:16] + bytes(4) + PNG[20:],
    "wrong checksum": PNG[:45] + bytes([PNG[45] ^ 1]) + PNG[46:],
    "bmp": encoded(CAPTCHA, "bmp"),
    "gif": encoded(CAPTCHA, "gif"),
    "png bomb": encoded(Image.new("1", (12_000, 12_000))),
    "jpeg bomb": encoded(Image.new("L", (8_000, 8_000)), "jpeg"),
    "sides that overflow": PNG[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + PNG[24:],
}

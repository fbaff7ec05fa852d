"""The pixels of an image are told from its header as the decoders of the graph tell them."""

from __future__ import annotations

import random
import struct

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.export.decode import MAX_ROW_PIXELS, decode_images
from captcha_keras.serving.pixels import bound_pixels, image_pixels
from tests.image_files import BAD, GOOD, SPEC
from tests.lively import FILES
from tests.serving.test_fuzz import mutated


def test_sizes_are_those_of_the_files() -> None:
    for name, content in GOOD.items():
        assert image_pixels(content) == SPEC.width * SPEC.height, name
    for content in FILES:
        assert image_pixels(content) == 96 * 64


def test_what_the_graph_reads_has_a_size() -> None:
    rng = random.Random(3)
    files = [*GOOD.values(), *BAD.values(), *(mutated(rng) for _ in range(1500))]
    _, valid = decode_images(tf.constant(files), 96, 64)
    read = [content for content, fine in zip(files, valid.numpy(), strict=True) if fine]
    assert len(read) > 50
    assert all(map(image_pixels, read))


def test_scans_count_as_pixels() -> None:
    progressive = GOOD["progressive"]
    scan = progressive.index(b"\xff\xda")
    many = progressive[:scan] + progressive[scan:-2] * 100 + b"\xff\xd9"
    assert image_pixels(many) > 20 * image_pixels(progressive)


def test_what_is_too_large_becomes_an_empty_file() -> None:
    header = GOOD["png"][:16]
    limit, above = (header + struct.pack(">II", side, 1024) for side in (1024, 1025))
    files = np.array([limit, above, b"junk", GOOD["jpeg"]], object)
    arrays, pixels = bound_pixels({"image_bytes": files})
    assert arrays["image_bytes"].tolist() == [limit, b"", b"", GOOD["jpeg"]]
    assert pixels == [MAX_ROW_PIXELS, 0, 0, SPEC.width * SPEC.height]
    numbers = {"image": np.zeros((1, 2, 2, 3), np.uint8)}
    assert bound_pixels(numbers) == (numbers, [])


@given(st.binary(max_size=40), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\2"]))
def test_any_bytes_have_a_size(content: bytes, start: bytes) -> None:
    assert image_pixels(start + content) >= 0

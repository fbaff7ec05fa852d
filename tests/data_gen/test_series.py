from __future__ import annotations

import hashlib
import io
import secrets

import numpy as np
import pytest
from captcha import image as captcha_image
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen import Series
from data_gen.randomness import SeededSecrets, seeded

SPEC = CaptchaSpec()


def test_an_image_depends_on_seed_and_index_alone() -> None:
    forwards = [Series(SPEC, 5).source().draw(index).content for index in (0, 1, 2)]
    source = Series(SPEC, 5).source()
    backwards = [source.draw(index).content for index in (2, 1, 0)]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 3
    assert Series(SPEC, 6).source().draw(0).content != forwards[0]


def test_the_pixels_are_the_ones_that_were_drawn_when_this_was_written() -> None:
    # The random stream and the drawing; the decoded PNG, since encoders may change between releases.
    drawing = Series(SPEC, 0, "png").source().draw(0)
    assert drawing.text == "ETQR"
    assert hashlib.sha256(drawing.pixels.tobytes()).hexdigest() == PIXELS


PIXELS = "a92e27a6b936e4ac733a7d6e48929be43976bb800f6a9b228d5d340ad32a39af"


def test_the_text_is_known_without_drawing() -> None:
    source = Series(CaptchaSpec("abc01", 2, 7), 1).source()
    texts = [source.text(index) for index in range(300)]
    assert texts[:5] == [source.draw(index).text for index in range(5)]
    assert {len(text) for text in texts} == set(range(2, 8))
    assert set("".join(texts)) == set("abc01")


def test_characters_are_uniform() -> None:
    source = Series(SPEC, 0).source()
    texts = "".join(source.text(index) for index in range(4000))
    counts = np.array([texts.count(character) for character in SPEC.alphabet])
    expected = len(texts) / 36
    # Chi-square with 35 degrees of freedom: above 80 once in 25,000 times.
    assert ((counts - expected) ** 2 / expected).sum() < 80


@pytest.mark.parametrize(("image_format", "expected"), [("jpeg", "JPEG"), ("png", "PNG")])
def test_the_format_is_the_one_asked_for(image_format: str, expected: str) -> None:
    drawing = Series(CaptchaSpec(width=90, height=50), 0, image_format).source().draw(0)
    with Image.open(io.BytesIO(drawing.content)) as image:
        assert image.format == expected
        assert image.size == (90, 50)
        if expected == "JPEG":
            # No chroma subsampling: every component is sampled alike.
            assert {layer[1:3] for layer in image.layer} == {(1, 1)}
    assert drawing.pixels.shape == (50, 90, 3)


def test_jpeg_stays_close_to_what_was_drawn() -> None:
    exact = Series(SPEC, 0, "png").source().draw(3).pixels.astype(int)
    lossy = Series(SPEC, 0, "jpeg").source().draw(3).pixels.astype(int)
    assert np.abs(exact - lossy).mean() < 2
    assert (exact != lossy).any()


def test_the_library_gets_its_own_randomness_back() -> None:
    def fail() -> None:
        with seeded(SeededSecrets(0, 0)):
            assert captcha_image.secrets is not secrets
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert captcha_image.secrets is secrets


def test_seeded_secrets_stay_in_their_ranges() -> None:
    draws = SeededSecrets(1, 2)
    numbers = [draws.randbelow(3) for _ in range(200)]
    assert set(numbers) == {0, 1, 2}
    assert {draws.choice("ab") for _ in range(50)} == {"a", "b"}
    assert all(0 <= draws.randbits(4) < 16 for _ in range(100))
    assert SeededSecrets(1, 2).randbits(64) != SeededSecrets(12, 0).randbits(64)

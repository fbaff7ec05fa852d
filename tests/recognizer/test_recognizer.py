from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.errors import InputError
from captcha_keras.networks.registry import build_network
from captcha_keras.recognizer.decoding import predictions_from
from captcha_keras.recognizer.inputs import to_pixels
from captcha_keras.recognizer.limits import limit_mask, limit_probabilities
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec

SPEC = CaptchaSpec("0OX", 1, 2, 64, 40)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    keras.utils.set_random_seed(1)
    return Recognizer(build_network("vgg", SPEC).predict_on_batch, SPEC)


def images(count: int, height: int = 40, width: int = 64) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, height, width, 3), np.uint8)


def test_probabilities_are_those_of_the_network_in_any_number(recognizer: Recognizer) -> None:
    pixels = images(300)
    found = recognizer.probabilities(pixels)
    assert found.shape == (300, 2, 4)
    keras.utils.set_random_seed(1)
    outputs = build_network("vgg", SPEC)(pixels[:5], training=False)
    expected = np.stack([np.asarray(outputs[head]) for head in SPEC.head_names], axis=1)
    np.testing.assert_allclose(found[:5], expected, atol=1e-6)
    assert recognizer.probabilities(pixels[:0]).shape == (0, 2, 4)
    np.testing.assert_allclose(recognizer.probabilities(pixels[299:]), found[299:], atol=1e-6)


def test_readings_follow_the_alphabet_and_multiply_confidence() -> None:
    scores = np.array([[[0.1, 0.7, 0.1, 0.1], [0.2, 0.2, 0.1, 0.5]]], np.float32)
    (prediction,) = predictions_from(scores, SPEC)
    assert prediction.text == "O"
    assert prediction.confidence == pytest.approx(0.35)
    assert prediction.char_confidence == pytest.approx((0.7, 0.5))


def test_images_of_any_size_are_read(recognizer: Recognizer) -> None:
    small, fitting = images(1, 20, 30)[0], images(1)[0]
    found = recognizer.read([small, fitting])
    (alone,) = recognizer.read([fitting])
    assert found[1].text == alone.text
    assert found[1].confidence == pytest.approx(alone.confidence, rel=1e-4)
    assert len(found) == 2
    assert recognizer.read([]) == []


def test_time_is_measured(recognizer: Recognizer) -> None:
    scores, seconds = recognizer.timed_probabilities(images(10))
    assert scores.shape == (10, 2, 4)
    assert 0 < seconds < 10


def test_a_run_without_a_model_or_with_a_damaged_one_is_named(tmp_path: Path) -> None:
    spec = ", ".join(f'"{k}": {v!r}' for k, v in SPEC.to_json().items()).replace("'", '"')
    (tmp_path / "config.json").write_text(f'{{"settings": {{}}, "dataset": {{}}, "spec": {{{spec}}}}}')
    with pytest.raises(InputError, match=r"has no best\.keras yet"):
        Recognizer.load(tmp_path)
    (tmp_path / "best.keras").write_bytes(b"junk")
    with pytest.raises(InputError, match=r"best\.keras cannot be loaded"):
        Recognizer.load(tmp_path)


def test_the_time_of_an_image_holds_no_tracing() -> None:
    """A batch of a new size is traced, which takes longer than computing it: each size is warmed up."""
    traced: list[int] = []

    def outputs(pixels: np.ndarray) -> dict[str, np.ndarray]:
        if len(pixels) not in traced:
            traced.append(len(pixels))
            time.sleep(0.5)
        return {head: np.full((len(pixels), SPEC.num_classes), 0.25, np.float32) for head in SPEC.head_names}

    scores, seconds = Recognizer(outputs, SPEC).timed_probabilities(images(300))
    assert len(scores) == 300
    assert sorted(traced) == [44, 256]
    assert seconds * 300 < 0.25


def test_one_image_in_every_form_is_read_alike(recognizer: Recognizer, tmp_path: Path) -> None:
    pixels = images(1)[0]
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    (tmp_path / "a.png").write_bytes(content.getvalue())
    forms = [pixels, content.getvalue(), Image.fromarray(pixels), tmp_path / "a.png", str(tmp_path / "a.png")]
    predictions = [recognizer.read(form) for form in forms]
    assert len({prediction.text for prediction in predictions}) == 1
    for prediction in predictions:
        assert isinstance(prediction, Prediction)
        assert prediction.confidence == pytest.approx(predictions[0].confidence, rel=1e-4)
    several = recognizer.read(iter(forms))
    assert [prediction.text for prediction in several] == [predictions[0].text] * 5
    assert len(recognizer.read(pixels[np.newaxis])) == 1
    grey = np.ascontiguousarray(pixels[..., 0])
    alpha = np.dstack([np.dstack([grey] * 3), np.full(grey.shape, 255, np.uint8)])
    for form in (grey, grey[..., np.newaxis], alpha, Image.fromarray(grey)):
        np.testing.assert_array_equal(to_pixels(form), np.dstack([grey] * 3))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            np.zeros((40, 64, 3)),
            "must hold uint8 pixels from 0 to 255 of shape (height, width, 3), got float64 of shape",
        ),
        (np.zeros((40, 64, 3), np.int64), "got int64 of shape (40, 64, 3)"),
        (np.zeros((40, 64, 2), np.uint8), "got uint8 of shape (40, 64, 2)"),
        (np.zeros((0, 64), np.uint8), "got uint8 of shape (0, 64)"),
        (np.zeros((2, 2, 40, 64, 3), np.uint8), "got uint8 of shape (2, 2, 40, 64, 3)"),
        (3, "must be a path, bytes, a PIL image or a uint8 array, got int"),
        ([None], "must be a path, bytes, a PIL image or a uint8 array, got NoneType"),
        (b"junk", "The image is no complete PNG or JPEG image."),
        ("nowhere.png", "nowhere.png cannot be read: No such file or directory."),
    ],
)
def test_what_is_no_image_is_refused_in_one_sentence(recognizer: Recognizer, image: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        recognizer.read(image)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def saying(*rows: list[list[float]]) -> Recognizer:
    """A recognizer that answers given probabilities, whatever the images."""
    scores = np.array(rows, np.float32)
    return Recognizer(lambda _: {head: scores[:, place] for place, head in enumerate(SPEC.head_names)}, SPEC)


def test_limits_act_on_the_probabilities_and_not_on_the_text() -> None:
    # "0" and "no character" are likeliest; within "OX" the first head prefers O, and within one length the second X.
    told = saying([[0.6, 0.3, 0.1, 0.0], [0.1, 0.1, 0.2, 0.6]])
    (free,) = told.read(images(1))
    assert free.text == "0"
    (lettered,) = told.read(images(1), alphabet="XO")
    assert lettered.text == "O"
    assert lettered.char_confidence == pytest.approx((0.75, 0.6 / 0.9))
    (long,) = told.read(images(1), length=2)
    assert long.text == "0X"
    assert long.char_confidence == pytest.approx((0.6, 0.5))
    (both,) = told.read(images(1), alphabet="OX", length="2")
    assert both.text == "OX"
    assert both.confidence == pytest.approx(0.75 * 2 / 3)
    (either,) = told.read(images(1), length=(1, 2))
    assert (either.text, either.confidence) == ("0", pytest.approx(free.confidence, rel=1e-3))
    # A head that excludes all that is allowed finds it equally likely.
    (unsure,) = saying([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]).read(images(1), alphabet="OX", length=1)
    assert (unsure.text, unsure.confidence) == ("O", 0.5)


@given(st.integers(0, 2**32 - 1), st.sets(st.sampled_from("0OX"), min_size=1), st.sampled_from([1, 2, "1-2", None]))
def test_every_answer_keeps_its_limits(seed: int, characters: set[str], length: Any) -> None:
    scores = np.random.default_rng(seed).dirichlet([0.3] * 4, (5, 2)).astype(np.float32)
    alphabet = "".join(sorted(characters))
    limited = limit_probabilities(scores, limit_mask(SPEC, alphabet, length))
    np.testing.assert_allclose(limited.sum(axis=-1), 1, rtol=1e-5)
    for prediction in predictions_from(limited, SPEC):
        assert set(prediction.text) <= characters
        assert len(prediction.text) == length or length in ("1-2", None)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"alphabet": "0aé"}, "The model cannot be limited to 'a', 'é'; it reads '0OX'."),
        ({"alphabet": ""}, "The model cannot be limited to no characters; it reads '0OX'."),
        ({"length": 3}, "The model reads texts of 1-2 characters, not of 3."),
        ({"length": "0-1"}, "The model reads texts of 1-2 characters, not of 0-1."),
        ({"length": (2, 1)}, "The model reads texts of 1-2 characters, not of 2-1."),
        ({"length": "many"}, "The length must look like 4 or 4-8, got 'many'."),
    ],
)
def test_limits_that_the_network_cannot_keep_are_named(recognizer: Recognizer, limits: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        recognizer.read(images(1), **limits)
    assert str(caught.value) == message


def test_a_fixed_length_is_its_own_limit() -> None:
    spec = CaptchaSpec("AB", 2, 2)
    assert limit_mask(spec, "A", 2).tolist() == [[True, False]] * 2
    with pytest.raises(InputError, match="reads texts of 2 characters, not of 1"):
        limit_mask(spec, length=1)


def test_the_file_that_is_named_is_the_one_that_reads(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"settings": {}, "dataset": {}, "spec": SPEC.to_json()}))
    for name, seed in (("best", 1), ("model", 2)):
        keras.utils.set_random_seed(seed)
        build_network("vgg", SPEC).save(tmp_path / f"{name}.keras")
    pixels = images(3)
    best, last = (Recognizer.load(tmp_path / f"{name}.keras").probabilities(pixels) for name in ("best", "model"))
    assert not np.allclose(best, last)
    np.testing.assert_array_equal(Recognizer.load(tmp_path).probabilities(pixels), best)
    with pytest.raises(InputError, match=r"other\.keras is not there"):
        Recognizer.load(tmp_path / "other.keras")


@pytest.mark.parametrize(("keep_aspect", "dark"), [(True, 50), (False, 100)])
def test_an_image_keeps_its_proportions_if_the_spec_says_so(keep_aspect: bool, dark: int) -> None:
    seen = []

    def outputs(images: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(images)
        return {"char_0": np.full((len(images), 2), 0.5, np.float32)}

    image = Image.new("RGB", (40, 20), "white")
    image.paste("black", (10, 5, 20, 10))
    Recognizer(outputs, CaptchaSpec("ab", 1, 1, 40, 40, keep_aspect=keep_aspect)).read(image)
    assert (seen[0] < 128).all(-1).sum() == pytest.approx(dark, abs=20)

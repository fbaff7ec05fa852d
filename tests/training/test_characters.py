"""Characters cut out of CAPTCHAs, and balanced sets of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.networks.segmentation import Cutter
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.characters import Characters, balanced, cut_characters, write_characters
from data_gen import Series
from data_gen.style import PRESETS

SPEC = CaptchaSpec("ABx", 2, 4, 150, 60)


@pytest.fixture(scope="module")
def characters() -> Characters:
    source = Series(SPEC, 5, style=PRESETS["separated"]).source()
    drawn = [source.draw(index) for index in range(30)]
    pixels = np.stack([each.pixels for each in drawn])
    pixels[3] = 255  # no ink
    pixels[4, 20:25, 10:140] = 0  # a line through all
    labels = SPEC.encode_all(each.text for each in drawn)
    result = cut_characters(LabelledImages(pixels, labels), SPEC, Cutter(side=32))
    expected = "".join(each.text for number, each in enumerate(drawn) if number not in (3, 4))
    assert "".join(result.texts) == expected
    return result


def test_what_cannot_be_cut_is_counted_by_its_reason(characters: Characters) -> None:
    assert characters.images.shape == (len(characters.texts), 32, 32, 3)
    assert characters.images.dtype == np.uint8
    assert characters.reasons["no ink"] == 1
    assert characters.reasons.total() == 2
    # White at the top corners, and dark ink in each.
    assert characters.images[:, 0, 0].min() == 255
    assert characters.images.min(axis=(1, 2, 3)).max() < 210


def test_as_many_of_each_class_as_asked(characters: Characters) -> None:
    assert len(set(Counter(characters.texts).values())) > 1
    more = balanced(characters, 40, seed=1, originals=False)
    assert Counter(more.texts) == {"A": 40, "B": 40, "x": 40}
    assert more.images.shape == (120, 32, 32, 3)
    both = balanced(characters, 40, seed=1)
    assert Counter(both.texts) == Counter(characters.texts) + Counter(more.texts)
    np.testing.assert_array_equal(both.images[: len(characters.texts)], characters.images)
    np.testing.assert_array_equal(both.images[len(characters.texts) :], more.images)
    assert len({image.tobytes() for image in more.images}) > 100  # each distorted in a way of its own
    other = balanced(characters, 40, seed=2, originals=False)
    assert not np.array_equal(other.images, more.images)


def test_the_folder_is_a_data_set_of_single_characters(characters: Characters, tmp_path: Path) -> None:
    folder = tmp_path / "characters"
    done: list[int] = []
    write_characters(characters, folder, done.append)
    assert done[-1] == len(characters.texts)
    assert sorted(path.name for path in folder.iterdir()) == ["A", "B", "U+0078"]
    assert [path.name for path in tmp_path.iterdir()] == ["characters"]
    dataset = open_dataset(folder)
    spec = dataset.infer_spec()
    assert (spec.alphabet, spec.length, spec.width, spec.height) == ("ABx", "1", 32, 32)
    data = dataset.images(spec)
    wanted = {(text, image.tobytes()) for text, image in zip(characters.texts, characters.images, strict=True)}
    found = zip(spec.decode_all(data.labels), data.images, strict=True)
    assert {(text, image.tobytes()) for text, image in found} == wanted
    with pytest.raises(InputError, match="is there already"):
        write_characters(characters, folder)


def test_a_failure_leaves_nothing(characters: Characters, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_characters(characters, tmp_path / "characters", stop)
    assert list(tmp_path.iterdir()) == []


def test_none_can_be_cut() -> None:
    blank = LabelledImages(np.full((2, 60, 150, 3), 255, np.uint8), SPEC.encode_all(["AB", "AAB"]))
    nothing = cut_characters(blank, SPEC, Cutter(32))
    assert nothing.images.shape == (0, 32, 32, 3)
    assert nothing.reasons == {"no ink": 2}

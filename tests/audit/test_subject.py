"""Where the images of an audit come from."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import data_gen
from captcha_keras.audit.budget import Budget
from captcha_keras.audit.plan import sizes
from captcha_keras.audit.subject import Drawn, Folder
from captcha_keras.audit.sweep import changes
from captcha_keras.errors import DatasetError, InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import Style

SPEC = CaptchaSpec("0OX", 2, 2, 64, 40)
BUDGET = Budget((250, 1000), 2, 320, validation=60, test=70)


def test_drawn_material_is_disjoint_and_repeatable() -> None:
    subject = Drawn(SPEC, seed=4)
    one = subject.material(250, 0, BUDGET)
    assert one.training.images.shape == (250, 40, 64, 3)
    assert one.training.images.dtype == np.uint8
    assert len(one.validation) == 60
    assert len(one.test) == 70
    assert set(one.properties) == {"contrast", "squeeze", "overlap"}
    assert one.fonts is not None
    assert one.fonts.shape == (70, 2)
    parts = [one.training.images, one.validation.images, one.test.images]
    seen = [{image.tobytes() for image in part} for part in parts]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    again = subject.material(250, 0, BUDGET)
    np.testing.assert_array_equal(again.training.images, one.training.images)
    np.testing.assert_array_equal(again.test.labels, one.test.labels)
    np.testing.assert_array_equal(subject.pictures(5, BUDGET), one.test.images[:5])


def test_repetitions_and_seeds_have_images_of_their_own() -> None:
    images = {
        Drawn(SPEC, seed=seed).material(250, repetition, BUDGET).training.images.tobytes()
        for seed in (0, 1)
        for repetition in (0, 1)
    }
    assert len(images) == 4


def test_fewer_samples_are_the_first_of_more() -> None:
    subject = Drawn(SPEC)
    few, many = (subject.material(count, 1, BUDGET) for count in (250, 500))
    np.testing.assert_array_equal(many.training.images[:250], few.training.images)
    np.testing.assert_array_equal(many.test.images, few.test.images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "images"
    data_gen.generate_dataset(data_gen.Settings(data_gen.Series(SPEC, 2), 400), path, engine=data_gen.processes(1))
    return path


def test_a_folder_is_split_anew_for_each_repetition(folder: Path) -> None:
    subject = Folder(str(folder))
    assert subject.spec == SPEC
    assert subject.max_samples(BUDGET) == 400 - 40 - 70
    one, other = (subject.material(250, repetition, BUDGET) for repetition in (0, 1))
    assert (len(one.training), len(one.validation), len(one.test)) == (250, 40, 70)
    assert {image.tobytes() for image in one.test.images} != {image.tobytes() for image in other.test.images}
    everything = subject.material(290, 0, BUDGET)
    parts = np.concatenate([everything.training.images, everything.validation.images, everything.test.images])
    assert len({image.tobytes() for image in parts}) == 400
    np.testing.assert_array_equal(subject.pictures(3, BUDGET), one.test.images[:3])
    assert set(one.properties) == {"contrast"}
    assert one.fonts is None


def test_sizes_follow_what_a_folder_holds(folder: Path) -> None:
    subject = Folder(str(folder))
    assert sizes(subject, BUDGET) == (250,)
    assert sizes(subject, Budget((50, 100, 1000), 2, 320, validation=60, test=70)) == (50, 100, 290)
    assert sizes(Drawn(SPEC), BUDGET) == (250, 1000)


def test_too_few_images_are_one_sentence(folder: Path) -> None:
    budget = Budget((1000,), 2, 320)
    with pytest.raises(
        InputError, match=r"holds 400 labelled images, which leaves 280 to learn from; this audit needs"
    ):
        Folder(str(folder)).check(budget)
    Folder(str(folder)).check(BUDGET)


def test_a_bad_image_is_found_before_anything_is_computed(folder: Path, tmp_path: Path) -> None:
    for image in (folder / "images").iterdir():
        (tmp_path / image.name).write_bytes(image.read_bytes())
    (tmp_path / "labels.txt").write_bytes((folder / "labels.txt").read_bytes())
    (tmp_path / "00007.jpg").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"(?s)1 bad entry.*00007.jpg"):
        Folder(str(tmp_path)).check(BUDGET)


def test_an_image_that_is_there_twice_is_named(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder / "images", tmp_path / "images")
    first, *_, last = sorted(copied.iterdir())
    shutil.copy(folder / "labels.txt", copied)
    last.write_bytes(first.read_bytes())
    with pytest.raises(DatasetError, match=rf"(?s)1 images more than once.*{last.name} \(.*\) is {first.name} \("):
        Folder(str(copied)).check(BUDGET)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("IMG_{:04d}.png", "has the label 'IMG': they seem to have no labels"),
        ("{:04d}.png", "are running numbers: its images seem to have no labels"),
        ("picture ({}).png", "labels that are no texts of CAPTCHAs, such as 'picture"),
    ],
)
def test_names_of_files_are_not_taken_for_labels(tmp_path: Path, name: str, message: str) -> None:
    content = Drawn(SPEC).pictures(1, BUDGET)
    for number in range(1, 401):
        Image.fromarray(content[0]).save(tmp_path / name.format(number))
    with pytest.raises(InputError, match=message):
        Folder(str(tmp_path)).check(BUDGET)


def test_each_change_differs_in_one_thing() -> None:
    base = Drawn()
    found = changes(base)
    assert len({change.name for change in found}) == len(found) >= 9
    for change in found:
        spec, style = change.subject.spec, change.subject.style
        fields = {name for name, value in style.to_json().items() if value != base.style.to_json()[name]}
        fields |= {"fonts"} if style.fonts != base.style.fonts else set()
        # A longer text has a wider image: both are one change.
        fields |= {"spec"} if spec != base.spec else set()
        assert len(fields) == 1, change.name
        assert change.subject.seed == base.seed
        assert len(change.subject.pictures(2, BUDGET)) == 2


def test_changes_fit_what_is_audited() -> None:
    clear = {change.name: change for change in changes(Drawn(CaptchaSpec("0OcCkKxA7", 4, 4)))}["no-look-alikes"]
    assert clear.subject.spec.alphabet == "xA7"
    assert clear.words == "without characters that people mix up (0OCcKk)"
    # Alone in the alphabet a character is nobody's look-alike.
    assert "no-look-alikes" not in {change.name for change in changes(Drawn(CaptchaSpec("0cKA7", 4, 4)))}
    names = {change.name for change in changes(Drawn(CaptchaSpec("AXM", 4, 4)))}
    assert "no-look-alikes" not in names
    assert "more-characters" in names
    separated = {change.name for change in changes(Drawn(style=Style(gap=4)))}
    assert "overlap" not in separated
    everything = CaptchaSpec("".join(chr(number) for number in range(33, 127)), 4, 4)
    assert "more-characters" not in {change.name for change in changes(Drawn(everything))}
    longest = {change.name: change.subject for change in changes(Drawn(CaptchaSpec("AB", 32, 32)))}
    assert "longer" not in longest

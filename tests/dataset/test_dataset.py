from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.dataset.drawn import image_name, read_lines
from captcha_keras.dataset.layouts import class_name, open_dataset, text_of_class
from captcha_keras.dataset.split import split_indices
from captcha_keras.errors import DatasetError, InputError
from captcha_keras.spec import CaptchaSpec


def image(path: Path, shade: int = 200, size: tuple[int, int] = (30, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade, shade)).save(path)


def test_a_drawn_folder_opens_with_its_spec(drawn: Path, small_spec: CaptchaSpec) -> None:
    dataset = open_dataset(drawn)
    assert len(dataset) == 120
    assert dataset.infer_spec() == small_spec
    assert dataset.records[7].path == drawn / "images" / "00007.jpg"
    assert dataset.records[7].text == (drawn / "labels.txt").read_text().splitlines()[7]
    data = dataset.images(small_spec)
    assert data.images.shape == (120, 40, 64, 3)
    assert small_spec.decode_all(data.labels) == dataset.texts
    assert data.names[7] == "00007.jpg"


def test_indices_choose_rows_in_their_order(drawn: Path, small_spec: CaptchaSpec) -> None:
    dataset = open_dataset(drawn)
    everything = dataset.images(small_spec)
    some = dataset.images(small_spec, indices=np.array([5, 2]))
    np.testing.assert_array_equal(some.images, everything.images[[5, 2]])
    np.testing.assert_array_equal(some.labels, everything.labels[[5, 2]])
    assert some.names == ("00005.jpg", "00002.jpg")


def test_lines_belong_to_files_in_numeric_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        image(tmp_path / f"{number}.png", shade=number)
    (tmp_path / "labels.txt").write_text("\ufeffA1\r\nB2\r\n0010\r\n", "utf-8")
    dataset = open_dataset(tmp_path)
    assert [(record.path.name, record.text) for record in dataset.records] == [
        ("1.png", "A1"),
        ("2.png", "B2"),
        ("10.png", "0010"),
    ]
    spec = dataset.infer_spec()
    assert (spec.alphabet, spec.length, spec.width, spec.height) == ("012AB", "2-4", 30, 20)


@pytest.mark.parametrize(
    ("name", "text"),
    [("AKNC.png", "AKNC"), ("17-AKNC.png", "AKNC"), ("AKNC_3.jpg", "AKNC"), ("9-0012_1.JPEG", "0012")],
)
def test_files_are_named_by_their_text(tmp_path: Path, name: str, text: str) -> None:
    image(tmp_path / name)
    assert open_dataset(tmp_path).texts == [text]


@pytest.mark.parametrize("given_path", ["", "table.csv"])
def test_a_csv_keeps_leading_zeros(tmp_path: Path, given_path: str) -> None:
    image(tmp_path / "pictures" / "one.png")
    image(tmp_path / "two.png")
    (tmp_path / "table.csv").write_text('note,text,image_path\n"a, b",0012,pictures/one.png\n,"1,2",two.png\n')
    dataset = open_dataset(tmp_path / given_path)
    assert dataset.texts == ["0012", "1,2"]
    assert dataset.images().images.shape == (2, 20, 30, 3)


def damage(folder: Path, drawn: Path) -> None:
    """Ten kinds of damage in one folder."""
    shutil.copytree(drawn, folder)
    images = folder / "images"
    (images / "00001.jpg").unlink()
    (images / "00002.jpg").write_bytes(b"")
    (images / "00003.jpg").write_bytes(b"not an image")
    (images / "00004.jpg").write_bytes((images / "00004.jpg").read_bytes()[:300])
    image(images / "00005.jpg", size=(65, 40))
    Image.new("RGB", (64, 40)).save(images / "00006.jpg", "GIF")
    (images / "00007.jpg").unlink()
    (images / "00007.jpg").mkdir()
    lines = (folder / "labels.txt").read_text().splitlines()
    lines[8], lines[9], lines[10] = "0", "ÄX", ""
    (folder / "labels.txt").write_text("\n".join(lines[:-1]) + "\n")


def test_ten_kinds_of_damage_are_all_counted_and_ten_are_shown(
    tmp_path: Path, drawn: Path, small_spec: CaptchaSpec
) -> None:
    damage(tmp_path / "bad", drawn)
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "bad").images(small_spec)
    assert list(caught.value.problems) == [
        "labels.txt has 119 lines, expected 120 (dataset.json)",
        "labels.txt line 9: '0' has 1 characters, expected 2.",
        "labels.txt line 10: 'ÄX' has 'Ä' outside the alphabet '0OX'.",
        "labels.txt line 11: '' has 0 characters, expected 2.",
        "images/00001.jpg cannot be read: No such file or directory",
        "images/00002.jpg is empty",
        "images/00003.jpg is no complete PNG or JPEG image",
        "images/00004.jpg is no complete PNG or JPEG image",
        "images/00005.jpg is 65x40, expected 64x40",
        "images/00006.jpg is no complete PNG or JPEG image",
        "images/00007.jpg cannot be read: Is a directory",
    ]
    shown = str(caught.value).splitlines()
    assert shown[0] == f"{tmp_path / 'bad'} has 11 bad entries:"
    assert shown[-1] == "  … and 1 more"
    assert len(shown) == 12


def empty(folder: Path) -> None:
    folder.mkdir()


def only_images_without_lines(folder: Path) -> None:
    image(folder / "1.png")
    (folder / "labels.txt").write_bytes(b"")


def not_utf8(folder: Path) -> None:
    image(folder / "1.png")
    (folder / "labels.txt").write_bytes(b"AB\n\xff\n")


def wrong_columns(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.csv").write_text("file,label\n1.png,AB\n")


def unfinished(folder: Path) -> None:
    folder.mkdir()
    (folder / "plan.json").write_text("{}")


def no_json(folder: Path) -> None:
    folder.mkdir()
    (folder / "dataset.json").write_text("{")


def later_format(folder: Path) -> None:
    folder.mkdir()
    (folder / "dataset.json").write_text(json.dumps({"format_version": 2}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "is no folder"),
        (empty, "has no images; expected .jpg, .jpeg, .png files, labels.txt or one CSV file"),
        (only_images_without_lines, "labels.txt is empty, expected one text a line"),
        (not_utf8, "labels.txt line 2 is not UTF-8 text"),
        (wrong_columns, "has the columns file, label, expected image_path and text"),
        (unfinished, "is unfinished: run the same data_gen.py command again"),
        (no_json, "dataset.json is no readable JSON file"),
        (later_format, "has format version 2, expected 1"),
    ],
)
def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    make(tmp_path / "folder")
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path / "folder")
    assert message in str(caught.value)


def test_problems_of_foreign_layouts_name_file_and_line(tmp_path: Path) -> None:
    image(tmp_path / "a" / "1.png")
    image(tmp_path / "a" / "2.png")
    (tmp_path / "a" / "labels.txt").write_text("AB\n\nCD\n")
    assert open_dataset(tmp_path / "a").problems == (
        "labels.txt has 3 lines, expected 2, one for each image",
        "labels.txt line 2 is empty, expected the text of 2.png",
    )
    image(tmp_path / "b" / "A_B_C.png")
    image(tmp_path / "b" / "AB.png")
    assert open_dataset(tmp_path / "b").problems == (
        "A_B_C.png does not name a text, expected TEXT, NUMBER-TEXT or TEXT_NUMBER",
    )
    image(tmp_path / "c" / "1.png")
    (tmp_path / "c" / "t.csv").write_text("image_path,text\n1.png,AB\n1.png,AB\n1.png\n,AB\n")
    assert open_dataset(tmp_path / "c").problems == (
        "t.csv line 4 has 1 fields, expected 2",
        "t.csv line 5 lacks an image path or a text",
        "t.csv names 1.png more than once",
    )


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("A/10.png", "A/9.jpg", "U+0061/1.png", "7/x.png"):
        image(tmp_path / name)
    (tmp_path / ".cache").mkdir()
    dataset = open_dataset(tmp_path)
    assert [(record.path.name, record.text) for record in dataset.records] == [
        ("x.png", "7"),
        ("9.jpg", "A"),
        ("10.png", "A"),
        ("1.png", "a"),
    ]
    assert dataset.infer_spec() == CaptchaSpec("7Aa", 1, 1, 30, 20)
    (tmp_path / "B").mkdir()
    assert open_dataset(tmp_path).problems == ("B has no images, expected those of the text 'B'",)


@given(st.text(min_size=1, max_size=4))
def test_names_of_classes_are_file_names_and_come_back(text: str) -> None:
    name = class_name(text)
    assert re.fullmatch(r"[0-9A-Z+]+", name)
    assert text_of_class(name) == text


def test_resize_takes_another_size_but_not_several(tmp_path: Path) -> None:
    image(tmp_path / "AB.png", size=(30, 20))
    image(tmp_path / "BA.png", size=(30, 20))
    spec = CaptchaSpec("AB", 2, 2, 60, 40)
    assert open_dataset(tmp_path).images(spec, resize=True).images.shape == (2, 40, 60, 3)
    with pytest.raises(DatasetError, match=r"AB\.png is 30x20, expected 60x40"):
        open_dataset(tmp_path).images(spec)
    image(tmp_path / "BB.png", size=(31, 20))
    with pytest.raises(DatasetError, match=r"BB\.png is 31x20, expected 30x20"):
        open_dataset(tmp_path).images(spec, resize=True)


@given(st.integers(10, 500), st.integers(0, 2**31), st.floats(0.1, 0.4), st.floats(0.1, 0.4))
def test_a_split_has_every_index_once(count: int, seed: int, validation: float, test: float) -> None:
    parts = split_indices(count, seed, validation, test)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(together), np.arange(count))
    assert len(parts.validation) == round(count * validation)
    assert len(parts.test) == round(count * test)
    again = split_indices(count, seed, validation, test)
    np.testing.assert_array_equal(parts.test, again.test)


def test_the_default_split_is_the_same_everywhere() -> None:
    assert split_indices(20, 0).test.tolist() == [1, 15]
    assert split_indices(20, 1).test.tolist() != split_indices(20, 0).test.tolist()


@pytest.mark.parametrize(("count", "fraction"), [(3, 0.1), (100, 0.0), (100, 1.0), (100, 0.6), (100, math.nan)])
def test_a_split_that_leaves_a_part_empty_is_refused(count: int, fraction: float) -> None:
    with pytest.raises(DatasetError, match="each part needs at least one image"):
        split_indices(count, 0, fraction, fraction)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))))
def test_lines_come_back_with_any_line_end(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "labels.txt"
    for end in ("\n", "\r\n"):
        path.write_bytes("".join(line + end for line in lines).encode())
        expected = [lines[0].removeprefix("\ufeff"), *lines[1:]] if lines else []
        assert read_lines(path) == expected


def test_image_names_have_at_least_five_digits() -> None:
    assert image_name(7, 10, "jpeg") == "00007.jpg"
    assert image_name(7, 100_000, "png") == "00007.png"
    assert image_name(7, 100_001, "png") == "000007.png"

"""EMNIST's CSV files, of which the tests make small ones of the same format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from benchmarks.peers.emnist_format import CLASSES, character, fonts, write
from captcha_keras.dataset.emnist import open_emnist
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import DatasetError

PIXELS = ",".join(["0"] * 784)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emnist")
    write(folder, 3)
    return folder


def files(folder: Path, table: str | bytes, mapping: str = "0 48\n1 65\n") -> Path:
    (folder / "emnist-bymerge-mapping.txt").write_text(mapping)
    content = table if isinstance(table, bytes) else table.encode()
    (folder / "emnist-bymerge-train.csv").write_bytes(content)
    return folder


def test_every_class_is_read(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert len(dataset) == 3 * 47
    spec = dataset.infer_spec()
    assert (sorted(spec.alphabet), spec.length, spec.width, spec.height) == (sorted(CLASSES), "1", 28, 28)
    data = dataset.images(spec)
    images, labels = data.images, data.labels
    assert images.shape == (141, 28, 28, 3)
    assert spec.decode_all(labels) == dataset.texts
    assert np.all(images[:, 0, 0] == 255)
    assert images.min() < 100


def test_images_are_upright_and_dark_on_light(tmp_path: Path) -> None:
    pixels = np.zeros((28, 28), int)
    pixels[2, 5] = 200  # row 2, column 5, and stored column by column
    line = ",".join(map(str, [1, *pixels.T.ravel()]))
    dataset = open_dataset(files(tmp_path, f"0,{PIXELS}\n{line}\n"))
    assert dataset.texts == ["0", "A"]
    image = dataset.records[1].read()
    assert image.shape == (28, 28, 3)
    assert image[2, 5].tolist() == [55, 55, 55]
    assert np.count_nonzero(image != 255) == 3
    assert dataset.records[1].name == "line 2"


def test_train_and_test_are_one(tmp_path: Path) -> None:
    files(tmp_path, f"0,{PIXELS}\n")
    (tmp_path / "emnist-bymerge-test.csv").write_text(f"1,{PIXELS}\n1,{PIXELS}\n")
    assert open_dataset(tmp_path).texts == ["0", "A", "A"]


@pytest.mark.parametrize(
    ("table", "mapping", "message"),
    [
        ("0,1,2\n", "0 48\n", "has 3 columns, expected 785: a class and 28x28 pixels"),
        (f"7,{PIXELS}\n", "0 48\n", "line 1 has the class 7, which the mapping lacks"),
        (f"0,{PIXELS}\n0,{PIXELS[:-1]}256\n", "0 48\n", "line 2 has a pixel outside 0 to 255"),
        (f"0,{PIXELS[:-1]}-1\n", "0 48\n", "line 1 has a pixel outside 0 to 255"),
        (f"0,{PIXELS[:-1]}x\n", "0 48\n", "something other than whole numbers within lines 1 to 1"),
        (f"0,{PIXELS[:-1]}\n", "0 48\n", "something other than whole numbers within lines 1 to 1"),
        ("", "0 48\n", "is no table of numbers"),
        (f"0,{PIXELS}\n", "0 A\n", "must have a class id and a code point a line"),
        (f"0,{PIXELS}\n", "0 -5\n", "must have a class id and a code point a line"),
    ],
)
def test_what_is_malformed_is_told(tmp_path: Path, table: str, mapping: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        open_dataset(files(tmp_path, table, mapping))
    assert message in str(caught.value)


def test_a_missing_mapping_tells_where_the_data_set_is(tmp_path: Path) -> None:
    files(tmp_path, f"0,{PIXELS}\n")
    (tmp_path / "emnist-bymerge-mapping.txt").unlink()
    with pytest.raises(DatasetError, match=r"emnist-bymerge-mapping.txt cannot be read .* is at https://www.nist.gov/"):
        open_dataset(tmp_path)


def test_several_splits_are_not_mixed(tmp_path: Path) -> None:
    files(tmp_path, f"0,{PIXELS}\n")
    (tmp_path / "emnist-letters-train.csv").write_text(f"0,{PIXELS}\n")
    with pytest.raises(DatasetError, match="has the EMNIST splits bymerge, letters"):
        open_dataset(tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", f"0,{PIXELS}\n".encode()]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, before: bytes) -> None:
    folder = files(tmp_path_factory.mktemp("any"), before + content)
    try:
        dataset = open_emnist(folder)
    except DatasetError:
        return
    assert len(dataset) >= 1
    assert {record.read().shape for record in dataset.records} == {(28, 28, 3)}


def test_characters_fill_their_square_as_emnists_do() -> None:
    font = ImageFont.truetype(fonts()[0], 128)
    image = character("H", font, np.random.default_rng(0))
    rows, columns = (np.flatnonzero(image.max(axis=axis) > 30) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (23, 24)
    assert abs((rows[0] + rows[-1]) / 2 - 13.5) <= 1
    assert abs((columns[0] + columns[-1]) / 2 - 13.5) <= 1

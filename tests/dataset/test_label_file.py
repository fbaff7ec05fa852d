"""Labels that are written one by one, and what survives a kill."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from captcha_keras.dataset.label_file import LabelFile, fits_label_file
from captcha_keras.dataset.layouts import image_files, open_dataset
from captcha_keras.errors import DatasetError, InputError
from tests.image_files import encoded

# What a file may be called on Linux and a line of UTF-8 can hold; on some systems a few of these are refused.
NAMES = st.text(st.characters(exclude_characters="/\0\n\r", codec="utf-8"), min_size=1, max_size=30).map(
    "{}.png".format
)
PNG = encoded(Image.new("L", (4, 2)))
TEXTS = st.text(st.characters(categories=("L", "N", "P", "S"), codec="utf-8"), min_size=1, max_size=32)


@given(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=6), st.sampled_from([".", "..", "labels of/today"]))
def test_what_is_written_is_what_open_dataset_reads(labels: dict[str, str], place: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "images")
        folder.mkdir()
        (folder / place).mkdir(parents=True, exist_ok=True)
        kept = []
        for name in labels:
            try:
                (folder / name).write_bytes(PNG)
                kept.append(name)
            except OSError:  # longer than 255 bytes, or the system has no such names
                continue
        assume(kept)
        file = LabelFile(folder / place / "labels.csv")
        for name in kept:
            file.write(folder / name, labels[name])
        files = image_files(folder)
        assert {path.name for path in files} == set(kept)
        assert all(fits_label_file(name) for name in kept)
        # The same after it is opened anew, and for training.
        read = LabelFile(file.path).read()
        assert {path.name: text for path, text in read.items()} == {name: labels[name] for name in kept}
        dataset = open_dataset(file.path)
        assert dataset.problems == ()
        assert {os.path.realpath(r.path): r.text for r in dataset.records} == {str(p): t for p, t in read.items()}
        assert all(record.read().shape == (2, 4, 3) for record in dataset.records)


def test_a_part_of_the_images_is_a_data_set(tmp_path: Path) -> None:
    for index in range(12):
        Image.new("L", (40, 24)).save(tmp_path / f"{index}.png")
    file = LabelFile(tmp_path / "labels.csv")
    for index in (7, 2, 9):
        file.write(tmp_path / f"{index}.png", f"0{index}")
    for data in (file.path, tmp_path):
        dataset = open_dataset(data)
        assert dataset.texts == ["07", "02", "09"]
        assert dataset.images().images.shape == (3, 24, 40, 3)


def test_the_last_label_of_an_image_counts_and_keeps_its_line(tmp_path: Path) -> None:
    file = LabelFile(tmp_path / "labels.csv")
    for name, text in (("a.png", "A"), ("b.png", "B"), ("a.png", "AA")):
        file.write(tmp_path / name, text)
    assert file.path.read_text() == "image_path,text\na.png,AA\nb.png,B\n"


def test_what_others_write_in_the_meantime_stays(tmp_path: Path) -> None:
    one, other = (LabelFile(tmp_path / "labels.csv") for _ in range(2))
    one.write(tmp_path / "a.png", "A")
    other.write(tmp_path / "b.png", "B")
    # An editor that ends the last line nowhere, and names an image in its own way.
    (tmp_path / "labels.csv").write_text(one.path.read_text() + "./c.png,C")
    labels = one.write(tmp_path / "a.png", "AA")
    assert [(path.name, text) for path, text in labels.items()] == [("a.png", "AA"), ("b.png", "B"), ("c.png", "C")]
    assert open_dataset(one.path).texts == ["AA", "B", "C"]


@given(st.data())
def test_a_file_that_was_cut_anywhere_is_repaired(data: Any) -> None:
    labels = data.draw(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3))
    with tempfile.TemporaryDirectory() as root:
        file = LabelFile(Path(root, "labels.csv"))
        for name, text in labels.items():
            file.write(Path(root, name), text)
        content = file.path.read_bytes()
        cut = data.draw(st.integers(0, len(content) - 1))
        file.path.write_bytes(content[:cut])
        repaired = LabelFile(file.path)
        found = repaired.read()
        whole = content[:cut].count(b"\n") - 1
        assert len(found) in (max(whole, 0), whole + 1)
        # Every label but the one that was cut is as it was, and the file can be gone on with.
        before = [(Path(root).resolve() / name, text) for name, text in labels.items()]
        assert list(found.items())[: max(whole, 0)] == before[: max(whole, 0)]
        repaired.write(Path(root, "next one.png"), "NEXT")
        assert open_dataset(file.path).texts[-1] == "NEXT"
        assert open_dataset(file.path).problems == ()


def test_a_half_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text('image_path,text\na.png,A\n"b.pn')
    file = LabelFile(tmp_path / "labels.csv")
    assert file.lost == '"b.pn'
    assert file.path.read_text() == "image_path,text\na.png,A\n"
    assert LabelFile(file.path).lost == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,label\na.png,A\n", "has the columns file, label, expected image_path, text"),
        (b"image_path,text\na.png\nb.png,B\n", "line 2 is no image path with a text"),
        (b"image_path,text\na.png,A\nb.png,\n", "line 3 is no image path with a text"),
        (b'image_path,text\n"a.png"x,A\n', "line 2 is no CSV: "),
        (b"image_path,text\na.png,\xff\n", "line 2 is not UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_kept(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=re.escape(message)):
        LabelFile(path)
    assert path.read_bytes() == content


def test_places_for_no_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"kept in a \.csv file, got .*labels\.txt"):
        LabelFile(tmp_path / "labels.txt")
    with pytest.raises(InputError, match=r"none is no folder, so labels\.csv cannot be written there"):
        LabelFile(tmp_path / "none" / "labels.csv")


def test_a_full_disk_keeps_what_was_there(small_disk: Any) -> None:
    folder = small_disk.resize("100k")
    file = LabelFile(folder / "labels.csv")
    file.write(folder / "a.png", "A")
    (folder / "ballast").write_bytes(bytes(92_000))

    def fill() -> None:
        for index in range(1000):
            kept.append(file.path.read_bytes())
            file.write(folder / f"{index}.png", "B" * 32)

    kept: list[bytes] = []
    with pytest.raises(OSError, match="No space left"):
        fill()
    assert file.path.read_bytes() == kept[-1]
    assert [path.name for path in folder.iterdir() if path.name.startswith(".tmp")] == []


WRITER = """
import sys
from pathlib import Path
from captcha_keras.dataset.label_file import LabelFile
folder = Path(sys.argv[1])
file = LabelFile(folder / "labels.csv")
for index in range(len(file.read()), 100000):
    file.write(folder / f"{index}.png", f"T{index}")
    print(index, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    accepted = -1
    for attempt in range(6):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(random.Random(attempt).uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        accepted = int((first + process.communicate()[0]).split()[-1])
        labels = LabelFile(tmp_path / "labels.csv").read()
        assert len(labels) in (accepted + 1, accepted + 2)
        assert list(labels.values()) == [f"T{index}" for index in range(len(labels))]
    assert accepted > 6

"""The dataset folder: the only owner of its format.

Six layouts are read:

- drawn by `data_gen.py`: `images/00000.jpg …` or `records/images-00000-of-00013.tfrecord …`, `labels.txt` (line k is
  the text of image k), `dataset.json`; or a shard of such a folder, which holds some of its images;
- images and a `labels.txt` side by side: line k for the k-th file in numeric order;
- images named by their text: `AKNC.png`, `17-AKNC.png`, `AKNC_3.jpg`;
- a CSV file with the columns `image_path,text`;
- a folder for each text, named by it, as data sets of single characters have them: `A/0.png`, `B/7.jpg`;
- EMNIST's CSV files (`emnist.py`).
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.emnist import emnist_tables, open_emnist
from captcha_keras.dataset.records import Record, shown
from captcha_keras.dataset.tfrecord import RecordError, spans
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec, SpecError

FORMAT_VERSION = 1
DESCRIPTION = "dataset.json"
LABELS = "labels.txt"
IMAGES = "images"
RECORDS = "records"
IMAGES_PER_RECORD_FILE = 4096
# data_gen keeps its settings here until the data set is finished.
PLAN = "plan.json"
ENDINGS = (".jpg", ".jpeg", ".png")


def open_dataset(folder: Path | str) -> Dataset:
    """Read the labels of a folder (or of a CSV file) in any of the layouts.

    Raises:
        DatasetError: There is nothing that could be a dataset. Single bad lines and files do not raise
            here: they are in `Dataset.problems`, and `load` reports them with the bad images.
    """
    folder = Path(folder)
    if folder.is_file() and folder.suffix.lower() == ".csv":
        return _from_csv(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder; expected a dataset drawn by data_gen.py, or labelled images.")
    if (folder / DESCRIPTION).is_file():
        return _drawn(folder)
    if (folder / PLAN).is_file():
        raise DatasetError(f"{folder} is unfinished: run the same data_gen.py command again to resume it.")
    if emnist_tables(folder):
        return open_emnist(folder)
    tables = sorted(folder.glob("*.csv"))
    if len(tables) == 1:
        return _from_csv(tables[0])
    files = _images(folder)
    if (folder / LABELS).is_file():
        return _from_lines(folder, files)
    if files:
        return _from_names(folder, files)
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if classes:
        return _from_classes(folder, classes)
    raise DatasetError(f"{folder} has no images; expected {', '.join(ENDINGS)} files, {LABELS} or one CSV file.")


def image_name(index: int, count: int, image_format: str) -> str:
    """File name of image `index` of `count`: zero-padded to at least five digits."""
    digits = max(5, len(str(count - 1)))
    return f"{index:0{digits}d}.{'jpg' if image_format == 'jpeg' else image_format}"


def record_file_name(number: int, count: int) -> str:
    """Name of TFRecord file `number` of `count`, as TensorFlow's tools name shards."""
    return f"images-{number:05d}-of-{count:05d}.tfrecord"


def record_files(count: int) -> int:
    """How many TFRecord files hold `count` images."""
    return -(-count // IMAGES_PER_RECORD_FILE)


def images_of_record_file(number: int, count: int) -> range:
    """Which of `count` images TFRecord file `number` holds."""
    first = number * IMAGES_PER_RECORD_FILE
    return range(first, min(first + IMAGES_PER_RECORD_FILE, count))


def class_name(text: str) -> str:
    """Name of the folder of a text: itself where every file system can tell it apart, else `U+0061` a character."""
    if re.fullmatch(r"[0-9A-Z]+", text, re.ASCII):
        return text
    return "".join(f"U+{ord(character):04X}" for character in text)


def text_of_class(name: str) -> str:
    """The text of a folder's name; `class_name` the other way round."""
    if re.fullmatch(r"(?:U\+[0-9A-F]{4,6})+", name, re.ASCII):
        codes = [int(code, 16) for code in name.split("U+")[1:]]
        return "".join(map(chr, codes)) if max(codes) <= sys.maxunicode else name
    return name


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file, without their line ends; LF and CRLF both end a line.

    Raises:
        DatasetError: The file is not UTF-8.
    """
    content = path.read_bytes()
    try:
        # utf-8-sig: some editors put a byte order mark in front.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DatasetError(f"{path} line {line} is not UTF-8 text.") from error
    # Not splitlines(): that also splits at characters such as U+2028.
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_description(path: Path) -> dict[str, Any]:
    """Read and check a `dataset.json`.

    Raises:
        DatasetError: It is no JSON object, of another format version, or lacks what is needed.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path} is no readable JSON file: {error}.") from error
    if not isinstance(value, dict):
        raise DatasetError(f"{path} must hold a JSON object.")
    if value.get("format_version") != FORMAT_VERSION:
        raise DatasetError(f"{path} has format version {value.get('format_version')!r}, expected {FORMAT_VERSION}.")
    for key, kind in (("spec", dict), ("count", int), ("image_format", str)):
        if not isinstance(value.get(key), kind):
            raise DatasetError(f"{path} lacks {key!r}, or it is not of type {kind.__name__}.")
    shard = value.get("shard")
    if shard is not None and not (
        isinstance(shard, dict) and all(isinstance(shard.get(key), int) for key in ("number", "of", "first", "images"))
    ):
        raise DatasetError(f"{path}: 'shard' must hold number, of, first and images, got {shard!r}.")
    try:
        CaptchaSpec.from_json(value["spec"])
    except SpecError as error:
        raise DatasetError(f"{path}: {error}") from error
    return value


def _drawn(folder: Path) -> Dataset:
    description = read_description(folder / DESCRIPTION)
    shard = description.get("shard") or {"first": 0, "images": description["count"]}
    first, count = shard["first"], shard["images"]
    if not (folder / LABELS).is_file():
        raise DatasetError(f"{folder / LABELS} is missing.")
    texts = read_lines(folder / LABELS)
    problems = []
    if len(texts) != count:
        problems.append(f"{LABELS} has {len(texts)} lines, expected {count} ({DESCRIPTION})")
    names = [
        image_name(index, description["count"], description["image_format"])
        for index in range(first, first + min(count, len(texts)))
    ]
    sources = [f"{LABELS} line {line}" for line in range(1, len(names) + 1)]
    if description.get("storage") == "tfrecord":
        places, broken = _record_places(folder / RECORDS, first, len(names), description["count"])
        problems += broken
        records = [
            Record(place[0], text, source, name, place[1])
            for name, text, source, place in zip(names, texts, sources, places, strict=False)
            if place is not None
        ]
    else:
        # A missing file is found when it is opened.
        records = [
            Record(folder / IMAGES / name, text, source)
            for name, text, source in zip(names, texts, sources, strict=False)
        ]
    return Dataset(folder, tuple(records), description, tuple(problems))


def _record_places(
    folder: Path, first: int, images: int, count: int
) -> tuple[list[tuple[Path, tuple[int, int]] | None], list[str]]:
    """Where each image lies in the TFRecord files; None for those in broken ones, which are named."""
    places: list[tuple[Path, tuple[int, int]] | None] = []
    problems = []
    files = record_files(count)
    for start in range(first, first + images, IMAGES_PER_RECORD_FILE):
        number = start // IMAGES_PER_RECORD_FILE
        expected = len(images_of_record_file(number, count))
        path = folder / record_file_name(number, files)
        try:
            found = spans(path)
            if len(found) != expected:
                raise RecordError(f"it has {len(found)} records, expected {expected}")
            places += [(path, span) for span in found]
        except (RecordError, OSError) as error:
            reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
            problems.append(f"{RECORDS}/{path.name} cannot be read: {reason}")
            places += [None] * expected
    return places[:images], problems


def _from_lines(folder: Path, files: Sequence[Path]) -> Dataset:
    texts = read_lines(folder / LABELS)
    if not texts:
        raise DatasetError(f"{folder / LABELS} is empty, expected one text a line.")
    problems = []
    if len(texts) != len(files):
        problems.append(f"{LABELS} has {len(texts)} lines, expected {len(files)}, one for each image")
    records = []
    for line, (path, text) in enumerate(zip(files, texts, strict=False), start=1):
        if text:
            records.append(Record(path, text, f"{LABELS} line {line}"))
        else:
            problems.append(f"{LABELS} line {line} is empty, expected the text of {path.name}")
    return _usable(folder, records, problems)


def _from_names(folder: Path, files: Sequence[Path]) -> Dataset:
    records, problems = [], []
    for path in files:
        match = re.fullmatch(r"(?:[0-9]+-)?(?P<text>[^_]+)(?:_[0-9]+)?", path.stem)
        if match:
            records.append(Record(path, match["text"], path.name))
        else:
            problems.append(f"{path.name} does not name a text, expected TEXT, NUMBER-TEXT or TEXT_NUMBER")
    return _usable(folder, records, problems)


def _from_classes(folder: Path, classes: Sequence[Path]) -> Dataset:
    records, problems = [], []
    for path in classes:
        files = _images(path)
        text = text_of_class(path.name)
        records += [Record(file, text, f"{path.name}/{file.name}") for file in files]
        if not files:
            problems.append(f"{path.name} has no images, expected those of the text {path.name!r}")
    return _usable(folder, records, problems)


def _from_csv(table: Path) -> Dataset:
    # csv wants the lines as they are; a text such as 0012 stays text because nothing here is a number.
    rows = csv.reader(read_lines(table))
    header = next(rows, [])
    if "image_path" not in header or "text" not in header:
        raise DatasetError(f"{table} has the columns {', '.join(header) or 'none'}, expected image_path and text.")
    path_column, text_column = header.index("image_path"), header.index("text")
    records, problems = [], []
    for row in rows:
        source = f"{table.name} line {rows.line_num}"
        if len(row) != len(header):
            problems.append(f"{source} has {len(row)} fields, expected {len(header)}")
        elif not row[path_column] or not row[text_column]:
            problems.append(f"{source} lacks an image path or a text")
        else:
            records.append(Record(table.parent / row[path_column], row[text_column], source))
    repeated = [path for path, times in Counter(r.path for r in records).items() if times > 1]
    problems += [f"{table.name} names {shown(path, table.parent)} more than once" for path in repeated]
    return _usable(table.parent, records, problems)


def _usable(folder: Path, records: Sequence[Record], problems: Sequence[str]) -> Dataset:
    if not records:
        raise DatasetError(f"{folder} has no labelled image.", problems)
    return Dataset(folder, tuple(records), None, tuple(problems))


def _images(folder: Path) -> list[Path]:
    """The image files of a folder in numeric order."""
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in ENDINGS), key=_numeric_order)


def _numeric_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort `2.png` before `10.png`, and texts between the numbers as texts."""
    parts = re.split(r"([0-9]+)", path.stem)
    return (
        [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part],
        path.name,
    )

"""The folder that `data_gen.py` draws: the only owner of its format.

`images/00000.jpg …` or `records/images-00000-of-00013.tfrecord …`, `labels.txt` (line k is the text of image k) and
`dataset.json`. A shard of such a folder has the same files, for some of its images.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.records import Record
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


def image_name(index: int, count: int, image_format: str) -> str:
    """The file name of image `index` of `count`: zero-padded to at least five digits.

    Example:
        >>> image_name(7, 51_200, "jpeg"), image_name(7, 1_000_000, "png")
        ('00007.jpg', '000007.png')
    """
    digits = max(5, len(str(count - 1)))
    return f"{index:0{digits}d}.{'jpg' if image_format == 'jpeg' else image_format}"


def record_file_name(number: int, count: int) -> str:
    """The name of TFRecord file `number` of `count`, as TensorFlow's tools name shards.

    Example:
        >>> record_file_name(2, 13)
        'images-00002-of-00013.tfrecord'
    """
    return f"images-{number:05d}-of-{count:05d}.tfrecord"


def record_files(count: int) -> int:
    """The number of TFRecord files that hold `count` images.

    Example:
        >>> record_files(4096), record_files(4097)
        (1, 2)
    """
    return -(-count // IMAGES_PER_RECORD_FILE)


def images_of_record_file(number: int, count: int) -> range:
    """The images, of `count`, that TFRecord file `number` holds.

    Example:
        >>> images_of_record_file(1, 5000)
        range(4096, 5000)
    """
    first = number * IMAGES_PER_RECORD_FILE
    return range(first, min(first + IMAGES_PER_RECORD_FILE, count))


def read_lines(path: Path) -> list[str]:
    r"""The lines of a UTF-8 text file, without their line ends; LF and CRLF both end a line.

    Raises:
        DatasetError: The file is not UTF-8.

    Example:
        >>> size = Path("texts.txt").write_bytes(b"AB12\r\nCD34\n")
        >>> read_lines(Path("texts.txt"))
        ['AB12', 'CD34']
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

    Example:
        >>> size = Path("dataset.json").write_text('{"format_version": 1}')
        >>> read_description(Path("dataset.json"))
        Traceback (most recent call last):
        captcha_keras.errors.DatasetError: dataset.json lacks 'spec', or it is not of type dict.
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


def open_drawn(folder: Path) -> Dataset:
    """Open a folder that `data_gen.py` drew, or a shard of one.

    Raises:
        DatasetError: Its description or its labels are missing or bad.

    Example:
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=3)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> [(record.name, record.text) for record in open_drawn(Path("data")).records]
        [('00000.jpg', '01'), ('00001.jpg', '00'), ('00002.jpg', '01')]
    """
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

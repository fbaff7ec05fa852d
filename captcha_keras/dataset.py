"""The dataset folder: opening it, checking it, splitting it.

This module is the only owner of the folder format. Four layouts are read:

- drawn by `data_gen.py`: `images/00000.jpg …`, `labels.txt` (line k is the text of image k), `dataset.json`;
- images and a `labels.txt` side by side: line k for the k-th file in numeric order;
- images named by their text: `AKNC.png`, `17-AKNC.png`, `AKNC_3.jpg`;
- a CSV file with the columns `image_path,text`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras import images
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec, SpecError

FORMAT_VERSION = 1
DESCRIPTION = "dataset.json"
LABELS = "labels.txt"
IMAGES = "images"
# data_gen keeps its settings here until the data set is finished.
PLAN = "plan.json"
ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Record:
    """One labelled image: the file, its text, and where the text was read (for messages)."""

    path: Path
    text: str
    source: str


@dataclass(frozen=True)
class Dataset:
    """A folder that was read, its images not yet opened.

    Attributes:
        folder: The folder.
        records: The labelled images in order.
        description: `dataset.json` of a folder drawn by `data_gen.py`, else None.
        problems: A line for each bad file or label found so far; `load` raises on them.
    """

    folder: Path
    records: tuple[Record, ...]
    description: Mapping[str, Any] | None = None
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    @property
    def texts(self) -> list[str]:
        """The text of each image."""
        return [record.text for record in self.records]

    def fingerprint(self) -> str:
        """SHA-256 over the file names and texts, to notice that a folder is another one."""
        digest = hashlib.sha256()
        for record in self.records:
            digest.update(f"{record.path.name}\t{record.text}\n".encode())
        return digest.hexdigest()

    def infer_spec(self, alphabet: str | None = None) -> CaptchaSpec:
        """The spec of the folder: recorded, or else read off the labels and the first readable image.

        Args:
            alphabet: The alphabet to use instead of the recorded or observed one.
        """
        if self.description is not None:
            recorded = CaptchaSpec.from_json(self.description["spec"])
            if alphabet is None or alphabet == recorded.alphabet:
                return recorded
            return CaptchaSpec(**{**recorded.to_json(), "alphabet": alphabet})
        height, width = self._first_size()
        lengths = [len(text) for text in self.texts]
        return CaptchaSpec(
            alphabet=alphabet or "".join(sorted(set("".join(self.texts)))),
            min_length=min(lengths),
            max_length=max(lengths),
            width=width,
            height=height,
        )

    def _first_size(self) -> tuple[int, int]:
        for record in self.records:
            try:
                height, width, _ = images.read_image(record.path).shape
            except images.ImageError:
                continue
            return height, width
        raise DatasetError(f"{self.folder} has no readable image.", self.problems)


@dataclass(frozen=True)
class Split:
    """Index arrays of a dataset, each sorted, together every index once."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split(count: int, seed: int, validation: float = 0.1, test: float = 0.1) -> Split:
    """Split `count` images at random; the same numbers give the same split everywhere.

    Args:
        count: Number of images.
        seed: Seed of the split.
        validation: Share of the images for validation, 0 to 1.
        test: Share of the images for testing, 0 to 1.

    Raises:
        DatasetError: A share is out of range or leaves a part empty.
    """
    sizes = (round(count * validation), round(count * test))
    rest = count - sum(sizes)
    if not (0 < validation < 1 and 0 < test < 1) or min(*sizes, rest) < 1:
        raise DatasetError(
            f"{count} images cannot be split into training, validation ({validation:g}) and test "
            f"({test:g}): each part needs at least one image."
        )
    order = np.random.default_rng(seed).permutation(count).astype(np.int64)
    first, second = rest, rest + sizes[0]
    return Split(np.sort(order[:first]), np.sort(order[first:second]), np.sort(order[second:]))


def open_dataset(folder: Path | str) -> Dataset:
    """Read the labels of a folder (or of a CSV file) in any of the four layouts.

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
    tables = sorted(folder.glob("*.csv"))
    if len(tables) == 1:
        return _from_csv(tables[0])
    files = sorted((path for path in folder.iterdir() if path.suffix.lower() in ENDINGS), key=_numeric_order)
    if (folder / LABELS).is_file():
        return _from_lines(folder, files)
    if not files:
        raise DatasetError(f"{folder} has no images; expected {', '.join(ENDINGS)} files, {LABELS} or one CSV file.")
    return _from_names(folder, files)


def load(
    dataset: Dataset,
    spec: CaptchaSpec,
    *,
    indices: NDArray[np.int64] | None = None,
    resize: bool = False,
    allocate: Callable[[tuple[int, ...]], NDArray[np.uint8]] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Decode images and encode texts, checking every one of them.

    Args:
        dataset: The opened folder.
        spec: What the images and texts must be.
        indices: Which records to decode; all by default. Labels are checked for these alone.
        resize: Resize images of another size, as long as all have the same size, instead of refusing them.
        allocate: Makes the image array from its shape, for one that lives on disk.
        progress: Called with the number of images decoded so far.

    Returns:
        uint8 images `(N, height, width, 3)` and int32 class numbers `(N, max_length)`.

    Raises:
        DatasetError: At least one file or label is bad; every one is counted.
    """
    records = dataset.records if indices is None else [dataset.records[i] for i in indices]
    problems = list(dataset.problems)
    labels = np.zeros((len(records), spec.max_length), np.int32)
    for row, record in enumerate(records):
        try:
            labels[row] = spec.encode(record.text)
        except SpecError as error:
            problems.append(f"{record.source}: {error}")
    expected = dataset._first_size() if resize else (spec.height, spec.width)
    shape = (len(records), spec.height, spec.width, 3)
    pixels = (allocate or _in_memory)(shape)

    def decode(row: int) -> str | None:
        record = records[row]
        try:
            image = images.read_image(record.path)
        except images.ImageError as error:
            return f"{_shown(record.path, dataset.folder)} {error}"
        height, width, _ = image.shape
        if (height, width) != expected:
            return f"{_shown(record.path, dataset.folder)} is {width}x{height}, expected {expected[1]}x{expected[0]}"
        pixels[row] = images.fit(image, spec.width, spec.height)
        return None

    # Pillow releases the interpreter lock while it decodes.
    with ThreadPoolExecutor() as pool:
        try:
            for done, problem in enumerate(pool.map(decode, range(len(records))), start=1):
                if problem:
                    problems.append(problem)
                if progress:
                    progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if problems:
        raise DatasetError(
            f"{dataset.folder} has {len(problems)} bad {'entry' if len(problems) == 1 else 'entries'}:",
            problems,
        )
    return pixels, labels


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
    try:
        CaptchaSpec.from_json(value["spec"])
    except SpecError as error:
        raise DatasetError(f"{path}: {error}") from error
    return value


def image_name(index: int, count: int, image_format: str) -> str:
    """File name of image `index` of `count`: zero-padded to at least five digits."""
    digits = max(5, len(str(count - 1)))
    return f"{index:0{digits}d}.{'jpg' if image_format == 'jpeg' else image_format}"


def _drawn(folder: Path) -> Dataset:
    description = read_description(folder / DESCRIPTION)
    count = description["count"]
    if not (folder / LABELS).is_file():
        raise DatasetError(f"{folder / LABELS} is missing.")
    texts = read_lines(folder / LABELS)
    problems = []
    if len(texts) != count:
        problems.append(f"{LABELS} has {len(texts)} lines, expected {count} ({DESCRIPTION})")
    # A missing file is found when it is opened.
    records = [
        Record(
            folder / IMAGES / image_name(index, count, description["image_format"]),
            text,
            f"{LABELS} line {index + 1}",
        )
        for index, text in enumerate(texts[:count])
    ]
    return Dataset(folder, tuple(records), description, tuple(problems))


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
    problems += [f"{table.name} names {_shown(path, table.parent)} more than once" for path in repeated]
    return _usable(table.parent, records, problems)


def _usable(folder: Path, records: Sequence[Record], problems: Sequence[str]) -> Dataset:
    if not records:
        raise DatasetError(f"{folder} has no labelled image.", problems)
    return Dataset(folder, tuple(records), None, tuple(problems))


def _numeric_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort `2.png` before `10.png`, and texts between the numbers as texts."""
    parts = re.split(r"([0-9]+)", path.stem)
    return (
        [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part],
        path.name,
    )


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _in_memory(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.empty(shape, np.uint8)

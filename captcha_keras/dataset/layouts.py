"""Opens a data set, whatever its layout.

Six layouts are read:

- drawn by `data_gen.py` (`drawn.py`);
- images and a `labels.txt` side by side: line k for the k-th file in numeric order;
- images named by their text: `AKNC.png`, `17-AKNC.png`, `AKNC_3.jpg`;
- a CSV file with the columns `image_path,text`;
- a folder for each text, named by it, as data sets of single characters have them: `A/0.png`, `B/7.jpg`;
- EMNIST's CSV files (`emnist.py`).
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.drawn import DESCRIPTION, LABELS, PLAN, open_drawn, read_lines
from captcha_keras.dataset.emnist import emnist_tables, open_emnist
from captcha_keras.dataset.records import Record, shown
from captcha_keras.errors import DatasetError

ENDINGS = (".jpg", ".jpeg", ".png")


def open_dataset(folder: Path | str) -> Dataset:
    """Open a data set, a folder in any of the layouts or a CSV file; reads its labels, not its images.

    Raises:
        DatasetError: There is nothing that could be a dataset. Single bad lines and files do not raise here: they are
            in `Dataset.problems`, and `Dataset.images` reports them with the bad images.

    Example:
        >>> from PIL import Image
        >>> Path("named").mkdir()
        >>> for name in ("1-AKNC.png", "2-0O17.png"):
        ...     Image.new("RGB", (170, 80)).save(Path("named", name))
        >>> open_dataset("named").texts
        ['AKNC', '0O17']
    """
    folder = Path(folder)
    if folder.is_file() and folder.suffix.lower() == ".csv":
        return _from_csv(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder; expected a dataset drawn by data_gen.py, or labelled images.")
    if (folder / DESCRIPTION).is_file():
        return open_drawn(folder)
    if (folder / PLAN).is_file():
        raise DatasetError(f"{folder} is unfinished: run the same data_gen.py command again to resume it.")
    if emnist_tables(folder):
        return open_emnist(folder)
    tables = sorted(folder.glob("*.csv"))
    if len(tables) == 1:
        return _from_csv(tables[0])
    files = image_files(folder)
    if (folder / LABELS).is_file():
        return _from_lines(folder, files)
    if files:
        return _from_names(folder, files)
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if classes:
        return _from_classes(folder, classes)
    raise DatasetError(f"{folder} has no images; expected {', '.join(ENDINGS)} files, {LABELS} or one CSV file.")


def image_files(folder: Path) -> list[Path]:
    """The image files of a folder in numeric order.

    Example:
        >>> for name in ("10.png", "2.jpg", "notes.txt"):
        ...     Path(name).touch()
        >>> [path.name for path in image_files(Path())]
        ['2.jpg', '10.png']
    """
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in ENDINGS), key=_numeric_order)


def class_name(text: str) -> str:
    """The name of a text's folder: the text if it has digits and capitals alone, else `U+0061` for each character.

    Not every file system tells "a" from "A".

    Example:
        >>> class_name("A"), class_name("a")
        ('A', 'U+0061')
    """
    if re.fullmatch(r"[0-9A-Z]+", text, re.ASCII):
        return text
    return "".join(f"U+{ord(character):04X}" for character in text)


def text_of_class(name: str) -> str:
    """The text that a folder's name stands for; the inverse of `class_name`.

    Example:
        >>> text_of_class("A"), text_of_class("U+0061")
        ('A', 'a')
    """
    if re.fullmatch(r"(?:U\+[0-9A-F]{4,6})+", name, re.ASCII):
        codes = [int(code, 16) for code in name.split("U+")[1:]]
        return "".join(map(chr, codes)) if max(codes) <= sys.maxunicode else name
    return name


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
        files = image_files(path)
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


def _numeric_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort `2.png` before `10.png`, and texts between the numbers as texts."""
    parts = re.split(r"([0-9]+)", path.stem)
    return (
        [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part],
        path.name,
    )

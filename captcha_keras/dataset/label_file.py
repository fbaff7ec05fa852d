"""Writes labels one by one into a CSV file with the columns `image_path,text`, which `open_dataset` reads."""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from captcha_keras.dataset.drawn import read_lines
from captcha_keras.errors import DatasetError, InputError
from captcha_keras.files import write_atomically

COLUMNS = ["image_path", "text"]


class LabelFile:
    """A CSV file of labels, one line for each image, with paths relative to its folder.

    Each label is written in one step: a kill at any moment leaves the file with the label or without it. The file is
    read anew before that, so that what an editor or another process wrote in the meantime stays.

    Args:
        path: The file; it need not exist yet.

    Attributes:
        path: The file.
        lost: The half line at the end of the file that was taken away when it was opened; empty if there was none.

    Raises:
        InputError: It is no CSV file of labels, or its folder is not there.

    Example:
        >>> labels = LabelFile(Path("labels.csv"))
        >>> found = labels.write(Path("1.png"), "AB")
        >>> found = labels.write(Path("2,b.png"), "CD")
        >>> print(Path("labels.csv").read_text(), end="")
        image_path,text
        1.png,AB
        "2,b.png",CD
        >>> {path.name: text for path, text in LabelFile(Path("labels.csv")).read().items()}
        {'1.png': 'AB', '2,b.png': 'CD'}
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != ".csv":
            raise InputError(f"Labels are kept in a .csv file, got {path}.")
        if not path.parent.is_dir():
            raise InputError(f"{path.parent} is no folder, so {path.name} cannot be written there.")
        self.path = path
        self._folder = path.parent.resolve()
        self._lock = threading.Lock()
        self.lost = self._take_away_half_line() if path.exists() else ""
        self.read()

    def read(self) -> dict[Path, str]:
        """The text of each image, by its absolute path, in the order of the lines; of two lines the last counts.

        Raises:
            DatasetError: A line is no label, or the file is not UTF-8.
        """
        if not self.path.exists():
            return {}
        rows = csv.reader(read_lines(self.path), strict=True)
        labels = {}
        try:
            header = next(rows, COLUMNS)
            if header != COLUMNS:
                raise DatasetError(f"{self.path} has the columns {', '.join(header)}, expected {', '.join(COLUMNS)}.")
            for row in rows:
                if not _is_label(row):
                    raise DatasetError(f"{self.path} line {rows.line_num} is no image path with a text.")
                labels[Path(os.path.normpath(self._folder / row[0]))] = row[1]
        except csv.Error as error:
            raise DatasetError(f"{self.path} line {rows.line_num} is no CSV: {error}.") from error
        return labels

    def write(self, image: Path, text: str) -> dict[Path, str]:
        """Give an image its text, in place of the one that it may have; returns all labels.

        Args:
            image: The image file.
            text: The text; not empty.

        Raises:
            DatasetError: The file was changed in the meantime and is no CSV file of labels any more.
            OSError: It cannot be written; it is as before.
        """
        with self._lock:
            labels = self.read()
            key = image.resolve()
            if labels.get(key) != text:
                labels[key] = text
                write_atomically(self.path, lambda path: path.write_bytes(self._content(labels)), durable=True)
            return labels

    def _content(self, labels: Mapping[Path, str]) -> bytes:
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        for image, text in labels.items():
            writer.writerow([Path(os.path.relpath(image, self._folder)).as_posix(), text])
        return table.getvalue().encode()

    def _take_away_half_line(self) -> str:
        """Take a last line away that has no end and is no whole label, as a crash of another program leaves it."""
        content = self.path.read_bytes()
        start = content.rfind(b"\n") + 1
        half = content[start:]
        if not half or _is_whole(half, header=start == 0):
            return ""
        write_atomically(self.path, lambda path: path.write_bytes(content.removesuffix(half)), durable=True)
        return half.decode(errors="replace")


def fits_label_file(name: str) -> bool:
    r"""Whether a file name can stand in a CSV file: it is UTF-8 text on one line.

    Example:
        >>> fits_label_file("a,b.png"), fits_label_file("a\nb.png"), fits_label_file("\udcff.png")
        (True, False, False)
    """
    return "\n" not in name and "\r" not in name and not any("\ud800" <= character <= "\udfff" for character in name)


def _is_label(row: Sequence[str]) -> bool:
    return len(row) == len(COLUMNS) and all(row)


def _is_whole(line: bytes, *, header: bool) -> bool:
    """Whether a line without an end is complete all the same: some editors leave the last line so."""
    try:
        (row,) = csv.reader([line.decode("utf-8-sig")], strict=True)
    except (UnicodeDecodeError, csv.Error):
        return False
    return row == COLUMNS if header else _is_label(row)

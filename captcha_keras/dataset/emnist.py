"""EMNIST's CSV files: handwritten characters of 28x28, one a line.

The data set (Cohen et al. 2017) is at https://www.nist.gov/itl/products-and-services/emnist-dataset. A folder holds
`emnist-<split>-mapping.txt` and `emnist-<split>-train.csv` or `-test.csv` or both; split `bymerge` has 47 classes. Each
line of a CSV file is a class id and 784 pixels, white ink on black, column by column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.records import Record
from captcha_keras.errors import DatasetError

SIDE = 28
PARTS = ("train", "test")
SOURCE = "https://www.nist.gov/itl/products-and-services/emnist-dataset"
LINES_AT_ONCE = 50_000


def emnist_tables(folder: Path) -> list[Path]:
    """The CSV files of EMNIST in a folder, none if it has none.

    Example:
        >>> Path("emnist-bymerge-test.csv").touch()
        >>> [path.name for path in emnist_tables(Path())]
        ['emnist-bymerge-test.csv']
    """
    return [path for part in PARTS for path in sorted(folder.glob(f"emnist-*-{part}.csv"))]


def open_emnist(folder: Path) -> Dataset:
    """Open a folder of EMNIST's files; the images become black ink on white and upright, as all others are.

    Raises:
        DatasetError: A file is missing, of several splits, or malformed.

    Example:
        >>> folder = Path("emnist")
        >>> folder.mkdir()
        >>> written = (folder / "emnist-bymerge-mapping.txt").write_text("10 65")  # class 10 is "A"
        >>> written = (folder / "emnist-bymerge-train.csv").write_text("10" + 784 * ",255")
        >>> dataset = open_emnist(folder)
        >>> dataset.texts, int(dataset.records[0].read().max())
        (['A'], 0)
    """
    tables = emnist_tables(folder)
    splits = sorted({path.name.split("-")[1] for path in tables})
    if len(splits) != 1:
        raise DatasetError(f"{folder} has the EMNIST splits {', '.join(splits)}; keep each in a folder of its own.")
    classes = _mapping(folder / f"emnist-{splits[0]}-mapping.txt")
    records: list[Record] = []
    for path in tables:
        labels, pixels = _table(path)
        unknown = np.flatnonzero(~np.isin(labels, list(classes)))
        if len(unknown):
            line = int(unknown[0])
            raise DatasetError(f"{path} line {line + 1} has the class {labels[line]}, which the mapping lacks.")
        records += [
            Record(path, classes[int(label)], f"{path.name} line {line}", entry=f"line {line}", pixels=image)
            for line, (label, image) in enumerate(zip(labels, pixels, strict=True), start=1)
        ]
    return Dataset(folder, tuple(records))


def _mapping(path: Path) -> dict[int, str]:
    """The character of each class id; each line has the number and the character's code point."""
    try:
        lines = path.read_text("ascii").splitlines()
        return {int(number): chr(int(code)) for number, code, *_ in (line.split() for line in lines if line.strip())}
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); the data set is at {SOURCE}.") from error
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{path} must have a class id and a code point a line.") from error


def _table(path: Path) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Class ids `(N,)` and images `(N, 28, 28)` of a CSV file."""
    import pandas as pd

    labels, pixels, line = [], [], 0
    try:
        with pd.read_csv(path, header=None, chunksize=LINES_AT_ONCE) as chunks:
            for chunk in chunks:
                labels_and_pixels = chunk.to_numpy()
                _check(path, labels_and_pixels, line)
                line += len(chunk)
                labels.append(labels_and_pixels[:, 0].astype(np.int64))
                pixels.append(labels_and_pixels[:, 1:].astype(np.uint8))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no table of numbers: {error}") from error
    # Column by column, and light on dark.
    images = 255 - np.concatenate(pixels).reshape(-1, SIDE, SIDE).transpose(0, 2, 1)
    return np.concatenate(labels), images


def _check(path: Path, table: NDArray[Any], line: int) -> None:
    columns = 1 + SIDE * SIDE
    if table.shape[1] != columns:
        raise DatasetError(
            f"{path} has {table.shape[1]} columns, expected {columns}: a class and {SIDE}x{SIDE} pixels."
        )
    if table.dtype.kind not in "iu":
        raise DatasetError(
            f"{path} has something other than whole numbers within lines {line + 1} to {line + len(table)}."
        )
    bad = np.flatnonzero(((table[:, 1:] < 0) | (table[:, 1:] > 255)).any(axis=1))
    if len(bad):
        raise DatasetError(f"{path} line {line + bad[0] + 1} has a pixel outside 0 to 255.")

"""A drawn data set as images named by number and text, `17-AKNC.png`, as the notebook of `single_head` has them.

python data_gen.py --format png --output data/drawn
python -m benchmarks.peers.named_by_text data/drawn data/named
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from captcha_keras.dataset.layouts import open_dataset


def copy(drawn: Path, folder: Path) -> int:
    """Copy the images of a data set into a new folder; returns how many."""
    records = open_dataset(drawn).records
    if any(record.span for record in records):
        raise SystemExit(f"{drawn} has its images in TFRecord files; draw them with --format png or jpeg.")
    folder.mkdir(parents=True)
    for index, record in enumerate(records):
        shutil.copyfile(record.path, folder / f"{index}-{record.text}{record.path.suffix}")
    return len(records)


def main() -> None:
    """Copy them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drawn", type=Path, metavar="DIR", help="drawn by data_gen.py, as files")
    parser.add_argument("folder", type=Path, metavar="NEW", help="folder to write")
    given = parser.parse_args()
    print(f"{given.folder} holds {copy(given.drawn, given.folder):,} images.")


if __name__ == "__main__":
    main()

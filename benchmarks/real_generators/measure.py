"""How many images of each generator a model reads that has seen none of them, beside ready-made readers.

python -m benchmarks.real_generators.measure --data data/real --model runs/any --readers rapidocr
python -m benchmarks.real_generators.measure --held-out --model runs/any --readers rapidocr

Zero labels: alphabet and length are known to all, nothing else. A third of a folder's images is read, the one that
`benchmarks.real_generators.labels` keeps for the test. Letter case counts, unless the check that comes with the
generator folds it. The readers are those of the audit: pip install 'captcha-keras[readers]'.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import environment, write_results
from benchmarks.real_generators.draw import RECORD
from benchmarks.real_generators.generators import Generator
from benchmarks.real_generators.groups import EIGHT, TEN, add_group
from captcha_keras.audit.readers.network import NetworkReader
from captcha_keras.audit.readers.reader import Reader, known_readers, load_reader
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.records import Record
from captcha_keras.dataset.split import Split, split_indices
from captcha_keras.errors import InputError
from captcha_keras.evaluation.rates import Rate
from captcha_keras.recognizer.recognizer import Recognizer

Row = dict[str, Any]
MODEL = "model"
# Of a folder's images; the rest are there to be learned from.
TEST_FRACTION = 1 / 3


def score(generator: Generator, read: Sequence[str], texts: Sequence[str]) -> Rate:
    """The fraction of images read right, by the rule of the generator's own check."""

    def fold(text: str) -> str:
        return text.lower() if generator.folds_case else text

    return Rate.of(np.array([fold(a) == fold(b) for a, b in zip(read, texts, strict=True)]))


def test_records(folder: Path, count: int) -> list[Record]:
    """At most `count` of the images that are kept for the test."""
    records = open_dataset(folder).records
    return [records[index] for index in _split(records).test[:count]]


def validation_records(folder: Path, count: int) -> list[Record]:
    """At most `count` of the images that are kept for validation; none of them is a test image."""
    records = open_dataset(folder).records
    return [records[index] for index in _split(records).validation[:count]]


def _split(records: Sequence[Record]) -> Split:
    return split_indices(len(records), seed=0, test=TEST_FRACTION)


def measure(generator: Generator, folder: Path, count: int, readers: Mapping[str, Reader]) -> Row:
    """Let each reader read the test images of a generator's folder.

    Returns:
        The generator, what drew, how many images, and for each reader right answers and interval, or an error.
    """
    row: Row = {"name": generator.name, "alphabet": generator.alphabet, "length": generator.length}
    row["folds_case"] = generator.folds_case
    try:
        records = test_records(folder, count)
        images, texts = [record.read() for record in records], [record.text for record in records]
        row["versions"] = json.loads((folder / RECORD).read_text("utf-8"))["versions"]
    except (InputError, OSError) as error:
        return row | {"count": 0, "readers": {name: {"error": f"not drawn: {error}"} for name in readers}}
    answers: dict[str, Row] = {}
    for name, reader in readers.items():
        try:
            length = generator.length, generator.length
            rate = score(generator, reader.read(images, generator.alphabet, length), texts)
        except Exception as error:  # it is foreign code, and may raise anything
            answers[name] = {"error": str(error)}
        else:
            answers[name] = rate.__dict__
    return row | {"count": len(records), "readers": answers}


def means(rows: Sequence[Row], readers: Sequence[str]) -> dict[str, Row]:
    """For each reader the mean of its fractions, and over how many generators."""
    found = {name: [row["readers"][name].get("fraction") for row in rows] for name in readers}
    read = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {
        name: {"fraction": sum(values) / len(values) if values else None, "generators": len(values)}
        for name, values in read.items()
    }


def table(rows: Sequence[Row], readers: Sequence[str]) -> str:
    """The rows, the mean of each reader, and the errors below."""
    lines = [f"{'':26}{'images':>8}" + "".join(f"{name:>26}" for name in readers)]
    errors = []
    for row in rows:
        line = f"{row['name']:26}{row['count']:8,}"
        for name in readers:
            answer = row["readers"][name]
            if "error" in answer:
                errors.append(f"{row['name']}, {name}: {answer['error']}")
                line += f"{'failed':>26}"
            else:
                line += f"{'{fraction:.1%} ({low:.1%} - {high:.1%})'.format(**answer):>26}"
        lines.append(line)
    last = f"{'mean':26}{'':8}"
    for mean in means(rows, readers).values():
        fraction = "-" if mean["fraction"] is None else f"{mean['fraction']:.1%} of {mean['generators']}"
        last += f"{fraction:>26}"
    return "\n".join([*lines, last, *errors])


def main() -> None:
    """Measure, print the table and write it."""
    places = {place.name: place for place in known_readers()}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_group(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"{EIGHT.folder}, or {TEN.folder}")
    parser.add_argument("--model", type=Path, required=True, metavar="PATH", help="a run, a version or a model's file")
    parser.add_argument("--count", type=int, default=1500, metavar="N", help="images of each (%(default)s)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some of them")
    parser.add_argument("--readers", nargs="+", choices=places, default=[], help="ready-made readers besides")
    given = parser.parse_args()
    generators, data = given.group.pick(given.only, parser), given.data or given.group.folder
    try:
        model = NetworkReader(MODEL, Recognizer.load(given.model))
    except InputError as error:
        parser.error(str(error))
    readers: dict[str, Reader] = {MODEL: model}
    for name in given.readers:
        reader = load_reader(places[name])
        if reader is None:
            parser.error(f"{name} is not installed")
        readers[name] = reader
    rows = []
    for generator in generators:
        rows.append(measure(generator, data / generator.name, given.count, readers))
        print(f"{generator.name} measured", flush=True)
    print(f"\nno labels, alphabet and length known\n\n{table(rows, [*readers])}")
    where = environment(["tensorflow", "keras"])
    figures = {"model": given.model.name, "means": means(rows, [*readers]), "rows": rows}
    write_results(given.group.results, {**where, **figures})


if __name__ == "__main__":
    main()

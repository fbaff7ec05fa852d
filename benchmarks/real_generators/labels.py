"""What a model reads of each generator after it has learned from 100, 500 or 3,000 labelled images of it.

python -m benchmarks.real_generators.labels --data data/real --model any
python -m benchmarks.real_generators.labels --held-out --model any

It trains as `python train.py --from MODEL --labels N` does and reads images that it never saw, the same ones that
`benchmarks.real_generators.measure` reads. A training whose figures stand is not repeated, so the same command goes on
where it was stopped. --random trains from random weights instead.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from benchmarks.measure import RESULTS, environment, write_results
from benchmarks.real_generators.generators import GENERATORS, Generator
from benchmarks.real_generators.groups import EIGHT, TEN, add_group
from benchmarks.real_generators.held_out import HELD_OUT
from benchmarks.real_generators.measure import TEST_FRACTION, Row, score, test_records
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.trainer import train

LABELS = (100, 500, 3000)
KEY = ("generator", "model", "labels", "seed")


def learned(generator: Generator, folder: Path, config: TrainConfig, count: int) -> Row:
    """Train on some labelled images of a generator and read its test images.

    Returns:
        Right answers and interval, and the seconds that the training took.
    """
    with tempfile.TemporaryDirectory() as parent:
        begin = time.monotonic()
        run = train(config, Path(parent) / "run")
        took = time.monotonic() - begin
        recognizer = Recognizer.load(run.path)
    records = test_records(folder, count)
    read = recognizer.read((record.path for record in records), alphabet=generator.alphabet, length=generator.length)
    rate = score(generator, [each.text for each in read], [record.text for record in records])
    return {**rate.__dict__, "seconds": round(took, 1)}


def table(rows: Sequence[Row], labels: Sequence[int]) -> str:
    """A row for each generator: the mean over the seeds; and the mean of all below."""
    lines = [f"{'':26}" + "".join(f"{count:>10,}" for count in labels) + "   labels"]
    names = [name for name in GENERATORS | HELD_OUT if any(row["generator"] == name for row in rows)]
    found = {
        (name, count): [row["fraction"] for row in rows if (row["generator"], row["labels"]) == (name, count)]
        for name in names
        for count in labels
    }
    for name in names:
        cells = [found[name, count] for count in labels]
        lines.append(f"{name:26}" + "".join(f"{mean(cell):10.1%}" if cell else f"{'-':>10}" for cell in cells))
    columns = [[mean(found[name, count]) for name in names if found[name, count]] for count in labels]
    last = "".join(f"{mean(column):10.1%}" if column else f"{'-':>10}" for column in columns)
    return "\n".join([*lines, f"{'mean':26}{last}"])


def main() -> None:
    """Train what is missing, print the table and write each figure as soon as it stands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_group(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"{EIGHT.folder}, or {TEN.folder}")
    parser.add_argument("--model", default="any", metavar="MODEL", help="where it starts from (%(default)s)")
    parser.add_argument("--random", action="store_true", help="start from random weights, same network")
    parser.add_argument("--labels", nargs="+", type=int, default=list(LABELS), metavar="N", help="%(default)s")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], metavar="N", help="%(default)s")
    parser.add_argument("--count", type=int, default=1500, metavar="N", help="test images of each (%(default)s)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="some of them")
    given = parser.parse_args()
    generators, data = given.group.pick(given.only, parser), given.data or given.group.folder
    results = f"{given.group.results}_labels"
    source = find_model(Path(given.model))
    spec, network = source.run.read_spec(), source.run.read_config().network
    model = "random weights" if given.random else given.model
    file = RESULTS / f"{results}.json"
    rows: list[Row] = json.loads(file.read_text("utf-8"))["rows"] if file.exists() else []
    done = {tuple(row[name] for name in KEY) for row in rows}
    for count in given.labels:
        for seed in given.seeds:
            for generator in generators:
                key = (generator.name, model, count, seed)
                if key in done:
                    continue
                config = TrainConfig(
                    data=str(data / generator.name),
                    network=network,
                    alphabet=generator.alphabet,
                    initial_model=None if given.random else str(source.path),
                    size=(spec.width, spec.height),
                    labels=count,
                    seed=seed,
                    test_fraction=TEST_FRACTION,
                )
                figures = learned(generator, data / generator.name, config, given.count)
                rows.append({**dict(zip(KEY, key, strict=True)), **figures})
                write_results(results, {**environment(["tensorflow", "keras"]), "rows": rows})
                print(f"{generator.name}, {count:,} labels, seed {seed}: {figures['fraction']:.1%}", flush=True)
    print(table([row for row in rows if row["model"] == model], given.labels))


if __name__ == "__main__":
    main()

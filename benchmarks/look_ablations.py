"""What each part of the training on random looks is worth: one short training many times, with one thing changed.

nice python -m benchmarks.look_ablations                                  all rows, about ten minutes each on two cores
nice python -m benchmarks.look_ablations --rows baseline without-warps    some of them

Each training starts from random weights and sees so many new images, each once, drawn and fitted as
`train.py --fresh-images --no-augment` does. The learning rate falls to zero, and the last network counts. Two rows
differ in the seed alone and show how much of a difference is chance. What each network is measured on:

- random looks with all ingredients and fonts, of a seed of their own. Alphabet and length are not told to the network.
- the looks of `benchmarks.library_looks`, of a seed of their own, so that the images of that benchmark stay unseen.
- at most 300 images of each of the eight real generators whose folder is there. They are validation images of the split
  whose test images `benchmarks.real_generators.measure` reads, so these stay unseen.

Alphabet and length are known for the latter two. The figures are reported; no setting is chosen by those of the eight
generators. A row is written as soon as it is measured, so the same command goes on where it was stopped; whoever wants
figures of the eight generators draws them before (`benchmarks.real_generators.draw`).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import library_looks
from benchmarks.look_variants import EPOCHS, VARIANTS, Row, Variant
from benchmarks.measure import RESULTS, environment
from benchmarks.real_generators.generators import GENERATORS
from benchmarks.real_generators.groups import EIGHT
from benchmarks.real_generators.measure import score, validation_records
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.dataset.images import fit_to
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.records import Record
from captcha_keras.errors import InputError
from captcha_keras.evaluation.figures import evaluate
from captcha_keras.evaluation.rates import Rate
from captcha_keras.files import write_json
from captcha_keras.recognizer.recognizer import Recognizer
from data_gen import LookSettings, Series
from data_gen.looks.settings import ANY_SPEC

if TYPE_CHECKING:
    # Not above: every process that draws imports this module, and these load TensorFlow.
    from captcha_keras.training.fresh_images import FreshImages
    from captcha_keras.training.prior import LogPrior

# A name, not a number: no data set and no training has drawn these images.
VALIDATION = "look ablations, validation"
REAL = 300
COLUMNS = (
    *("row", "random looks", "case folded", "0 and O merged", "library's looks", "real generators"),
    *("CPU minutes", "ms an image"),
)


def fresh_images(variant: Variant, prior: LogPrior, steps: int) -> FreshImages:
    """The stream of a training's images.

    Args:
        variant: The training.
        prior: The layer that allows for the characters that are drawn more often.
        steps: Batches of an epoch.
    """
    from captcha_keras.training.fresh_images import FreshImages

    config = variant.config
    return FreshImages(variant.series, steps=steps, batch_size=config.batch_size, prior=prior, weights=config.weights)


def trained(variant: Variant, images: int) -> Recognizer:
    """Train a network on about so many new images."""
    import keras

    from captcha_keras.networks.registry import build_network
    from captcha_keras.pipeline.batches import streamed_batches
    from captcha_keras.training.devices import precision_policy, select_device
    from captcha_keras.training.fit import build_trainee, fit
    from captcha_keras.training.schedule import plan

    config, spec = variant.config, variant.spec
    schedule = plan(config, images // EPOCHS)
    keras.utils.clear_session()
    policy = precision_policy(config.precision, select_device(config.gpu))
    keras.utils.set_random_seed(config.seed)
    trainee = build_trainee(config, spec, policy, schedule)
    if trainee.prior is None:
        raise ValueError("new images need a log prior")
    with fresh_images(variant, trainee.prior, schedule.steps_per_epoch) as fresh:
        size, length = (spec.height, spec.width), spec.max_length
        fit(
            trainee,
            streamed_batches(fresh.batches, batch_size=config.batch_size, size=size, length=length, seed=config.seed),
            steps_per_epoch=schedule.steps_per_epoch,
            epochs=schedule.epochs,
            callbacks=[fresh],
            verbose=2,
        )
    # As a run is saved: it computes in float32.
    network = build_network(config.network, spec)
    network.set_weights(trainee.network.get_weights())
    return Recognizer(network.predict_on_batch, spec)


def any_looks(recognizer: Recognizer, count: int) -> Row:
    """What a network reads of random looks, and how long it takes for an image of a batch."""
    source = Series(ANY_SPEC, VALIDATION, style=LookSettings()).source()
    drawn, spec = [source.image(index) for index in range(count)], recognizer.spec
    images = np.stack([fit_to(np.asarray(image), spec) for _, image in drawn])
    figures = evaluate(recognizer, LabelledImages(images, spec.encode_all(text for text, _ in drawn)))
    if figures.zero_o is None or figures.letter_case is None or figures.seconds_per_image is None:
        raise ValueError("random looks have both cases, 0 and O")
    return {
        "any": figures.images.__dict__,
        "case_folded": figures.letter_case.folded_images.__dict__,
        "zero_o_merged": figures.zero_o.merged_images.__dict__,
        "milliseconds": 1000 * figures.seconds_per_image,
    }


def library_rates(recognizer: Recognizer, count: int) -> dict[str, Row]:
    """What a network reads of each of the library's looks, of so many images of all together."""
    looks = library_looks.LOOKS
    each = -(-count // len(looks))
    return {
        name: library_looks.rate(recognizer, replace(look, seed=VALIDATION), each).__dict__
        for name, look in looks.items()
    }


def generator_records(data: Path) -> dict[str, list[Record]]:
    """The images of each of the eight generators whose folder is there.

    Raises:
        InputError: A folder is no data set.
    """
    return {name: validation_records(data / name, REAL) for name in GENERATORS if (data / name).exists()}


def generator_rates(recognizer: Recognizer, records: Mapping[str, Sequence[Record]]) -> dict[str, Row]:
    """What a network reads of the images of each generator."""
    rates = {}
    for name, images in records.items():
        generator = GENERATORS[name]
        files = (record.path for record in images)
        found = recognizer.read(files, alphabet=generator.alphabet, length=generator.length)
        rates[name] = score(generator, [each.text for each in found], [record.text for record in images]).__dict__
    return rates


def measured(variant: Variant, images: int, validation: int, records: Mapping[str, Sequence[Record]]) -> Row:
    """Train and measure: everything that the row of a variant says."""
    wall, processor = time.monotonic(), sum(os.times()[:4])
    recognizer = trained(variant, images)
    # The processes that drew have ended, so their time counts.
    wall, processor = time.monotonic() - wall, sum(os.times()[:4]) - processor
    return {
        "settings": variant.settings(images, validation),
        "seconds": round(wall, 1),
        "cpu_seconds": round(processor, 1),
        **any_looks(recognizer, validation),
        "library": library_rates(recognizer, validation),
        "generators": generator_rates(recognizer, records),
        **environment(["captcha", "pillow", "tensorflow", "keras", "captcha-keras"]),
    }


def table(rows: Mapping[str, Row]) -> str:
    """The rows as a Markdown table, with 95 % Wilson intervals."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for name, row in rows.items():
        cells = [_cell([row[column]]) for column in ("any", "case_folded", "zero_o_merged")]
        cells += [_cell(row[column].values()) for column in ("library", "generators")]
        costs = f"{row['cpu_seconds'] / 60:.1f} | {row['milliseconds']:.2f}"
        lines.append(f"| {name} | {' | '.join(cells)} | {costs} |")
    return "\n".join(lines)


def _cell(rates: Iterable[Row]) -> str:
    """The rate of all images together."""
    counts = [(rate["right"], rate["total"]) for rate in rates]
    if not counts:
        return "-"
    rate = Rate.count(*map(sum, zip(*counts, strict=True)))
    return f"{100 * rate.fraction:.1f} % ({100 * rate.low:.1f} – {100 * rate.high:.1f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, write each row as soon as it stands, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME", help=f"{', '.join(VARIANTS)}")
    add("--images", type=int, default=160_000, metavar="N", help="that a training sees (%(default)s)")
    add("--validation", type=int, default=2_000, metavar="N", help="random looks, and library's looks (%(default)s)")
    add("--data", type=Path, default=EIGHT.folder, metavar="DIR", help="of the real generators (%(default)s)")
    add("--output", type=Path, default=RESULTS / "look_ablations.json", metavar="FILE", help="%(default)s")
    given = parser.parse_args(arguments)
    if min(given.images, given.validation) < 1:
        parser.error("--images and --validation must be at least 1")
    try:
        wanted = {name: VARIANTS[name].settings(given.images, given.validation) for name in given.rows}
        records = generator_records(given.data)
    except InputError as error:
        parser.error(str(error))
    load_tensorflow()
    rows: list[Row] = json.loads(given.output.read_text("utf-8"))["rows"] if given.output.exists() else []
    for name, settings in wanted.items():
        if any(row["settings"] == settings for row in rows):
            continue
        print(f"{name}: {given.images:,} new images", flush=True)
        row = measured(VARIANTS[name], given.images, given.validation, records)
        rows.append({"name": name, **row})
        write_json(given.output, {"rows": rows})
    found = [(name, row) for name in given.rows for row in rows if row["settings"] == wanted[name]]
    print(f"\n{given.images:,} new images each\n\n{table(dict(found))}")


if __name__ == "__main__":
    main()

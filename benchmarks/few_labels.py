"""What few labels teach a network that has seen many looks, beside the same network with random weights.

nice python -m benchmarks.few_labels                                          four looks, the default schedules
nice python -m benchmarks.few_labels --looks 8 9 --labels 100 --settings "epochs=7 steps_per_epoch=100"

A validation look is a random one of `data_gen.py --style any`, frozen into a generator: fonts, sizes, ingredients,
colors, alphabet and length are those of the look; each image has a text, places, angles and random numbers of its own.
So nothing is tuned on the generators of `benchmarks.real_generators`. All images are fitted into 200x64.

Zero labels: the network reads as it is, told alphabet and length.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.measure import RESULTS, environment
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.evaluation.figures import evaluate
from captcha_keras.evaluation.images import images_to_evaluate
from captcha_keras.evaluation.rates import Rate
from captcha_keras.files import write_json
from captcha_keras.pipeline.augmentation import Augmentation
from captcha_keras.recognizer.locate import TrainedModel, find_model
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.devices import select_device
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train
from data_gen.looks.colors import colored
from data_gen.looks.compose import draw_look
from data_gen.looks.dice import Dice, Table
from data_gen.looks.fonts import families_of, installed_fonts
from data_gen.looks.look import Disturbance, Look, Step
from data_gen.looks.render import rendered
from data_gen.looks.texts import KINDS
from data_gen.looks.traits import Families

MODEL, RANDOM = "model", "random"
TEST = 1_000
SIZE = (200, 64)
LENGTHS = (4, 6)
Row = dict[str, Any]


@dataclass(frozen=True)
class FrozenLook:
    """A generator: a random look that draws as many images as are asked for.

    Attributes:
        number: Of the look.
        alphabet: The characters of its texts.
        look: What all images have in common, with a text of their length.
        colors_anew: Whether each image has colors of its own.
    """

    number: int
    alphabet: str
    look: Look
    colors_anew: bool

    def image(self, index: int) -> tuple[str, Image.Image]:
        """Text and picture of image `index`."""
        dice, look = Dice(f"few labels {self.number} {index}"), self.look

        def again(step: Step) -> Step:
            return Step(step.name, dice.seed())

        def redrawn(values: Sequence[int]) -> tuple[int, ...]:
            """Numbers of the characters: all alike as before, or anywhere between the least and the largest."""
            return tuple(dice.between(min(values), max(values)) for _ in values)

        text = "".join(dice.pick(self.alphabet) for _ in look.text)
        new = look._replace(
            text=text,
            faces=tuple(dice.pick(look.faces) for _ in text),
            scales=redrawn(look.scales),
            stretches=redrawn(look.stretches),
            turns=redrawn(look.turns),
            slants=redrawn(look.slants),
            rises=redrawn(look.rises),
            gaps=redrawn(look.gaps),
            background=again(look.background),
            effects=tuple(again(step) for step in look.effects),
            warp=look.warp and again(look.warp),
            finishing=tuple(again(step) for step in look.finishing),
        )
        if self.colors_anew:
            new = colored(new, Dice(dice.seed()))
        marks = [
            Disturbance(again(mark.step), mark.layer, new.inks if mark.colors == look.inks else mark.colors)
            for mark in look.disturbances
        ]
        return text, rendered(new._replace(disturbances=tuple(marks)))


@cache
def _families() -> Families:
    return families_of(installed_fonts())


def frozen_look(number: int) -> FrozenLook:
    """Freeze a random look; the look of the library is none of them, it is no look that nobody has seen."""
    dice = Dice(f"few labels {number}")
    alphabet = dice.draw(Table(KINDS))
    text = "".join(dice.pick(alphabet) for _ in range(dice.between(*LENGTHS)))
    anew = dice.chance(50)
    return FrozenLook(number, alphabet, draw_look(text, dice, _families(), without=("library",)), anew)


def write_folder(look: FrozenLook, count: int, folder: Path) -> None:
    """Write labelled images."""
    folder.mkdir(parents=True)
    texts = []
    for index in range(count):
        text, image = look.image(index)
        image.save(folder / f"{index:05d}.png")
        texts.append(text)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n", "utf-8")


def parse_settings(text: str) -> dict[str, Any]:
    """Settings of a training from `"epochs=7 augmentation={'rotation_range':8}"`."""
    pairs = (pair.partition("=") for pair in text.split())
    found = {name: ast.literal_eval(value) for name, _, value in pairs}
    if isinstance(found.get("augmentation"), dict):
        found["augmentation"] = Augmentation(**found["augmentation"])
    return found


def trained_on_none(model: TrainedModel, look: FrozenLook, config: TrainConfig) -> Row:
    """What a network reads of the test images of a look that it has not seen."""
    dataset = open_dataset(config.data)
    records = [dataset.records[index] for index in config.split(len(dataset)).test]
    files, length = [record.path for record in records], len(look.look.text)
    read = Recognizer.load(model).read(files, alphabet=look.alphabet, length=length)
    right = [found.text == record.text for found, record in zip(read, records, strict=True)]
    return Rate.of(np.array(right)).__dict__


def trained_on_labels(config: TrainConfig, run: RunFolder) -> Row:
    """What a network reads of the test images once it is trained: as of its best epoch, and as of its last."""
    keras.backend.clear_session()
    train(config, run)
    data = images_to_evaluate(run)
    best, last = (evaluate(Recognizer.load(path), data).images for path in (run.path, run.last_model))
    history = pd.read_csv(run.history_file)
    return {
        "steps": len(history) * run.read_record()["schedule"]["steps_per_epoch"],
        "seconds": round(float(history["seconds"].sum()), 1),
        "cpu_seconds": round(float(history["cpu_seconds"].sum()), 1),
        "last": last.fraction,
        **best.__dict__,
    }


def measure(given: argparse.Namespace, look: FrozenLook, folder: Path) -> Iterator[Row]:
    """Measure a look with every number of labels, start and settings."""
    count = max(given.labels) + TEST
    write_folder(look, count, folder / "images")
    model = find_model(given.model)
    network = model.run.read_config().network
    # All but the test images can be taken as labelled.
    common = {"network": network, "size": SIZE, "test_fraction": TEST / count, "validation_fraction": 1 / count}
    for number, (labels, start, settings) in enumerate(product(given.labels, given.starts, given.settings)):
        initial = str(model.file or model.path) if start == MODEL else None
        config = TrainConfig(
            str(folder / "images"),
            labels=labels or None,
            initial_model=initial,
            **{**common, **parse_settings(settings)},
        )
        row = {"look": look.number, "labels": labels, "start": start, "settings": settings}
        if labels:
            yield row | trained_on_labels(config, RunFolder(folder / f"run-{number}"))
        elif start == MODEL and settings == given.settings[0]:
            yield row | trained_on_none(model, look, config)


def table(rows: Sequence[Row]) -> str:
    """For each number of labels, start and settings the fraction of each look, and the mean."""
    looks = sorted({row["look"] for row in rows})
    keys = dict.fromkeys((row["labels"], row["start"], row["settings"]) for row in rows)
    lines = [
        f"{'labels':>6} {'weights':8}" + "".join(f"{f'look {look}':>9}" for look in looks) + f"{'mean':>9}  settings"
    ]
    for key in sorted(keys):
        found = {row["look"]: row["fraction"] for row in rows if (row["labels"], row["start"], row["settings"]) == key}
        cells = [f"{found[look]:9.1%}" if look in found else f"{'':9}" for look in looks]
        mean = sum(found.values()) / len(found)
        lines.append(f"{key[0]:6} {key[1]:8}{''.join(cells)}{mean:9.1%}  {key[2] or 'default'}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", type=Path, default=Path("pretraining/any-5"), metavar="PATH", help="run or version (%(default)s)")
    add("--looks", type=int, nargs="+", default=[0, 1, 2, 3], metavar="N", help="%(default)s")
    add("--labels", type=int, nargs="+", default=[0, 30, 100, 500], metavar="N", help="%(default)s")
    add("--starts", nargs="+", choices=(MODEL, RANDOM), default=[MODEL, RANDOM], help="%(default)s")
    add("--settings", nargs="+", default=[""], metavar="WORDS", help="settings of TrainConfig (the default ones)")
    add("--to", default="few_labels", metavar="NAME", help="of the file in benchmarks/results (%(default)s)")
    given = parser.parse_args()
    load_tensorflow()
    select_device(gpu=False)
    rows: list[Row] = []
    for number in given.looks:
        with tempfile.TemporaryDirectory(prefix="few-labels-") as folder:
            for row in measure(given, frozen_look(number), Path(folder)):
                rows.append(row)
                print(row, flush=True)
                # After each training: all of them take hours.
                where = environment(["tensorflow", "keras"])
                write_json(RESULTS / f"{given.to}.json", {**where, "model": given.model.name, "rows": rows})
    print(f"\nimages right, of {TEST:,} of each look\n\n{table(rows)}")


if __name__ == "__main__":
    main()

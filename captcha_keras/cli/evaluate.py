"""`python evaluate.py`: arguments of an evaluation."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.cli.progress import ProgressBar
from data_gen.fresh import FRESH_SEED

DESCRIPTION = """Measure how well a trained network reads images.

By default the newest run, or the model that comes with the project if there is none, on the test images
that its training never saw."""


def parser(prog: str = "evaluate.py") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add(
        "--model",
        type=Path,
        metavar="DIR",
        help="run or exported model (the newest finished run, else the shipped model)",
    )
    add("--data", type=Path, metavar="DIR", help="another dataset folder or CSV file, all of it")
    add("--split", choices=("test", "all"), help="which images of the run's own data (test)")
    add("--fresh", type=int, metavar="N", help="draw N new images as the training's were drawn")
    add("--fresh-seed", type=int, default=FRESH_SEED, metavar="SEED", help="their seed (%(default)s)")
    add("--fonts", nargs="+", default=[], metavar="TTF", help="fonts for --fresh, if the training's were own ones")
    add(
        "--report",
        type=Path,
        metavar="DIR",
        help="where to write the report (RUN/evaluation; for an exported model in runs/)",
    )
    add("--gpu", action="store_true", help="require a GPU; without it the CPU computes")
    add("--json", action="store_true", help="print the figures as JSON instead of a table")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "evaluate.py") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _evaluate(options), on_interrupt="The run is unchanged: measure it again.")


def _evaluate(options: argparse.Namespace) -> None:
    load_tensorflow()
    from captcha_keras.evaluation.figures import score
    from captcha_keras.evaluation.images import images_to_evaluate
    from captcha_keras.evaluation.plots import plot_characters
    from captcha_keras.evaluation.report import write_report
    from captcha_keras.evaluation.tables import table
    from captcha_keras.networks.registry import NETWORKS
    from captcha_keras.networks.segmentation import cut_all
    from captcha_keras.recognizer.locate import find_model
    from captcha_keras.recognizer.recognizer import Recognizer
    from captcha_keras.training.devices import select_device

    model = find_model(options.model)
    select_device(options.gpu)
    recognizer = Recognizer.load(model)
    data = images_to_evaluate(
        model.run,
        folder=options.data,
        part=options.split,
        fresh=options.fresh,
        fresh_seed=options.fresh_seed,
        fonts=options.fonts,
        progress=ProgressBar,
    )
    probabilities, seconds = recognizer.timed_probabilities(data.images)
    predicted = probabilities.argmax(axis=-1)
    evaluation = score(predicted, data.labels, recognizer.spec, seconds)
    folder = options.report or model.evaluation
    write_report(folder, evaluation, recognizer.spec, data, probabilities)
    # A run may be of a network that is not one of ours.
    network = NETWORKS.get(model.run.read_config().network)
    if network and network.cutter:
        squares, counts = cut_all(network.cutter, data.images, recognizer.spec.max_length)
        plot_characters(squares, counts, data.labels, predicted, recognizer.spec, folder / "characters.png")
    if options.json:
        print(json.dumps({"model": str(model.path), "images": data.source, **evaluation.to_json()}))
    else:
        print(f"{model.file or model.path} on {data.source}:\n")
        print(table(evaluation))
        print(f"\nReport: {folder}")

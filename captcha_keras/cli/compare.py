"""`captcha-keras compare`: several networks on the same data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.cli.progress import ProgressBar
from captcha_keras.errors import InputError
from data_gen.fresh import FRESH_SEED

DESCRIPTION = """Train networks on the same data, measure them on the same images, and print one table.

A name of a network is trained into a run folder of its own below --to, or goes on there; the folder of a finished run
is measured as it is. If it is stopped, run the same command to resume."""


def parser(prog: str = "captcha-keras compare") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("networks", nargs="+", metavar="NETWORK|RUN", help="names of networks, and folders of finished runs")
    add("--data", default="data/captcha", metavar="DIR", help="dataset folder to train on (%(default)s)")
    add("--characters", metavar="DIR", help="single characters to train those networks on that cut images")
    add("--epochs", type=int, default=10, metavar="N", help="epochs of each (%(default)s)")
    add("--augment", action=argparse.BooleanOptionalAction, default=True, help="distort training images (yes)")
    add("--to", type=Path, default=Path("runs/compare"), metavar="DIR", help="runs, table, picture (%(default)s)")
    add("--fresh", type=int, metavar="N", help="measure on N new images instead of the test images")
    add("--fresh-seed", type=int, default=FRESH_SEED, metavar="SEED", help="their seed (%(default)s)")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras compare") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(
        lambda: _compare(options), on_interrupt="Every finished epoch is kept: run the same command to resume."
    )


def _compare(options: argparse.Namespace) -> None:
    load_tensorflow()
    import keras

    from captcha_keras.evaluation.comparison import measure
    from captcha_keras.evaluation.plots import plot_curves
    from captcha_keras.evaluation.report import write_comparison
    from captcha_keras.evaluation.tables import comparison_table
    from captcha_keras.networks.registry import NETWORKS, find_network
    from captcha_keras.training.config import TrainConfig
    from captcha_keras.training.devices import select_device
    from captcha_keras.training.run_folder import RunFolder
    from captcha_keras.training.trainer import train

    augment: dict[str, Any] = {} if options.augment else {"augmentation": None}
    names = [name for name in options.networks if not Path(name, "config.json").is_file()]
    runs = {name: RunFolder(options.to / name if name in names else Path(name)) for name in options.networks}
    configs = {}
    for name in names:
        characters = options.characters if find_network(name).cuts else None
        configs[name] = TrainConfig(options.data, name, characters, epochs=options.epochs, **augment)
        begun = runs[name].config_file.exists()
        if begun and runs[name].read_config() != configs[name]:
            raise InputError(f"{runs[name].path} was trained with other settings; choose another --to.")
    if options.characters and not any(NETWORKS[name].cuts for name in names):
        raise InputError("--characters is for networks that cut images, and none of these does.")
    select_device(gpu=False)
    for name, config in configs.items():
        run = runs[name]
        if not run.finished:
            train(config, run, resume=run.config_file.exists(), progress=ProgressBar)
            plot_curves(run.history_file, run.curves)
            keras.backend.clear_session()
    results = [
        measure(run, fresh=options.fresh, fresh_seed=options.fresh_seed, progress=ProgressBar) for run in runs.values()
    ]
    write_comparison(options.to, results)
    print(f"On {' and '.join(sorted({each.images for each in results}))}:\n")
    print(comparison_table(results))
    print(f"\nWritten to {options.to}: comparison.json, comparison.png.")

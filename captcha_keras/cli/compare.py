"""`captcha-keras compare`: several networks on the same data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.cli.evaluate import FRESH_SEED
from captcha_keras.console import run_command
from captcha_keras.errors import InputError

DESCRIPTION = """Train networks on the same data, measure them on the same images, and print one table.

A name of a network is trained into a run folder of its own below --to, or goes on there; the folder of a finished run
is measured as it is. Stopped at any moment, the same command goes on."""


def parser(prog: str = "captcha-keras compare") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("networks", nargs="+", metavar="NETWORK|RUN", help="names of networks, and folders of finished runs")
    add("--data", default="data/captcha", metavar="DIR", help="dataset folder to train on (%(default)s)")
    add("--characters", metavar="DIR", help="single characters to train those networks on that cut images")
    add("--epochs", type=int, default=10, metavar="N", help="rounds of each (%(default)s)")
    add("--augment", action=argparse.BooleanOptionalAction, default=True, help="distort training images (yes)")
    add("--to", type=Path, default=Path("runs/compare"), metavar="DIR", help="runs, table, picture (%(default)s)")
    add("--fresh", type=int, metavar="N", help="measure on N new images instead of the test images")
    add("--fresh-seed", type=int, default=FRESH_SEED, metavar="SEED", help="their seed (%(default)s)")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras compare") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _compare(options), kept="Every finished epoch is kept: the same command goes on.")


def _compare(options: argparse.Namespace) -> None:
    load_tensorflow()
    import keras

    from captcha_keras.comparison import measure
    from captcha_keras.devices import select_device
    from captcha_keras.networks import NETWORKS, find_network
    from captcha_keras.report import comparison_table, plot_curves, write_comparison
    from captcha_keras.training import RunFolder, TrainConfig, train

    augment: dict[str, Any] = {} if options.augment else {"augmentation": None}
    names = [name for name in options.networks if not Path(name, "config.json").is_file()]
    runs = {name: RunFolder(options.to / name if name in names else Path(name)) for name in options.networks}
    configs = {}
    for name in names:
        network = find_network(name)
        configs[name] = TrainConfig(
            options.data,
            name,
            options.characters if network.cuts else None,
            epochs=options.epochs,
            learning_rate=network.learning_rate,
            **augment,
        )
        begun = runs[name].config_file.exists()
        if begun and runs[name].read_config() != configs[name]:
            raise InputError(f"{runs[name].path} was trained with other settings; choose another --to.")
    if options.characters and not any(NETWORKS[name].cuts for name in names):
        raise InputError("--characters is for networks that cut images, and none of these does.")
    select_device(gpu=False)
    for name, config in configs.items():
        run = runs[name]
        if not run.finished:
            train(config, run, resume=run.config_file.exists())
            plot_curves(run.history_file, run.curves)
            keras.backend.clear_session()
    contestants = [measure(run, fresh=options.fresh, fresh_seed=options.fresh_seed) for run in runs.values()]
    write_comparison(options.to, contestants)
    print(f"On {' and '.join(sorted({each.images for each in contestants}))}:\n")
    print(comparison_table(contestants))
    print(f"\nWritten to {options.to}: comparison.json, comparison.png.")

"""Measures subjects in turns; prints medians as a table and writes them as JSON."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import multiprocessing
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from captcha_keras.files import write_json

RESULTS = Path(__file__).parent / "results"

# Prepares a subject (imports, data, warm-up) and returns what does the work once and says how many images it did.
Setup = Callable[..., Callable[[], int]]
Subject = tuple[Setup, tuple[Any, ...]]


def _subject(setup: Setup, arguments: tuple[Any, ...], connection: Connection) -> None:
    work = setup(*arguments)
    connection.send("ready")
    import time

    while connection.recv():
        begin = time.perf_counter()
        images = work()
        connection.send(images / (time.perf_counter() - begin))
    del work
    # A pool of the subject ends now. At the process's exit it is too late: the exit closes the queue that ends workers.
    for child in multiprocessing.active_children():
        child.join()


def interleaved(subjects: Mapping[str, Subject], repeats: int) -> dict[str, list[float]]:
    """Let subjects take turns, each in a process of its own, so that a slow moment of the machine hits all.

    Args:
        subjects: For each name a set-up function, importable from its module, and its arguments.
        repeats: Turns of each subject.

    Returns:
        Images/s of each turn.
    """
    context = multiprocessing.get_context("spawn")
    running: dict[str, tuple[Any, Any]] = {}
    for name, (setup, arguments) in subjects.items():
        ours, theirs = context.Pipe()
        # Not daemonic: a subject may have workers of its own.
        process = context.Process(target=_subject, args=(setup, arguments, theirs))
        process.start()
        theirs.close()
        if ours.recv() != "ready":
            raise RuntimeError(f"{name} did not get ready")
        running[name] = (process, ours)
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(repeats):
        for name, (_, connection) in running.items():
            connection.send(True)
            rates[name].append(float(connection.recv()))
        print(f"turn {turn + 1} of {repeats} done", flush=True)
    for process, connection in running.values():
        connection.send(False)
        process.join()
    return rates


def report(name: str, rates: Mapping[str, Sequence[float]], baseline: str, packages: Sequence[str]) -> None:
    """Print a table of medians and ratios and write `results/<name>.json`.

    The ratio is the median of the ratios turn by turn, which a drifting machine hardly moves.
    """
    rows = {
        subject: {
            "images_per_second": statistics.median(values),
            "lowest": min(values),
            "highest": max(values),
            "ratio": statistics.median(a / b for a, b in zip(values, rates[baseline], strict=True)),
        }
        for subject, values in rates.items()
    }
    where = environment(packages)
    print(f"\n{name}: {where['processor']}, {where['date']}")
    print(", ".join(f"{package} {version}" for package, version in where["packages"].items()))
    print(f"\n{'':44}{'images/s':>10}{'lowest':>10}{'highest':>10}   to {baseline!r}")
    for subject, row in rows.items():
        print(
            f"{subject:44}{row['images_per_second']:10,.0f}{row['lowest']:10,.0f}{row['highest']:10,.0f}"
            f"{row['ratio']:10.2f}"
        )
    write_results(name, {**where, "baseline": baseline, "rows": rows})


def write_results(name: str, value: Mapping[str, Any]) -> None:
    """Write `results/<name>.json`."""
    write_json(RESULTS / f"{name}.json", value)
    print(f"\nwritten to benchmarks/results/{name}.json")


def environment(packages: Sequence[str]) -> dict[str, Any]:
    """Hardware, versions and date."""
    # Here, not above: every worker process of a subject imports this module, and this one loads Keras.
    from captcha_keras.training.devices import processor_name

    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor_name(),
        "python": platform.python_version(),
        "packages": {package: importlib.metadata.version(package) for package in packages},
    }


def options(description: str | None, **defaults: int) -> argparse.Namespace:
    """Parse whole-number options `--name N` with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value, metavar="N", help="%(default)s")
    return parser.parse_args()

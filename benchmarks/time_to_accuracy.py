"""Minutes of training until a fraction of the validation images is read right, from the logs of several runs.

python -m benchmarks.time_to_accuracy runs/mathematica runs/captcha_break runs/vgg

A run counts with the first epoch that reaches the fraction; the time is that of all epochs to there, training and
validation. CPU minutes are the process's time on all cores, divided by the cores: what the minutes would be on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measure import environment, write_results
from captcha_keras.training.run_folder import RunFolder

FRACTIONS = (0.84, 0.95, 0.98, 0.99)


def minutes_to(history: pd.DataFrame, fraction: float, seconds: str) -> float | None:
    """Minutes until `val_captcha_accuracy` first reached `fraction`; None if it never did.

    Args:
        history: One row an epoch, as in `history.csv`.
        fraction: 0 to 1.
        seconds: The column that is summed: "seconds" or "cpu_seconds".
    """
    reached = history["val_captcha_accuracy"] >= fraction
    if not reached.any():
        return None
    return float(history.loc[: reached.idxmax(), seconds].sum() / 60)


def row(run: RunFolder, cores: int) -> dict[str, Any]:
    """The figures of a run."""
    history = pd.read_csv(run.history_file)
    history["core_seconds"] = history["cpu_seconds"] / cores
    return {
        "network": run.read_config().network,
        "epochs": len(history),
        "best": float(history["val_captcha_accuracy"].max()),
        "cpu_minutes": float(history["core_seconds"].sum() / 60),
        "minutes": float(history["seconds"].sum() / 60),
        "cpu_minutes_to": {f"{fraction:.0%}": minutes_to(history, fraction, "core_seconds") for fraction in FRACTIONS},
        "minutes_to": {f"{fraction:.0%}": minutes_to(history, fraction, "seconds") for fraction in FRACTIONS},
    }


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The rows as text."""
    heads = "".join(f"{f'to {fraction:.0%}':>9}" for fraction in FRACTIONS)
    lines = [f"{'CPU minutes':28}{heads}{'in all':>9}{'best':>10}"]
    for name, figures in rows.items():
        times: Sequence[float | None] = list(figures["cpu_minutes_to"].values())
        cells = "".join(f"{'-' if value is None else format(value, '.1f'):>9}" for value in times)
        lines.append(f"{name:28}{cells}{figures['cpu_minutes']:9.1f}{figures['best']:10.2%}")
    return "\n".join(lines)


def main() -> None:
    """Read the logs, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), metavar="N", help="cores of the trainings")
    given = parser.parse_args()
    rows = {path.name: row(RunFolder(path), given.cores) for path in given.runs}
    print(table(rows))
    write_results(
        "time_to_accuracy",
        {**environment(["tensorflow", "keras"]), "cores": given.cores, "rows": rows},
    )


if __name__ == "__main__":
    main()

"""Does a second audit, with another seed, find what the first one said it would?

captcha-keras audit library --to runs/first
captcha-keras audit library --seed 1 --to runs/second
python -m benchmarks.audit_agreement runs/first runs/second

What each training of the second read is looked for in the interval of the first, which should hold 95 % of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Agreement:
    """A figure of the second audit beside the interval of the first.

    Attributes:
        words: Which figure.
        low: Lower bound of the first audit's interval.
        high: Upper bound.
        found: What a training of the second audit read.
    """

    words: str
    low: float
    high: float
    found: float

    @property
    def holds(self) -> bool:
        """Whether it lies in the interval."""
        return self.low <= self.found <= self.high


def agreements(first: dict[str, Any], second: dict[str, Any]) -> Iterator[Agreement]:
    """Compare what each training read, at every number of samples that both tried."""
    others = {point["samples"]: point["read"]["values"] for point in second["points"]}
    for point in first["points"]:
        read = point["read"]
        for found in others.get(point["samples"], ()):
            yield Agreement(f"read at {point['samples']:,}", read["low"], read["high"], found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, metavar="DIR")
    parser.add_argument("second", type=Path, metavar="DIR")
    given = parser.parse_args()
    first, second = (json.loads((folder / "audit.json").read_text("utf-8")) for folder in (given.first, given.second))
    rows = list(agreements(first, second))
    print(f"{'':20}{'from':>12}{'to':>12}{'second':>12}")
    for row in rows:
        cells = "".join(f"{value:12,.4g}" for value in (row.low, row.high, row.found))
        print(f"{row.words:20}{cells}  {'' if row.holds else 'outside'}".rstrip())
    same = first["verdict"]["level"] == second["verdict"]["level"]
    print(
        f"\n{sum(row.holds for row in rows)} of {len(rows)} within; the verdict is {'the same' if same else 'another'}."
    )


if __name__ == "__main__":
    main()

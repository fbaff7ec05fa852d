"""The tables of the server in RESULTS.md, written anew from the stored results; nothing is measured.

python -m benchmarks.serving_tables
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import serving_attacks, serving_load, serving_open_loop, serving_profile
from benchmarks.measure import RESULTS
from captcha_keras.files import write_bytes

PAGE = Path(__file__).with_name("RESULTS.md")


def stored(name: str) -> Any:
    """A stored result."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def conditions(name: str, result: Mapping[str, Any], more: str = "") -> str:
    """One line: the command, the hardware, versions and date of a result."""
    packages = ", ".join(f"{package} {version}" for package, version in result["packages"].items())
    where = f"{result['processor']}, Python {result['python']}, {packages}, {result['date']}"
    return f"`python -m benchmarks.{name}`: {where}{more}."


def blocks() -> list[str]:
    """What RESULTS.md holds of the stored results: lines of conditions, and tables."""
    before, after = stored("serving_attacks_before"), stored("serving_attacks_after")
    opened, profile, load = stored("serving_open_loop"), stored("serving_profile"), stored("serving_load")
    capacity = f"; {opened['seconds']:g} s a row, capacity {opened['capacity']:,.0f} answers/s"
    under_load = f"; {profile['clients']} clients under load: {profile['answers_per_second']:,.0f} answers/s"
    return [
        conditions("serving_attacks", after, f"; before: {before['date']}"),
        serving_attacks.table(before["rows"], after["rows"]),
        conditions("serving_open_loop", opened, capacity),
        *serving_open_loop.tables(opened["closed"], opened["open"]).split("\n\n"),
        conditions("serving_profile", profile, under_load),
        *serving_profile.tables(profile).split("\n\n"),
        conditions("serving_load", load, f"; {load['seconds']:g} s a row"),
        serving_load.table(load["rows"]),
    ]


def updated(text: str) -> str:
    """The page with the blocks of the stored results in place of those with the same beginning.

    Args:
        text: Markdown. A line of conditions is known by its command, a table by its first line.

    Raises:
        ValueError: The page does not hold one of them, or holds it twice.
    """
    for block in blocks():
        table = block.startswith("|")
        beginning = block.split("\n")[0] if table else block.split(": ")[0] + ":"
        pattern = re.escape(beginning) + (r"(\n\|.*)*" if table else r".*")
        text, count = re.subn(f"^{pattern}$", block.replace("\\", r"\\"), text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"RESULTS.md holds {count} times, not once: {beginning}")
    return text


def main() -> None:
    """Write the page."""
    write_bytes(PAGE, updated(PAGE.read_text()).encode())


if __name__ == "__main__":
    main()

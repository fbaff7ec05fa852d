"""The groups of generators that are drawn and measured together, and the option that picks one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_generators.generators import GENERATORS, Generator
from benchmarks.real_generators.held_out import HELD_OUT


@dataclass(frozen=True)
class Group:
    """Generators that are drawn and measured together.

    Attributes:
        name: What it is called where something is wrong.
        generators: The generators by name.
        folder: Where their images are, a folder each.
        results: How the names of the files of results begin.
    """

    name: str
    generators: Mapping[str, Generator]
    folder: Path
    results: str

    def pick(self, names: Sequence[str], parser: argparse.ArgumentParser) -> list[Generator]:
        """The generators with these names, all of the group if there are none.

        Args:
            names: What was asked for.
            parser: What ends the program with one sentence if the group has no such generator.
        """
        unknown = sorted(set(names) - self.generators.keys())
        if unknown:
            parser.error(f"{self.name} have no {', '.join(unknown)}; they are {', '.join(self.generators)}")
        return [self.generators[name] for name in names or self.generators]


EIGHT = Group("the eight generators", GENERATORS, Path("data/real"), "real_generators")
TEN = Group("the generators held out", HELD_OUT, Path("data/held_out"), "held_out_generators")


def add_group(parser: argparse.ArgumentParser) -> None:
    """Add `--held-out`, which makes `group` of the arguments the ten instead of the eight.

    Example:
        >>> import argparse
        >>> parser = argparse.ArgumentParser()
        >>> add_group(parser)
        >>> parser.parse_args(["--held-out"]).group.name
        'the generators held out'
    """
    parser.add_argument(
        "--held-out",
        dest="group",
        action="store_const",
        const=TEN,
        default=EIGHT,
        help="the ten generators that are kept for the final measurement instead of the eight",
    )

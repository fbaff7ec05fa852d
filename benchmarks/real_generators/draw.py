"""Draws labelled images of the generators, a folder each; what is missing is installed first.

python -m benchmarks.real_generators.draw --count 4000 --to data/real [NAME ...]
python -m benchmarks.real_generators.draw --held-out --count 4000 --to data/held_out [NAME ...]

A folder has numbered images, `labels.txt` (line k has the text of image k) and `generator.json`. A finished folder is
skipped; it gets its name when it is finished. A generator that cannot be had or drawn with is a row that says why.
Packages of PyPI and npm are installed into ~/.cache/captcha-keras/real-generators, those of Debian (interpreters, the
generators that Debian has, fonts) into the system, if one is root.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from benchmarks.real_generators.generators import Generator
from benchmarks.real_generators.groups import EIGHT, TEN, add_group
from benchmarks.real_generators.install import InstallError, call, install, versions
from captcha_keras.dataset.images import to_rgb
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.files import write_json

RECORD = "generator.json"


class DrawError(Exception):
    """A generator drew something else than the table says."""


def draw(
    generator: Generator,
    to: Path,
    count: int,
    seed: str = "0",
    install: Callable[[Generator], Sequence[str]] = install,
) -> str:
    """Draw the images of one generator, unless they are there.

    Returns:
        What was done, or why it could not be.
    """
    folder = to / generator.name
    if folder.exists():
        there = drawn_count(folder)
        return "already there" if there >= count else f"failed: {folder} has {there:,} images, remove it to draw more"
    temporary = to / f".tmp-{generator.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        # Sets of characters have the same order in every process.
        call([*install(generator), str(temporary), str(count), seed], PYTHONHASHSEED="0")
        flatten(temporary)
        seen = check(generator, temporary, count)
        drawn = {"name": generator.name, "count": count, "seed": seed if generator.seeded else None}
        write_json(temporary / RECORD, {**drawn, "versions": dict(versions(generator))})
        temporary.replace(folder)
    except (InstallError, DrawError, InputError) as error:
        return f"failed: {error}"
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return f"drawn: {seen}"


def drawn_count(folder: Path) -> int:
    """How many images a finished folder has; 0 for a folder of another kind."""
    try:
        return int(json.loads((folder / RECORD).read_text("utf-8"))["count"])
    except (OSError, ValueError, KeyError):
        return 0


def flatten(folder: Path) -> None:
    """Save GIF images, which data sets cannot have, as PNG; lay transparent ones on white, as most pages are."""
    for path in [*folder.glob("*.gif"), *folder.glob("*.png")]:
        try:
            with Image.open(path) as image:
                if path.suffix == ".png" and not image.has_transparency_data:
                    continue
                flat = to_rgb(image)
        except OSError:
            continue  # the check says what is wrong with it
        path.unlink()
        flat.save(path.with_suffix(".png"))


def check(generator: Generator, folder: Path, count: int) -> str:
    """Check the number of images, and every text against the table.

    Returns:
        The sizes and the alphabet that were seen.

    Raises:
        DrawError: Something is otherwise.
        InputError: There are no images, or one cannot be read.
    """
    dataset = open_dataset(folder)
    if dataset.problems or len(dataset) != count:
        raise DrawError("; ".join([f"{len(dataset):,} images, expected {count:,}", *dataset.problems]))
    for text in dataset.texts:
        if len(text) != generator.length or not set(text) <= set(generator.alphabet):
            raise DrawError(f"{text!r} is no text of {generator.length} of {generator.alphabet}")
    sizes = [record.read().shape for record in dataset.records]
    height, width = (sorted({size[axis] for size in sizes}) for axis in (0, 1))
    seen = "".join(sorted(set("".join(dataset.texts))))
    return f"{width[0]}-{width[-1]} x {height[0]}-{height[-1]}, {generator.length} of {seen}"


def main() -> None:
    """Draw what is asked for; exit with 1 if something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="some of them (all)")
    add_group(parser)
    parser.add_argument("--count", type=int, default=4000, metavar="N", help="images of each (%(default)s)")
    parser.add_argument("--to", type=Path, metavar="DIR", help=f"{EIGHT.folder}, or {TEN.folder}")
    parser.add_argument("--seed", default="0", metavar="TEXT", help="%(default)s")
    given = parser.parse_args()
    failed = False
    for generator in given.group.pick(given.names, parser):
        outcome = draw(generator, given.to or given.group.folder, given.count, given.seed)
        failed |= not outcome.startswith(("drawn", "already"))
        print(f"{generator.name:26}{outcome}", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()

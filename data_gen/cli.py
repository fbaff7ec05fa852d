"""`python data_gen.py`: arguments of the generator."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.console import ProgressBar, run_command
from captcha_keras.spec import DEFAULT_ALPHABET, CaptchaSpec, parse_alphabet, parse_length
from data_gen.generate import generate
from data_gen.plan import IMAGE_FORMATS, Settings

DESCRIPTION = """Draw labelled CAPTCHA images with the captcha library.

The same settings give the same bytes on every machine, with any number of workers, and after any
interruption: run the same command again to go on."""


def parser(prog: str = "data_gen.py") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("--output", type=Path, default=Path("data/captcha"), metavar="DIR", help="folder (%(default)s)")
    add("--count", type=int, default=51_200, metavar="N", help="number of images (%(default)s)")
    add("--seed", type=int, default=0, help="seed of the series of images (%(default)s)")
    add("--workers", type=int, metavar="N", help="processes (all cores)")
    add("--length", default="4", metavar="4|4-8", help="characters of a text (%(default)s)")
    add(
        "--alphabet",
        nargs="+",
        default=[DEFAULT_ALPHABET],
        metavar="WORD",
        help="digits, upper, lower or literal characters, in the order of the classes (digits upper)",
    )
    add("--width", type=int, default=170, metavar="PIXELS", help="image width (%(default)s)")
    add("--height", type=int, default=80, metavar="PIXELS", help="image height (%(default)s)")
    add(
        "--format",
        choices=IMAGE_FORMATS,
        default="jpeg",
        help="jpeg (quality 95, no chroma subsampling) or png (%(default)s)",
    )
    add("--fonts", nargs="+", default=[], metavar="TTF", help="TrueType fonts (DroidSansMono)")
    add(
        "--overwrite",
        action="store_true",
        help="replace a data set with other settings, once the new one is finished",
    )
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "data_gen.py") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(
        lambda: _generate(options),
        kept="What is drawn is kept: run the same command again to go on.",
    )


def _generate(options: argparse.Namespace) -> None:
    shortest, longest = parse_length(options.length)
    spec = CaptchaSpec(parse_alphabet(options.alphabet), shortest, longest, options.width, options.height)
    settings = Settings(spec, options.count, options.seed, options.format, tuple(options.fonts))
    drawn = generate(
        settings,
        options.output,
        workers=options.workers,
        overwrite=options.overwrite,
        progress=lambda done, total: ProgressBar("Drawing", total, started_at=done),
    )
    state = "holds" if drawn else "already held"
    print(f"{options.output} {state} {options.count:,} images of {spec.width}x{spec.height}, seed {options.seed}.")

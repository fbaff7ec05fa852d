"""`python data_gen.py`: arguments of the generator."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from captcha_keras.cli.console import run_command
from captcha_keras.cli.progress import ProgressBar
from captcha_keras.errors import InputError
from captcha_keras.files import write_atomically
from captcha_keras.spec import CaptchaSpec
from data_gen.engines import Engine, processes, ray_tasks
from data_gen.estimate import estimate
from data_gen.generate import generate_dataset
from data_gen.join import join_shards
from data_gen.looks.compose import INGREDIENTS
from data_gen.looks.fonts import families_of
from data_gen.looks.settings import ANY, ANY_SPEC, LookSettings
from data_gen.plan import Plan, Shard
from data_gen.preview import contact_sheet
from data_gen.renderer import RENDERERS
from data_gen.series import IMAGE_FORMATS, Series
from data_gen.settings import Settings
from data_gen.style import PRESETS, Style
from data_gen.style_file import SPEC_FIELDS, read_captcha, spec_fields

DESCRIPTION = """Draw labelled CAPTCHA images with the captcha library.

The same settings give the same bytes on every machine, with any number of workers, and after any
interruption: run the same command again to go on."""


def parser(prog: str = "data_gen.py") -> argparse.ArgumentParser:
    """The argument parser.

    Example:
        >>> parser().parse_args(["--count", "1000", "--style", "separated"]).count
        1000
    """
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = result.add_argument_group("what is drawn")
    add = what.add_argument
    add("--count", type=int, default=51_200, metavar="N", help="number of images (%(default)s)")
    add("--seed", type=int, default=0, help="seed of the series of images (%(default)s)")
    add("--length", metavar="4|4-8", help="characters of a text (the style file's, else 4)")
    add(
        "--alphabet",
        nargs="+",
        metavar="WORD",
        help="digits, upper, lower or literal characters, in the order of the classes (the style file's, else digits "
        "upper)",
    )
    add("--distinct", action="store_true", help="no character twice in a text")
    add("--width", type=int, metavar="PIXELS", help="image width (the style file's, else 170)")
    add("--height", type=int, metavar="PIXELS", help="image height (the style file's, else 80)")
    add(
        "--style",
        default="library",
        metavar="NAME|FILE",
        help=f"{', '.join(PRESETS)}, a TOML file with settings of one's own, or {ANY}: every image another look, of a "
        "size of its own (%(default)s)",
    )
    add(
        "--without",
        nargs="+",
        default=[],
        metavar="INGREDIENT",
        help=f"with --style {ANY}: leave out {', '.join(INGREDIENTS)} or single ones, such as curves",
    )
    add(
        "--fonts",
        nargs="+",
        default=[],
        metavar="TTF",
        help=f"TrueType fonts (the style's, else DroidSansMono; with --style {ANY} all that Python packages hold)",
    )
    where = result.add_argument_group("where it goes")
    add = where.add_argument
    add("--output", type=Path, default=Path("data/captcha"), metavar="DIR", help="folder (%(default)s)")
    add(
        "--format",
        choices=(*IMAGE_FORMATS, "tfrecord"),
        default="jpeg",
        help="jpeg (quality 95, no chroma subsampling), png, or tfrecord: such JPEGs in TFRecord files (%(default)s)",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace a data set with other settings, once the new one is finished",
    )
    how = result.add_argument_group("how")
    add = how.add_argument
    add("--workers", type=int, metavar="N", help="processes (all cores)")
    add(
        "--renderer",
        choices=RENDERERS,
        default="auto",
        help="the same pixels either way; auto: fast, if it draws what the installed library draws (%(default)s)",
    )
    add("--engine", choices=("pool", "ray"), default="pool", help="processes, or tasks of a Ray cluster (%(default)s)")
    add("--ray-address", metavar="HOST:PORT", help="an existing cluster (one is started here)")
    add("--shard", metavar="I/N", help="draw part I of N alone, such as 2/4")
    instead = result.add_argument_group("instead of drawing a data set").add_mutually_exclusive_group()
    add = instead.add_argument
    add("--join", type=Path, nargs="+", metavar="DIR", help="make one data set of all its shards")
    add("--preview", type=Path, metavar="PNG", help="draw a contact sheet of the first images")
    add("--dry-run", action="store_true", help="say what it would take: files, disk, time")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "data_gen.py") -> int:
    """Run the command; returns the exit status.

    Example:
        >>> main(["--count", "20", "--dry-run"])  # doctest: +ELLIPSIS
        20 images in 20 files, about ... images/s).
        0
    """
    options = parser(prog).parse_args(arguments)
    return run_command(
        lambda: _run(options),
        on_interrupt="What is drawn is kept: run the same command again to go on.",
    )


def _run(options: argparse.Namespace) -> None:
    if options.join:
        _join(options)
        return
    settings = _settings(options)
    if options.preview:
        _preview(settings, options.preview, options.renderer)
    elif options.dry_run:
        _dry_run(Plan(settings, _shard(options)))
    else:
        _generate(settings, options)


def _settings(options: argparse.Namespace) -> Settings:
    spec, style = _look(options)
    given = {name: getattr(options, name) for name in SPEC_FIELDS if getattr(options, name) is not None}
    spec = dataclasses.replace(spec, **spec_fields(given))
    records = options.format == "tfrecord"
    series = Series(spec, options.seed, "jpeg" if records else options.format, style, options.distinct)
    return Settings(series, options.count, "tfrecord" if records else "files")


def _look(options: argparse.Namespace) -> tuple[CaptchaSpec, Style | LookSettings]:
    if options.style == ANY:
        return ANY_SPEC, LookSettings(tuple(options.without), tuple(options.fonts))
    if options.without:
        raise InputError(f"--without needs --style {ANY}.")
    spec, style = read_captcha(options.style)
    return spec, dataclasses.replace(style, fonts=tuple(options.fonts)) if options.fonts else style


def _shard(options: argparse.Namespace) -> Shard:
    return Shard.parse(options.shard) if options.shard else Shard()


def _engine(options: argparse.Namespace) -> Engine:
    if options.engine == "ray":
        return ray_tasks(options.ray_address, options.workers)
    if options.ray_address:
        raise InputError("--ray-address needs --engine ray.")
    return processes(options.workers)


def _generate(settings: Settings, options: argparse.Namespace) -> None:
    shard = _shard(options)
    style = settings.series.style
    if isinstance(style, LookSettings):
        print(f"Random looks in {len(style.fonts)} fonts of {len(families_of(style.fonts))} families.")
    elif options.renderer == "auto" and settings.series.source().falls_back:
        print("The installed captcha or Pillow draws otherwise than the fast renderer: the library draws, slower.")
    drawn = generate_dataset(
        settings,
        options.output,
        engine=_engine(options),
        renderer=options.renderer,
        shard=shard,
        overwrite=options.overwrite,
        progress=_progress("Drawing"),
    )
    state = "holds" if drawn else "already held"
    spec, seed = settings.series.spec, settings.series.seed
    part = f"shard {options.shard} of {settings.count:,}" if options.shard else f"{settings.count:,}"
    size = "sizes of their own" if isinstance(style, LookSettings) else f"{spec.width}x{spec.height}"
    print(f"{options.output} {state} {part} images of {size}, seed {seed}.")


def _join(options: argparse.Namespace) -> None:
    joined = join_shards(options.join, options.output, overwrite=options.overwrite, progress=_progress("Joining"))
    print(f"{options.output} {'holds' if joined else 'already held'} the {len(options.join)} shards as one data set.")


def _preview(settings: Settings, path: Path, renderer: str) -> None:
    if path.suffix.lower() != ".png":
        raise InputError(f"The preview must be a .png file, got {path}.")
    sheet = contact_sheet(settings.series.source(renderer))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, sheet.save)
    print(f"{path} shows the first images.")


def _dry_run(plan: Plan) -> None:
    cost = estimate(plan)
    seconds = cost.images / cost.images_per_second
    print(
        f"{cost.images:,} images in {cost.files:,} files, about {_in_units(cost.total_bytes)}; "
        f"{seconds / 3600:,.1f} hours of one core like this one ({cost.images_per_second:,.0f} images/s)."
    )


def _progress(title: str) -> Callable[[int, int], ProgressBar]:
    return lambda done, total: ProgressBar(title, total, started_at=done)


def _in_units(number: float) -> str:
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 1000:
            return f"{number:,.1f} {unit}"
    return f"{number / 1000:,.1f} TB"

"""`captcha-keras audit`: how strong is a CAPTCHA?"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow, require_packages
from captcha_keras.cli.progress import ProgressBar
from captcha_keras.errors import InputError
from captcha_keras.recognizer.pretrained import list_pretrained
from captcha_keras.spec import CaptchaSpec, parse_alphabet
from data_gen.style import Style
from data_gen.style_file import read_captcha

# Exit status if more is read than --fail-if-read-above allows: neither a failure (1) nor wrong use (2).
READ_ABOVE = 3

DESCRIPTION = """Find out how strong a text CAPTCHA is: train small networks on rising numbers of labelled images and
measure what they read.

What is audited is a style file of the generator (or the name of a preset), or a folder of labelled images
of your own. Stopped at any moment, the same command goes on."""


def parser(prog: str = "captcha-keras audit") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("settings", nargs="?", metavar="SETTINGS.toml", help="style file, or the name of a preset (library)")
    add("--images", metavar="DIR", help="labelled images instead: any folder or CSV file that train.py reads")
    add("--alphabet", nargs="+", metavar="WORD", help="alphabet of the images, if the labels do not show all of it")
    add(
        "--budget",
        choices=("small", "standard", "full"),
        default="standard",
        help="small: minutes, without changes of settings; full: four times as much training (%(default)s)",
    )
    add(
        "--changes",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also try changes of one setting each, where the budget has room for them (yes)",
    )
    add(
        "--from",
        dest="start",
        choices=("random", *list_pretrained()),
        default="random",
        help="what trainings start from: random weights, or a pretrained model such as any, which needs fewer labelled "
        "images (%(default)s)",
    )
    add("--seed", type=int, default=0, help="seed of images and trainings (%(default)s)")
    add("--to", type=Path, metavar="DIR", help="where trials and report go (runs/audit-<name>)")
    add("--gpu", action="store_true", help="a GPU or an error")
    add("--engine", choices=("here", "ray"), default="here", help="this process, or a Ray cluster (%(default)s)")
    add("--ray-address", metavar="HOST:PORT", help="an existing cluster (one is started here)")
    add(
        "--fail-if-read-above",
        type=float,
        metavar="FRACTION",
        help="exit with status 3 if some reader surely reads more than this fraction of new images, 0 to 1: the lower "
        "bound at 95 %%, all readers considered",
    )
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras audit") -> int:
    """Run the command; returns the exit status: 3 if more is read than --fail-if-read-above allows."""
    options = parser(prog).parse_args(arguments)
    read_above: list[str] = []
    on_interrupt = "Every finished trial is kept: the same command goes on."
    status = run_command(lambda: read_above.extend(_audit(options)), on_interrupt=on_interrupt)
    for sentence in read_above:
        print(sentence, file=sys.stderr)
    return status or (READ_ABOVE if read_above else 0)


def _audit(options: argparse.Namespace) -> list[str]:
    """Run the audit; returns a sentence if more is read than is allowed."""
    limit = options.fail_if_read_above
    if limit is not None and not 0 <= limit <= 1:
        raise InputError(f"--fail-if-read-above must be a fraction from 0 to 1, got {limit:g}.")
    if options.seed < 0:
        raise InputError(f"--seed must be at least 0, got {options.seed}.")
    if (options.settings is None) == (options.images is None):
        raise InputError("Name what to audit: either SETTINGS.toml (or a preset), or --images DIR.")
    if options.ray_address and options.engine != "ray":
        raise InputError("--ray-address needs --engine ray.")
    if options.gpu and options.engine == "ray":
        raise InputError("--gpu is for this machine; on a cluster the trials run on CPUs.")
    drawn = _read(options)
    require_packages(["scipy"], "The audit", "audit")
    load_tensorflow()
    from captcha_keras.audit.budget import BUDGETS
    from captcha_keras.audit.engine import here, ray_tasks
    from captcha_keras.audit.page import table
    from captcha_keras.audit.readers.reader import known_readers
    from captcha_keras.audit.readings import judge
    from captcha_keras.audit.report import write_report
    from captcha_keras.audit.runner import audit
    from captcha_keras.audit.subject import Drawn, Folder
    from captcha_keras.audit.trial import NETWORK
    from captcha_keras.audit.zero_labels import zero_label_points
    from captcha_keras.networks.registry import check_size
    from captcha_keras.training.devices import precision_policy, select_device
    from captcha_keras.training.record import environment_record

    budget = BUDGETS[options.budget]
    if not options.changes:
        budget = dataclasses.replace(budget, sweep=None)
    if options.start != "random":
        budget = dataclasses.replace(budget, start=options.start)
    if drawn:
        subject: Drawn | Folder = Drawn(*drawn, options.seed)
    else:
        alphabet = parse_alphabet(options.alphabet) if options.alphabet else None
        subject = Folder(options.images, alphabet, options.seed)
        subject.check(budget)
    check_size(NETWORK, subject.spec)
    device = select_device(options.gpu)
    environment = environment_record(device, precision_policy("auto", device))
    name = Path(options.settings or options.images).resolve().stem
    folder = options.to or Path("runs") / f"audit-{name}"
    findings = audit(
        subject,
        budget,
        folder,
        engine=ray_tasks(options.ray_address) if options.engine == "ray" else here(gpu=options.gpu),
        settings={
            "subject": subject.description(),
            "budget": dataclasses.asdict(budget),
            **{name: environment[name] for name in ("packages", "device", "dtype_policy")},
        },
        progress=_progress,
        zero_labels=lambda place: zero_label_points(subject, budget, place, known_readers(), progress=_reading),
    )
    what = options.settings or f"--images {options.images}"
    command = f"captcha-keras audit {what} --budget {options.budget} --seed {options.seed}"
    if not options.changes:
        command += " --no-changes"
    if budget.start is not None:
        command += f" --from {budget.start}"
    write_report(folder, findings, subject, budget, title=name, command=command, environment=environment)
    print(table(findings))
    print(f"\nWritten to {folder}: audit.html, audit.json.")
    judged = judge(findings.readings, limit) if limit is not None else None
    if judged is None or judged.level != "broken":
        return []
    return [
        f"{judged.reading.words} reads at least {judged.low:.1%} of new images, more than the {limit:.1%} that "
        "--fail-if-read-above allows."
    ]


def _read(options: argparse.Namespace) -> tuple[CaptchaSpec, Style] | None:
    """The settings; None for a folder of images. Before TensorFlow is loaded, which takes seconds."""
    if options.images is not None:
        return None
    if options.alphabet:
        raise InputError("--alphabet is for --images; a style file has its own alphabet.")
    return read_captcha(options.settings)


def _progress(done: int, total: int) -> Callable[[int], None]:
    return ProgressBar("Training", total, "images", sys.stderr, started_at=done)


def _reading(done: int, total: int) -> Callable[[int], None]:
    return ProgressBar("Reading without labels", total, "images", sys.stderr, started_at=done)

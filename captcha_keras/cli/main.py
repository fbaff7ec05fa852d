"""`captcha-keras <command>`: every command of the project under one name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import data_gen.cli
from captcha_keras import __version__
from captcha_keras.cli import audit, compare, cut, evaluate, export, label, predict, serve, train

COMMANDS: dict[str, tuple[str, Callable[[Sequence[str], str], int]]] = {
    "generate": ("draw a data set (data_gen.py)", data_gen.cli.main),
    "label": ("label images by keyboard, with a network's suggestions", label.main),
    "train": ("train a network (train.py)", train.main),
    "evaluate": ("measure a network (evaluate.py)", evaluate.main),
    "predict": ("read image files", predict.main),
    "audit": ("find out how strong a CAPTCHA is", audit.main),
    "compare": ("train and measure several networks on the same data", compare.main),
    "cut": ("cut CAPTCHAs into single characters", cut.main),
    "export": ("write a SavedModel for TF Serving, ONNX or LiteRT", export.main),
    "serve": ("serve an exported model over HTTP", serve.main),
}

USAGE = """usage: captcha-keras [--help] [--version] COMMAND …

Train and measure networks that read text CAPTCHAs.

commands:
{commands}

captcha-keras COMMAND --help tells what a command takes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] in (["-h"], ["--help"]):
        print(_usage())
        return 0
    if words[:1] == ["--version"]:
        print(f"captcha-keras {__version__}")
        return 0
    if not words or words[0] not in COMMANDS:
        wrong = f"There is no command {words[0]!r}.\n" if words else ""
        print(f"{wrong}{_usage()}", file=sys.stderr)
        return 2
    return COMMANDS[words[0]][1](words[1:], f"captcha-keras {words[0]}")


def _usage() -> str:
    commands = "\n".join(f"  {name:10}{what}" for name, (what, _) in COMMANDS.items())
    return USAGE.format(commands=commands)

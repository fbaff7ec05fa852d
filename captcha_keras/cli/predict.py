"""`captcha-keras predict`: read image files."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.dataset.images import ImageError, read_image
from captcha_keras.errors import DatasetError, InputError
from captcha_keras.recognizer.formats import SINGLE_FILES
from captcha_keras.recognizer.locate import recommended_model
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import parse_alphabet

DESCRIPTION = """Read image files; prints file, text and confidence, tab separated.

Unreadable files are named on standard error and make the exit status 2; the others are read."""


def parser(prog: str = "captcha-keras predict") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="PNG or JPEG file of any size")
    result.add_argument(
        "--model",
        type=Path,
        metavar="PATH",
        help="run, exported model, ONNX or LiteRT file, captcha or any (the newest finished run; without one captcha, "
        "or any if captcha cannot read the --alphabet or --length)",
    )
    result.add_argument(
        "--alphabet",
        nargs="+",
        metavar="WORD",
        help="the only characters that the texts may have: digits, upper, lower or literal characters (the model's)",
    )
    result.add_argument("--length", metavar="4|4-6", help="how many characters the texts have (the model's)")
    result.add_argument("--gpu", action="store_true", help="require a GPU; without it the CPU computes")
    result.add_argument("--json", action="store_true", help="print a JSON object a line")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras predict") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _predict(options), on_interrupt="Nothing was changed.")


def _predict(options: argparse.Namespace) -> None:
    files, images, problems = [], [], []
    for path in options.images:
        try:
            images.append(read_image(path))
            files.append(path)
        except ImageError as error:
            problems.append(f"{path} {error}")
    if images:
        alphabet = parse_alphabet(options.alphabet) if options.alphabet else None
        model = options.model or _recommended(alphabet, options.length)
        predictions = _recognizer(model, options.gpu).read(images, alphabet=alphabet, length=options.length)
        for path, prediction in zip(files, predictions, strict=True):
            if options.json:
                print(json.dumps({"file": str(path), **dataclasses.asdict(prediction)}))
            else:
                print(f"{path}\t{prediction.text}\t{prediction.confidence:.4f}")
    if problems:
        raise DatasetError(f"{len(problems)} of {len(options.images)} files could not be read:", problems)


def _recommended(alphabet: str | None, length: str | None) -> Path:
    """The model that reads where none is named; standard error says which."""
    model = recommended_model(alphabet, length)
    name = f"the pretrained model {model.path.parent.name}" if model.exported else str(model.path)
    print(f"Read by {name}; --model names another.", file=sys.stderr)
    return model.path


def _recognizer(path: Path, gpu: bool) -> Recognizer:
    if path.suffix in SINGLE_FILES:  # they need no TensorFlow
        if gpu:
            raise InputError(f"{path} is read on the CPU alone; --gpu is for runs and exported models.")
    else:
        load_tensorflow()
        from captcha_keras.training.devices import select_device

        select_device(gpu)
    return Recognizer.load(path)

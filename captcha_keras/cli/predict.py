"""`captcha-keras predict`: read image files."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.console import run_command
from captcha_keras.errors import DatasetError
from captcha_keras.images import ImageError, read_image
from captcha_keras.predict import FILES, Recognizer

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
        help="run, exported model, ONNX or LiteRT file (the newest finished run, else the shipped model)",
    )
    result.add_argument("--json", action="store_true", help="print a JSON object a line")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras predict") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _predict(options), kept="Nothing was changed.")


def _predict(options: argparse.Namespace) -> None:
    files, images, problems = [], [], []
    for path in options.images:
        try:
            images.append(read_image(path))
            files.append(path)
        except ImageError as error:
            problems.append(f"{path} {error}")
    if images:
        for path, reading in zip(files, _recognizer(options.model).read(images), strict=True):
            if options.json:
                print(json.dumps({"file": str(path), **dataclasses.asdict(reading)}))
            else:
                print(f"{path}\t{reading.text}\t{reading.confidence:.4f}")
    if problems:
        raise DatasetError(f"{len(problems)} of {len(options.images)} files could not be read:", problems)


def _recognizer(model: Path | None) -> Recognizer:
    if model is not None and model.suffix in FILES:
        # These need no TensorFlow.
        return Recognizer.load(model)
    load_tensorflow()
    from captcha_keras.devices import select_device
    from captcha_keras.trained import find_model

    select_device(gpu=False)
    return Recognizer.of(find_model(model))

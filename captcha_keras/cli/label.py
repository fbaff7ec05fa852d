"""`captcha-keras label`: a local page for labelling images by keyboard."""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow, require_packages
from captcha_keras.cli.serve import NEEDED
from captcha_keras.dataset.label_file import LabelFile
from captcha_keras.errors import InputError
from captcha_keras.recognizer.formats import SINGLE_FILES
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.spec import parse_alphabet, parse_length

DESCRIPTION = """Label the images of a folder by keyboard, on a page that this machine alone can open.

A network reads each image; Enter accepts its reading, as it stands or mended. Each label is kept at once in a CSV file
that train.py reads, and the same command goes on where it was left. After every 50 labels a training in the background
makes the suggestions better."""


def parser(prog: str = "captcha-keras label") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("folder", type=Path, metavar="FOLDER", help="folder of PNG or JPEG images, of any sizes")
    add("--output", type=Path, metavar="CSV", help="file of the labels (FOLDER/labels.csv)")
    add(
        "--alphabet",
        nargs="+",
        metavar="WORD",
        help="the only characters that labels may have: digits, upper, lower or literal characters (any)",
    )
    add("--length", metavar="4|4-6", help="how many characters labels have (1-32)")
    suggestions = result.add_argument_group("suggestions")
    add = suggestions.add_argument
    add(
        "--model",
        type=Path,
        metavar="PATH",
        help="network to begin with: run, exported model, ONNX or LiteRT file (any, the pretrained one)",
    )
    add("--train-every", type=int, default=50, metavar="N", help="labels from one training to the next; 0: none (50)")
    add("--runs", type=Path, metavar="DIR", help="folder of the trained networks (FOLDER/.captcha-keras)")
    page = result.add_argument_group("page")
    add = page.add_argument
    add("--port", type=int, default=8502, help="port of the page; 0: any free one (8502)")
    add("--no-browser", action="store_true", help="print the address only")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras label") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _label(options), on_interrupt="Every accepted label is kept.")


def _label(options: argparse.Namespace) -> None:
    require_packages(NEEDED)
    folder = options.folder
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected one with PNG or JPEG images.")
    labels = LabelFile(options.output or folder / "labels.csv")
    if labels.lost:
        print(f"{labels.path} ended in a half line, which was taken away: {labels.lost!r}.", file=sys.stderr)
    limits = Limits(
        parse_alphabet(options.alphabet) if options.alphabet else None,
        parse_length(options.length) if options.length else None,
    )
    if options.train_every and options.model is not None and options.model.suffix in SINGLE_FILES:
        raise InputError(f"No training can start from {options.model}; name a run, or take --train-every 0.")
    # TensorFlow and the network take seconds to load: wrong use is answered before that.
    load_tensorflow()
    from captcha_keras.serving.http.server import listen
    from captcha_keras.serving.labelling.origin import HOSTS

    with listen(HOSTS[0], options.port) as listener:
        _serve(options, labels, limits, listener)


def _serve(options: argparse.Namespace, labels: LabelFile, limits: Limits, listener: socket.socket) -> None:
    from captcha_keras.serving.labelling.app import serve_labelling
    from captcha_keras.serving.labelling.session import Session
    from captcha_keras.serving.labelling.suggestions import Source, Suggestions
    from captcha_keras.serving.labelling.trainings import Trainings
    from captcha_keras.training.devices import select_device

    select_device(gpu=False)
    folder = options.folder
    runs = options.runs or folder / ".captcha-keras"
    trainings = Trainings(labels.path.resolve(), runs.resolve(), options.train_every, limits.alphabet)
    trained = trainings.resume()
    source = Source.trained(trained) if trained else Source.find(options.model)

    def on_start(address: str) -> None:
        print(f"Labelling {folder} on {address}. Ctrl-C ends it.", flush=True)
        if not options.no_browser:
            # Where there is no graphical browser, one in the terminal would keep the page waiting.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    with closing(Session(folder, labels, limits, Suggestions(source, limits), trainings)) as session:
        serve_labelling(session, listener, on_start)
    count = session.labelled()
    print(f"{labels.path} has {count} {'label' if count == 1 else 'labels'}; the same command goes on.")

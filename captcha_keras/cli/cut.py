"""`captcha-keras cut`: single characters out of CAPTCHAs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.cli.progress import ProgressBar
from captcha_keras.errors import InputError

DESCRIPTION = """Cut labelled CAPTCHAs into characters: a folder of PNG files for each class.

train.py --characters learns from such a folder. Images whose characters touch cannot be cut; they are counted."""


def parser(prog: str = "captcha-keras cut") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("--data", type=Path, default=Path("data/captcha"), metavar="DIR", help="dataset folder (%(default)s)")
    add("--to", type=Path, default=Path("data/characters"), metavar="DIR", help="where to (%(default)s)")
    add(
        "--split",
        choices=("train", "all"),
        default="train",
        help="train: leave out the images that train.py keeps for validation and test (%(default)s)",
    )
    for part in ("validation", "test"):
        add(f"--{part}-fraction", type=float, default=0.1, metavar="F", help="as given to train.py (%(default)s)")
    add("--run", type=Path, metavar="DIR", help="with --split train: take the split that this run recorded")
    add("--side", type=int, default=40, metavar="N", help="side of a character's image in pixels (%(default)s)")
    add("--per-class", type=int, metavar="N", help="add N distorted characters of each class")
    add(
        "--originals",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with --per-class: keep the originals (yes)",
    )
    add("--seed", type=int, default=0, help="seed of the distortion (%(default)s)")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras cut") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _cut(options), on_interrupt="Nothing was written.")


def _cut(options: argparse.Namespace) -> None:
    for name in ("side", "per_class"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(options, name)}.")
    if options.to.exists():
        raise InputError(f"{options.to} is there already; name another folder with --to, or remove it.")
    load_tensorflow()
    import numpy as np

    from captcha_keras.dataset.layouts import open_dataset
    from captcha_keras.networks.segmentation import Cutter
    from captcha_keras.training.characters import balanced, cut_characters, write_characters
    from captcha_keras.training.config import TrainConfig
    from captcha_keras.training.data import recorded_split
    from captcha_keras.training.devices import select_device
    from captcha_keras.training.run_folder import RunFolder

    select_device(gpu=False)
    dataset = open_dataset(options.data)
    spec = dataset.infer_spec()
    if options.split == "all":
        indices = np.arange(len(dataset))
    elif options.run is not None:
        indices = recorded_split(RunFolder(options.run), dataset).train
    else:
        fractions = {"validation_fraction": options.validation_fraction, "test_fraction": options.test_fraction}
        indices = TrainConfig(**fractions).split(len(dataset)).train
    data = dataset.images(spec, indices=indices, progress=ProgressBar("Decoding", len(indices)))
    characters = cut_characters(data, spec, Cutter(options.side))
    for reason, count in characters.reasons.most_common():
        print(f"{count:,} of {len(data):,} images: {reason}.")
    if not characters.texts:
        raise InputError(f"None of the {len(data):,} images of {options.data} could be cut.")
    if options.per_class is not None:
        characters = balanced(characters, options.per_class, options.seed, originals=options.originals)
    write_characters(characters, options.to, ProgressBar("Writing", len(characters.texts)))
    classes = len(set(characters.texts))
    print(f"{options.to} holds {len(characters.texts):,} characters of {classes} classes.")

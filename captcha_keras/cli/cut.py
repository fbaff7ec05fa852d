"""`captcha-keras cut`: single characters out of CAPTCHAs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.console import ProgressBar, run_command
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
        add(f"--{part}-share", type=float, default=0.1, metavar="SHARE", help="as given to train.py (%(default)s)")
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
    return run_command(lambda: _cut(options), kept="Nothing was written.")


def _cut(options: argparse.Namespace) -> None:
    for name in ("side", "per_class"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(options, name)}.")
    if options.to.exists():
        raise InputError(f"{options.to} is there already; name another folder with --to, or remove it.")
    load_tensorflow()
    import numpy as np

    from captcha_keras.characters import balanced, cut_characters, write_characters
    from captcha_keras.dataset import load, open_dataset, split
    from captcha_keras.devices import select_device
    from captcha_keras.segmentation import Cutter
    from captcha_keras.training import TrainConfig

    select_device(gpu=False)
    dataset = open_dataset(options.data)
    spec = dataset.infer_spec()
    indices = np.arange(len(dataset))
    if options.split == "train":
        indices = split(len(dataset), TrainConfig.split_seed, options.validation_share, options.test_share).train
    images, labels = load(dataset, spec, indices=indices, progress=ProgressBar("Decoding", len(indices)))
    characters = cut_characters(images, labels, spec, Cutter(options.side))
    for reason, count in characters.reasons.most_common():
        print(f"{count:,} of {len(images):,} images: {reason}.")
    if not characters.texts:
        raise InputError(f"None of the {len(images):,} images of {options.data} could be cut.")
    if options.per_class is not None:
        characters = balanced(characters, options.per_class, options.seed, originals=options.originals)
    write_characters(characters, options.to, ProgressBar("Writing", len(characters.texts)))
    classes = len(set(characters.texts))
    print(f"{options.to} holds {len(characters.texts):,} characters of {classes} classes.")

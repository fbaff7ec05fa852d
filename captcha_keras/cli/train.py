"""`python train.py`: arguments of a training."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.cli.progress import ProgressBar
from captcha_keras.dataset.records import shown
from captcha_keras.errors import InputError
from captcha_keras.recognizer.locate import find_model
from captcha_keras.spec import parse_alphabet
from data_gen.texts import parse_weights

DESCRIPTION = """Train a multi-head CNN on a folder of labelled CAPTCHA images.

If it is stopped at any moment, --resume goes on and ends with the same weights, to the bit on a CPU.
With few labels start from a network that reads many looks: --data my/folder --from any."""

# Options that say where and how, not what: every other one is a setting that a resumed run has recorded.
NOT_SETTINGS = {"run", "resume", "augment"}


def parser(prog: str = "train.py") -> argparse.ArgumentParser:
    """The argument parser; options that are not given keep the defaults of `TrainConfig`."""
    result = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    data = result.add_argument_group("data")
    data.add_argument("--data", metavar="DIR", help="dataset folder or CSV file (data/captcha)")
    data.add_argument(
        "--alphabet",
        nargs="+",
        metavar="WORD",
        help="digits, upper, lower or literal characters (recorded with the data, else as observed)",
    )
    data.add_argument(
        "--characters",
        metavar="DIR",
        help="single characters to learn from, one folder a class or EMNIST's CSV files, for networks that cut",
    )
    data.add_argument(
        "--size",
        metavar="WxH",
        help="fit images of any size into this one, with their proportions kept (that of --from if it keeps "
        "proportions; else their own, and more than 32,000 pixels are shrunk to 16,000; networks that cut images: "
        "their own)",
    )
    data.add_argument(
        "--labels",
        type=int,
        metavar="N",
        help="train as if N images were labelled, a tenth of them for validation; the test images stay the same (all)",
    )
    data.add_argument("--validation-fraction", type=float, metavar="F", help="of the images, for validation (0.1)")
    data.add_argument("--test-fraction", type=float, metavar="F", help="of the images, for the test (0.1)")
    data.add_argument("--image-store", choices=("auto", "memory", "disk"), help="where decoded images live (auto)")
    fresh = result.add_argument_group("new images")
    add = fresh.add_argument
    add(
        "--fresh-images",
        action="store_true",
        help="train on new images, drawn as the data set was; it gives validation and test alone",
    )
    add("--weights", metavar="0=5,O=5", help="draw these characters so many times as often")
    add("--hard-characters", action="store_true", help="draw more of what validation confuses, set after each epoch")
    add("--fonts", nargs="+", metavar="TTF", help="fonts of the data set, if it has own ones")
    training = result.add_argument_group("training")
    add = training.add_argument
    add(
        "--network",
        metavar="NAME",
        help="vgg, vgg_wide, mathematica, mathematica_relu, single_head, segmented_mlp, segmented_lenet or emnist_cnn "
        "(that of --from, else vgg)",
    )
    add(
        "--from",
        dest="initial_model",
        metavar="MODEL",
        help="start from the weights of a run, an exported model or a pretrained one by its name, with another "
        "alphabet, length or size if need be (random weights)",
    )
    add(
        "--epochs",
        type=int,
        metavar="N",
        help="epochs, each a pass over the training images (50; if they are few, more passes in epochs of at least 100 "
        "steps)",
    )
    add("--steps-per-epoch", type=int, metavar="N", help="steps of an epoch (see --epochs)")
    add("--batch-size", type=int, metavar="N", help="images of a step (32)")
    add(
        "--learning-rate",
        type=float,
        metavar="X",
        help="peak learning rate of Adam; networks other than vgg have their own (0.003)",
    )
    add("--warmup-steps", type=int, metavar="N", help="steps to reach it (300, at most an eighth of all)")
    add(
        "--anneal",
        type=float,
        metavar="FRACTION",
        help="fraction of the training in which the rate falls to zero; 0: ReduceLROnPlateau alone (1)",
    )
    add("--plateau-patience", type=int, metavar="N", help="epochs before ReduceLROnPlateau halves the rate (6)")
    add("--stop-patience", type=int, metavar="N", help="epochs without progress before training stops (12)")
    add(
        "--label-smoothing",
        type=float,
        metavar="FRACTION",
        help="fraction of the target probability that is spread over all classes (0)",
    )
    add("--dropout", type=float, metavar="RATE", help="rate of the dropout layers (the network's own)")
    add(
        "--augment",
        action=argparse.BooleanOptionalAction,
        help="distort training images at random (yes)",
    )
    add("--seed", type=int, help="seed of weights, order and augmentation (0)")
    machine = result.add_argument_group("machine")
    add = machine.add_argument
    add("--gpu", action="store_true", help="require a GPU; without it the CPU computes")
    add(
        "--precision",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="auto: bfloat16 where the hardware computes it (auto)",
    )
    run = result.add_argument_group("run")
    add = run.add_argument
    add("--run", type=Path, metavar="DIR", help="run folder (runs/<date>-<network>)")
    add("--resume", action="store_true", help="go on with --run, or with the newest unfinished run")
    add("--tensorboard", action="store_true", help="write TensorBoard logs into the run folder")
    return result


def parse_size(text: str) -> tuple[int, int]:
    """The width and the height that `"200x64"` stands for.

    Raises:
        InputError: The text is something else.

    Example:
        >>> parse_size("200x64")
        (200, 64)
    """
    match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text, re.ASCII)
    if not match:
        raise InputError(f"--size must look like 200x64, got {text!r}.")
    return int(match[1]), int(match[2])


def main(arguments: Sequence[str] | None = None, prog: str = "train.py") -> int:
    """Run the command; returns the exit status."""
    options = vars(parser(prog).parse_args(arguments))
    return run_command(
        lambda: _train(options),
        on_interrupt="Every finished epoch is kept: go on with python train.py --resume.",
    )


def _train(options: dict[str, Any]) -> None:
    resume = options.get("resume", False)
    superfluous = sorted(set(options) - {"run", "resume"})
    if resume and superfluous:
        raise InputError(f"A resumed run keeps its settings; leave out --{superfluous[0].replace('_', '-')}.")
    # TensorFlow takes seconds to load: wrong use is answered before that.
    load_tensorflow()
    from captcha_keras.evaluation.plots import plot_curves
    from captcha_keras.training.config import TrainConfig
    from captcha_keras.training.run_folder import RunFolder, new_run, newest_run
    from captcha_keras.training.trainer import train

    if resume:
        run = RunFolder(options["run"]) if "run" in options else newest_run(finished=False)
        if run is None:
            raise InputError("There is no unfinished run in runs/ to resume.")
        if run.finished:
            print(f"{run.path} is finished.")
            return
        config = run.read_config()
    else:
        given = {name: value for name, value in options.items() if name not in NOT_SETTINGS}
        if "initial_model" in given:
            model = find_model(Path(given["initial_model"]))
            given["initial_model"] = shown(model.file or model.path, Path.cwd())
            given.setdefault("network", model.run.read_config().network)
        if "size" in given:
            given["size"] = parse_size(given["size"])
        if "alphabet" in given:
            given["alphabet"] = parse_alphabet(given["alphabet"])
        if "fonts" in given:
            given["fonts"] = tuple(given["fonts"])
        if "weights" in given:
            given["weights"] = parse_weights(given["weights"])
        if not options.get("augment", True):
            given["augmentation"] = None
        config = TrainConfig(**given)
        run = RunFolder(options["run"]) if "run" in options else new_run(config.network)
    train(config, run, resume=resume, progress=ProgressBar)
    plot_curves(run.history_file, run.curves)
    print(f"Trained. Measure it on the test images with: python evaluate.py --model {run.path}")

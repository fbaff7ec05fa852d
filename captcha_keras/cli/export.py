"""`captcha-keras export`: a trained network as a SavedModel."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.console import run_command

DESCRIPTION = """Write a run's best network as the next version of a model that TF Serving runs as it stands.

The version appears in one step, after it was seen to read new images as the network does."""

SAMPLES = 64


def parser(prog: str = "captcha-keras export") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--run", type=Path, metavar="DIR", help="the run (the newest finished one)")
    result.add_argument(
        "--to", type=Path, default=Path("models/captcha"), metavar="DIR", help="folder of the versions (%(default)s)"
    )
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras export") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _export(options), kept="No version was added.")


def _export(options: argparse.Namespace) -> None:
    load_tensorflow()
    import keras

    from captcha_keras.devices import select_device
    from captcha_keras.errors import InputError
    from captcha_keras.export import export_saved_model
    from captcha_keras.training.run_folder import RunFolder, newest_run
    from data_gen import ImageSource

    run = RunFolder(options.run) if options.run else newest_run(finished=True)
    if run is None:
        raise InputError("There is no finished run in runs/; train one with python train.py, or name one with --run.")
    spec = run.read_spec()
    select_device(gpu=False)
    source = ImageSource(spec, "export")
    version = export_saved_model(
        run.load_network(),
        spec,
        options.to,
        [source.draw(index).content for index in range(SAMPLES)],
        model_name=options.to.resolve().name,
        assets={file.name: file.read_bytes() for file in (run.config_file, run.history_file) if file.exists()},
    )
    size = sum(file.stat().st_size for file in version.rglob("*") if file.is_file())
    print(f"{version}: {size / 1e6:.1f} MB, reads {SAMPLES} new images as {run.path} does (Keras {keras.__version__}).")

"""`captcha-keras export`: a trained network in a format that others run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from captcha_keras.cli.console import run_command
from captcha_keras.cli.environment import load_tensorflow
from captcha_keras.errors import InputError
from data_gen.fresh import series_like
from data_gen.series import Series

if TYPE_CHECKING:
    from captcha_keras.training.run_folder import RunFolder
    from data_gen.series import ImageSource

DESCRIPTION = """Write a run's best network in a format that others run.

saved_model  the next version of a model that TensorFlow Serving runs as it stands: image files in, text out
onnx         a file for ONNX Runtime: pixels in, probabilities out, the alphabet in its metadata
litert       a file for LiteRT, the same; --quantised: a quarter of the size, 8-bit weights

What is written appears in one step, after it was seen to read new images as the network does."""

FORMATS = {"saved_model": "models/captcha", "onnx": "models/captcha.onnx", "litert": "models/captcha.tflite"}
SERVED_SAMPLES = 64
SAMPLES = 1000
# A name, not a number: no data set has these images.
SAMPLE_SEED = "export"


def parser(prog: str = "captcha-keras export") -> argparse.ArgumentParser:
    """The argument parser."""
    result = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("--run", type=Path, metavar="DIR", help="run, or version of an exported model (the newest finished run)")
    add("--format", choices=FORMATS, default="saved_model", help="%(default)s")
    add("--to", type=Path, metavar="PATH", help=f"folder of the versions, or file ({', '.join(FORMATS.values())})")
    add("--quantised", action="store_true", help="8-bit weights (litert alone)")
    add("--fonts", nargs="+", default=[], metavar="TTF", help="fonts of the data set, if it has own ones")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = "captcha-keras export") -> int:
    """Run the command; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    return run_command(lambda: _export(options), on_interrupt="Nothing was written.")


def _export(options: argparse.Namespace) -> None:
    if options.quantised and options.format != "litert":
        raise InputError(f"--quantised goes with --format litert, not with {options.format}.")
    load_tensorflow()
    from captcha_keras.recognizer.locate import find_model
    from captcha_keras.training.devices import select_device
    from captcha_keras.training.run_folder import newest_run

    if options.run is None and newest_run(finished=True) is None:
        raise InputError("There is no finished run in runs/; train one with python train.py, or name one with --run.")
    model = find_model(options.run)
    run, trained = model.run, model.file or model.path
    description = run.read_record()["dataset"]["description"]
    if description is None:
        # Whatever the images show, the exported model must read them as the network does.
        source = Series(run.read_spec(), SAMPLE_SEED).source()
    else:
        source = series_like(description, SAMPLE_SEED, options.fonts).source()
    select_device(gpu=False)
    target = options.to or Path(FORMATS[options.format])
    if options.format == "saved_model":
        _export_saved_model(run, trained, source, target)
    else:
        _export_file(trained, source, target, options.format, quantised=options.quantised)


def _export_saved_model(run: RunFolder, trained: Path, source: ImageSource, repository: Path) -> None:
    import keras

    from captcha_keras.export.saved_model import export_saved_model
    from captcha_keras.training.initial import load_initial

    network, spec = load_initial(trained)
    version = export_saved_model(
        network,
        spec,
        repository,
        [source.draw(index).content for index in range(SERVED_SAMPLES)],
        model_name=repository.resolve().name,
        assets={file.name: file.read_bytes() for file in (run.config_file, run.history_file) if file.exists()},
    )
    size = sum(file.stat().st_size for file in version.rglob("*") if file.is_file())
    print(
        f"{version}: {size / 1e6:.1f} MB, reads {SERVED_SAMPLES} new images as {trained} does "
        f"(Keras {keras.__version__})."
    )


def _export_file(trained: Path, source: ImageSource, path: Path, file_format: str, *, quantised: bool) -> None:
    import numpy as np

    from captcha_keras.dataset.labelled import LabelledImages
    from captcha_keras.export.portable import export_litert, export_onnx
    from captcha_keras.training.initial import load_initial

    network, spec = load_initial(trained)
    drawings = [source.draw(index) for index in range(SAMPLES)]
    samples = LabelledImages(
        np.stack([drawing.pixels for drawing in drawings]),
        spec.encode_all(drawing.text for drawing in drawings),
    )
    if file_format == "onnx":
        result = export_onnx(network, spec, path, samples)
    else:
        result = export_litert(network, spec, path, samples, quantised=quantised)
    print(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, reads {result.exported_right:,} of {result.count:,} new images "
        f"right, the network {result.network_right:,}; probabilities differ by at most {result.worst:.2g}."
    )

"""A network as one file for ONNX Runtime or LiteRT: uint8 images in, a softmax for each position out.

The file holds the spec, alphabet and all, and is written only after it was seen to read as the network does.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import CommandError, InputError
from captcha_keras.export.saved_model import require_tensorflow, write_signatures
from captcha_keras.files import write_atomically
from captcha_keras.recognizer.formats import LITERT_SPEC, ONNX_SPEC
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec

ONNX_OPSET = 18
# Greatest difference of a probability in float32; other kernels round otherwise.
TOLERANCE = 1e-3
# Fraction of the images that a quantised network may lose.
MAX_LOST = 0.01


@dataclass(frozen=True)
class Comparison:
    """An exported file beside the network.

    Attributes:
        count: Images that both read.
        network_right: Images that the network reads right.
        exported_right: Images that the file reads right.
        worst: Greatest difference of a probability.
    """

    count: int
    network_right: int
    exported_right: int
    worst: float


def export_onnx(network: keras.Model, spec: CaptchaSpec, path: Path, samples: LabelledImages) -> Comparison:
    """Write an ONNX file with the spec among its metadata, under the key `captcha_keras.spec`.

    Args:
        network: uint8 `(N, height, width, 3)` to `{"char_0": float32 (N, K), …}`, computing in float32.
        spec: Its spec.
        path: The file; none may be there.
        samples: The file must read these as the network does.

    Raises:
        InputError: There is such a file, or a package is missing.
        CommandError: The file reads otherwise; nothing is left behind.
    """
    _check_target(path)
    try:
        import onnx
        import onnxruntime  # noqa: F401  (the check needs it)
        import tf2onnx  # noqa: F401  (Keras does)
    except ImportError as error:
        raise InputError(f"ONNX needs more packages: pip install 'captcha-keras[onnx]' ({error}).") from error
    image = keras.InputSpec(shape=(None, spec.height, spec.width, 3), dtype="uint8", name="image")

    def write(target: Path) -> None:
        with warnings.catch_warnings():
            # tf2onnx 1.17 asks NumPy for `np.object`.
            warnings.simplefilter("ignore", FutureWarning)
            network.export(target, format="onnx", opset_version=ONNX_OPSET, verbose=False, input_signature=[image])
        model = onnx.load(target)
        model.metadata_props.add(key=ONNX_SPEC, value=json.dumps(spec.to_json(), ensure_ascii=False))
        onnx.checker.check_model(model)
        target.write_bytes(model.SerializeToString())

    return _write(network, path, write, Recognizer.load, samples, exact=True)


def export_litert(
    network: keras.Model, spec: CaptchaSpec, path: Path, samples: LabelledImages, *, quantised: bool = False
) -> Comparison:
    """Write a LiteRT file (`.tflite`) with the spec as `spec.json` in a ZIP archive at its end.

    The place is the one that the format has for files that belong to a model: LiteRT reads to the end of its own data.

    Args:
        network: As `export_onnx`.
        spec: Its spec.
        path: The file; none may be there.
        samples: As `export_onnx`; a quantised file may lose one image in a hundred.
        quantised: Weights in 8 bits, computed with in 8 bits where LiteRT can (dynamic-range quantisation).

    Raises:
        InputError: There is such a file, or a package is missing.
        CommandError: The file reads otherwise; nothing is left behind.
    """
    _check_target(path)
    require_tensorflow("A LiteRT file")
    import tensorflow as tf

    def write(target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="captcha-keras-") as folder:
            write_signatures(network, spec, Path(folder))
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["images"])
            if quantised:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            content = io.BytesIO(converter.convert())
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(LITERT_SPEC, json.dumps(spec.to_json(), ensure_ascii=False))
        target.write_bytes(content.getvalue())

    return _write(network, path, write, Recognizer.load, samples, exact=not quantised)


def compare(network: keras.Model, exported: Recognizer, samples: LabelledImages) -> Comparison:
    """Let both read the same images."""
    expected = Recognizer(network.predict_on_batch, exported.spec).probabilities(samples.images)
    found = exported.probabilities(samples.images)

    def right(probabilities: NDArray[np.float32]) -> int:
        return int((probabilities.argmax(axis=-1) == samples.labels).all(axis=-1).sum())

    return Comparison(len(samples.images), right(expected), right(found), float(np.abs(found - expected).max()))


def _check_target(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} is there already; name another file with --to, or remove it.")


def _write(
    network: keras.Model,
    path: Path,
    write: Callable[[Path], Any],
    load: Callable[[Path], Recognizer],
    samples: LabelledImages,
    *,
    exact: bool,
) -> Comparison:
    results = []

    def write_and_check(target: Path) -> None:
        write(target)
        result = compare(network, load(target), samples)
        if exact and not result.worst <= TOLERANCE:
            raise CommandError(f"The exported file's probabilities differ from the network's by {result.worst:.2g}.")
        if result.network_right - result.exported_right > MAX_LOST * result.count:
            raise CommandError(
                f"The exported file reads {result.exported_right} of {result.count} images right, the network "
                f"{result.network_right}."
            )
        results.append(result)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, write_and_check)
    return results[0]

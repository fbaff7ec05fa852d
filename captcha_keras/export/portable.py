"""Export as a single file for ONNX Runtime or LiteRT: uint8 images in, one softmax per position out.

The file holds the whole spec. It appears only after a check that it predicts as the network does.
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

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.errors import CommandError, InputError
from captcha_keras.export.saved_model import require_tensorflow, write_signatures
from captcha_keras.files import write_atomically
from captcha_keras.recognizer.formats import LITERT_SPEC, ONNX_SPEC
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec

ONNX_OPSET = 18
# Maximum difference of a probability in float32: kernels of other runtimes round differently.
TOLERANCE = 1e-3
# Maximum fraction of the images that the network reads right and the file does not.
MAX_LOST = 0.01


@dataclass(frozen=True)
class ExportCheck:
    """Predictions of an exported file compared with those of its network, on the same images.

    Attributes:
        count: Number of images.
        network_right: Images that the network reads right.
        exported_right: Images that the file reads right.
        worst: Maximum difference of a probability.

    Example:
        >>> ExportCheck(count=100, network_right=98, exported_right=97, worst=0.02).exported_right
        97
    """

    count: int
    network_right: int
    exported_right: int
    worst: float


def export_onnx(network: keras.Model, spec: CaptchaSpec, path: Path | str, samples: LabelledImages) -> ExportCheck:
    """Export a network as an ONNX file, with the spec in its metadata under the key `captcha_keras.spec`.

    Args:
        network: uint8 `(N, height, width, 3)` to `{"char_0": float32 (N, K), …}`, computing in float32.
        spec: The network's spec.
        path: The new file.
        samples: Images that the file must read as the network does.

    Returns:
        How the file reads the samples, compared with the network.

    Raises:
        InputError: The file exists already, or a package is missing.
        CommandError: The file predicts otherwise; nothing is left behind.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> spec = CaptchaSpec("AB", 2, 2, width=32, height=32)
        >>> images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
        >>> samples = LabelledImages(images, np.zeros((8, 2), np.int32))
        >>> path = Path(tempfile.mkdtemp()) / "captcha.onnx"
        >>> export_onnx(build_network("vgg", spec), spec, path, samples).worst < 1e-3
        True
        >>> Recognizer.load(path).spec == spec
        True
    """
    path = Path(path)
    _check_target(path)
    try:
        import onnx
        import onnxruntime  # noqa: F401  (for the check)
        import tf2onnx  # noqa: F401  (for `keras.Model.export`)
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

    return _write(network, path, write, samples, exact=True)


def export_litert(
    network: keras.Model, spec: CaptchaSpec, path: Path | str, samples: LabelledImages, *, quantised: bool = False
) -> ExportCheck:
    """Export a network as a LiteRT file (`.tflite`), with the spec as `spec.json` in a ZIP archive at its end.

    This is where the format keeps associated files: LiteRT reads its own data only.

    Args:
        network: As in `export_onnx`.
        spec: The network's spec.
        path: The new file.
        samples: As in `export_onnx`; a quantised file may lose one image in a hundred.
        quantised: Whether weights become 8-bit integers (dynamic-range quantisation).

    Returns:
        How the file reads the samples, compared with the network.

    Raises:
        InputError: The file exists already, or a package is missing.
        CommandError: The file predicts otherwise; nothing is left behind.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> spec = CaptchaSpec("AB", 2, 2, width=32, height=32)
        >>> images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
        >>> samples = LabelledImages(images, np.zeros((8, 2), np.int32))
        >>> path = Path(tempfile.mkdtemp()) / "captcha.tflite"
        >>> export_litert(build_network("vgg", spec), spec, path, samples).worst < 1e-3
        True
        >>> Recognizer.load(path).spec == spec
        True
    """
    path = Path(path)
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

    return _write(network, path, write, samples, exact=not quantised)


def compare(network: keras.Model, exported: Recognizer, samples: LabelledImages) -> ExportCheck:
    """Compare the predictions of a network and of an exported file on the same images.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> spec = CaptchaSpec("AB", 2, 2, width=32, height=32)
        >>> network = build_network("vgg", spec)
        >>> samples = LabelledImages(np.zeros((8, 32, 32, 3), np.uint8), np.zeros((8, 2), np.int32))
        >>> compare(network, Recognizer(network.predict_on_batch, spec), samples).worst
        0.0
    """
    expected = Recognizer(network.predict_on_batch, exported.spec).probabilities(samples.images)
    found = exported.probabilities(samples.images)

    def right(probabilities: NDArray[np.float32]) -> int:
        return int((probabilities.argmax(axis=-1) == samples.labels).all(axis=-1).sum())

    return ExportCheck(len(samples), right(expected), right(found), float(np.abs(found - expected).max()))


def _check_target(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} is there already; name another file with --to, or remove it.")


def _write(
    network: keras.Model,
    path: Path,
    write: Callable[[Path], Any],
    samples: LabelledImages,
    *,
    exact: bool,
) -> ExportCheck:
    """Write the file and check it before it appears; `exact` bounds the probabilities too."""
    results = []

    def write_and_check(target: Path) -> None:
        write(target)
        result = compare(network, Recognizer.load(target), samples)
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

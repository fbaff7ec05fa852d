"""Loads a trained model of each format as a function from pixels to probabilities."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.cores import available_cores
from captcha_keras.errors import InputError
from captcha_keras.recognizer.formats import LITERT_SPEC, ONNX_SPEC, read_spec
from captcha_keras.spec import CaptchaSpec

# uint8 RGB (N, height, width, 3) to {"char_0": (N, K), …}.
Outputs = Callable[[NDArray[np.uint8]], Mapping[str, Any]]


def load_saved_model(version: Path) -> tuple[Outputs, CaptchaSpec]:
    """Load a version that `export_saved_model` wrote.

    Raises:
        InputError: There is none, or it cannot be read.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> outputs, spec = load_saved_model(pretrained_path("captcha") / "1")
        >>> outputs(np.zeros((2, spec.height, spec.width, 3), np.uint8))["char_0"].shape
        TensorShape([2, 36])
    """
    import tensorflow as tf

    spec = read_spec(version)
    try:
        loaded = tf.saved_model.load(str(version))
    except Exception as error:  # TensorFlow raises many kinds on a damaged file
        raise InputError(f"{version} cannot be loaded: {error}") from error

    def outputs(images: NDArray[np.uint8]) -> Mapping[str, Any]:
        result: Mapping[str, Any] = loaded.signatures["images"](image=tf.constant(images))
        return result

    return outputs, spec


def load_onnx(path: Path) -> tuple[Outputs, CaptchaSpec]:
    """Load a file that `export_onnx` wrote; needs ONNX Runtime, not TensorFlow.

    Raises:
        InputError: There is none, it cannot be read, or ONNX Runtime is missing.

    Example:
        >>> size = Path("captcha.onnx").write_bytes(b"no model")
        >>> outputs, spec = load_onnx(Path("captcha.onnx"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        captcha_keras.errors.InputError: captcha.onnx is no ONNX file of captcha-keras: ...
    """
    content = _content(path)
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("ONNX files need ONNX Runtime: pip install 'captcha-keras[onnx]'.") from error
    try:
        options = onnxruntime.SessionOptions()
        # By itself it starts a thread for each core of the machine; more than it may use wait for each other.
        options.intra_op_num_threads = available_cores()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        spec = CaptchaSpec.from_json(json.loads(session.get_modelmeta().custom_metadata_map[ONNX_SPEC]))
    except Exception as error:  # ONNX Runtime raises kinds of its own
        raise InputError(f"{path} is no ONNX file of captcha-keras: {error}") from error
    (given,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {given.name: images}), strict=True)), spec


def load_litert(path: Path) -> tuple[Outputs, CaptchaSpec]:
    """Load a file that `export_litert` wrote; needs LiteRT, not TensorFlow.

    Raises:
        InputError: There is none, it cannot be read, or LiteRT is missing.

    Example:
        >>> size = Path("captcha.tflite").write_bytes(b"no model")
        >>> outputs, spec = load_litert(Path("captcha.tflite"))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: captcha.tflite is no LiteRT file of captcha-keras: File is not a zip file
    """
    content = _content(path)
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise InputError("LiteRT files need LiteRT: pip install 'captcha-keras[litert]'.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            spec = CaptchaSpec.from_json(json.loads(archive.read(LITERT_SPEC)))
        run = Interpreter(model_content=content, num_threads=available_cores()).get_signature_runner()
    except Exception as error:  # LiteRT raises many kinds
        raise InputError(f"{path} is no LiteRT file of captcha-keras: {error}") from error
    return lambda images: run(image=images), spec


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error

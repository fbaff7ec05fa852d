"""The file formats that a trained model is in, and where each of them keeps the spec."""

from __future__ import annotations

import json
from pathlib import Path

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec

# A SavedModel is a folder with this file; TF Serving reads folders of them that are named by their version.
SAVED_MODEL = "saved_model.pb"
SAVED_MODEL_SPEC = Path("assets") / "spec.json"
# The spec is JSON among an ONNX file's metadata, under this key.
ONNX_SPEC = "captcha_keras.spec"
# A LiteRT file may end in a ZIP archive of files that belong to the model; the spec is one of them.
LITERT_SPEC = "spec.json"
SINGLE_FILES = (".onnx", ".tflite")


def read_spec(version: Path) -> CaptchaSpec:
    """Read the spec of a SavedModel.

    Args:
        version: The folder of the version.

    Raises:
        InputError: It has none, or a damaged one.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> spec = read_spec(pretrained_path("captcha") / "1")
        >>> spec.max_length, spec.width, spec.height
        (4, 170, 80)
    """
    path = version / SAVED_MODEL_SPEC
    try:
        return CaptchaSpec.from_json(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise InputError(f"{version} is no exported model: it has no {SAVED_MODEL_SPEC}.") from error
    except ValueError as error:
        raise InputError(f"{path} is no readable JSON file: {error}.") from error

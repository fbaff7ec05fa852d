"""Ready-made networks of other projects, from `pip install 'captcha-keras[readers]'`."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.audit.readers.ctc import CtcReader

# What the recogniser of rapidocr makes of an image: this high, and at least so wide.
HEIGHT, SHORTEST = 48, 320


def rapidocr() -> CtcReader | None:
    """The recogniser inside rapidocr, PP-OCRv6 small: a network for lines of text in many scripts.

    Returns:
        The reader; None if rapidocr or ONNX Runtime is not installed.

    Raises:
        FileNotFoundError: This release holds no such network.

    Example:
        >>> reader = rapidocr()
        >>> reader is None or reader.name == "rapidocr"
        True
    """
    found = find_spec("rapidocr")
    if found is None or find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    # Its file alone: rapidocr itself would load OpenCV and look for lines of text in the image first.
    folder = Path(next(iter(found.submodule_search_locations or ["."])), "models")
    path = next(iter(sorted(folder.glob("*_rec_*.onnx"), reverse=True)), None)
    if path is None:
        raise FileNotFoundError(f"{folder} holds no *_rec_*.onnx")
    options = onnxruntime.SessionOptions()
    # An image is too small for more, and threads that wait for each other take the time of what else runs here.
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    characters = ["", *session.get_modelmeta().custom_metadata_map["character"].splitlines(), " "]
    (given,) = session.get_inputs()

    def probabilities(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        image = Image.fromarray(pixels)
        width = math.ceil(HEIGHT * image.width / image.height)
        batch = np.zeros((1, 3, HEIGHT, max(width, SHORTEST)), np.float32)
        scaled = np.asarray(image.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32) / 127.5 - 1
        # It was trained on blue, green, red.
        batch[0, :, :, :width] = scaled[..., ::-1].transpose(2, 0, 1)
        rows: NDArray[np.float32] = session.run(None, {given.name: batch})[0][0]
        return rows

    return CtcReader("rapidocr", characters, probabilities)


def ddddocr() -> CtcReader | None:
    """The default network of ddddocr, which was trained on CAPTCHAs.

    Returns:
        The reader; None if ddddocr is not installed.

    Example:
        >>> reader = ddddocr()
        >>> reader is None or reader.name == "ddddocr"
        True
    """
    if find_spec("ddddocr") is None:
        return None
    from ddddocr import DdddOcr

    network = DdddOcr(show_ad=False)
    # In the order of the columns; the blank is the first.
    characters = network.classification(Image.new("RGB", (64, 64)), probability=True)["charset"]

    def probabilities(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = network.classification(Image.fromarray(pixels), probability=True)["probabilities"]
        # (steps, 1, columns); other releases have the first two the other way round.
        rows = np.array(found, np.float32)
        return rows.reshape(-1, rows.shape[-1])

    return CtcReader("ddddocr", characters, probabilities)

"""Reads with PP-OCRv6 small, the recogniser inside rapidocr: python read_rapidocr.py REQUEST.json ANSWER.npz.

The request has `files` and `characters`. The answer has an array `(steps, 1 + characters)` for each file: the
probabilities of CTC's blank and of the characters. Runs in an environment of its own.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import rapidocr  # type: ignore[import-not-found]
from PIL import Image

HEIGHT, SHORTEST = 48, 320


def main(request: dict[str, list[str]], answer: str) -> None:
    """Read the files; sizes and scaling are those of rapidocr's own recogniser."""
    model = next(Path(rapidocr.__file__).parent.glob("models/PP-OCRv6_rec_small.onnx"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    known = ["", *session.get_modelmeta().custom_metadata_map["character"].splitlines()]
    columns = [0, *(known.index(character) for character in request["characters"])]
    rows = []
    for file in request["files"]:
        image = Image.open(file).convert("RGB")
        width = math.ceil(HEIGHT * image.width / image.height)
        pixels = np.zeros((1, 3, HEIGHT, max(width, SHORTEST)), np.float32)
        scaled = np.asarray(image.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32) / 127.5 - 1
        # It was trained on blue, green, red.
        pixels[0, :, :, :width] = scaled[..., ::-1].transpose(2, 0, 1)
        rows.append(session.run(None, {session.get_inputs()[0].name: pixels})[0][0][:, columns])
    np.savez(answer, *rows)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2])

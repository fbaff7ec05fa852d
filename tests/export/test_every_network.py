"""Every network of the registry in every file format, read without TensorFlow where the format allows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.export.portable import export_litert, export_onnx
from captcha_keras.export.saved_model import export_saved_model
from captcha_keras.networks.registry import NETWORKS, build_network
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from data_gen import Series
from data_gen.style import PRESETS

SPEC = CaptchaSpec("0OX", 1, 3, 100, 80)
SOURCE = Series(SPEC, 7, style=PRESETS["separated"]).source()
DRAWN = [SOURCE.draw(index) for index in range(8)]
PIXELS = np.stack([drawing.pixels for drawing in DRAWN])
# The tens of millions of weights of single_head take two minutes.
NAMES = [pytest.param(name, marks=pytest.mark.long if name == "single_head" else ()) for name in NETWORKS]

READ = """
import sys
for name in ("tensorflow", "keras", "pandas", "onnx"):
    sys.modules[name] = None
from captcha_keras.dataset.images import read_image
from captcha_keras.recognizer.recognizer import Recognizer
recognizer = Recognizer.load(sys.argv[1])
for prediction in recognizer.read([read_image(path) for path in sys.argv[2:]]):
    print(prediction.text)
"""


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_the_same_in_every_format(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    network = build_network(name, SPEC)
    samples = LabelledImages(PIXELS, SPEC.encode_all(drawing.text for drawing in DRAWN))
    expected = Recognizer(network.predict_on_batch, SPEC).probabilities(PIXELS)
    assert len(np.unique(expected.round(5))) > 8
    files = [tmp_path / "m.onnx", tmp_path / "m.tflite"]
    export_onnx(network, SPEC, files[0], samples)
    export_litert(network, SPEC, files[1], samples)
    files.append(export_saved_model(network, SPEC, tmp_path / "versions", [drawing.content for drawing in DRAWN]))
    for file in files:
        np.testing.assert_allclose(Recognizer.load(file).probabilities(PIXELS), expected, atol=1e-4)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, image in zip(paths, PIXELS, strict=False):
        Image.fromarray(image).save(path)
    words = [sys.executable, "-c", READ, str(files[0]), *map(str, paths)]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == SPEC.decode_all(expected[:3].argmax(-1))

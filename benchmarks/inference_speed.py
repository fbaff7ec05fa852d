"""From an image file to its text: one image at a time, and in batches, on one core and in several engines.

python -m benchmarks.inference_speed      (needs the extra "bench": ONNX Runtime, LiteRT)
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Subject, interleaved, report

BATCH = 256
Read = Callable[[list[Path]], Sequence[str]]


def reading(engine: str, version: str, folder: str, batch: int, count: int) -> Callable[[], int]:
    """Read the first `count` files of a folder, `batch` at a time."""
    os.sched_setaffinity(0, {0})
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    files = sorted(Path(folder).glob("*.jpg"))
    read = ENGINES[engine](Path(version))
    expected = [path.stem.split("-")[1] for path in files]

    def work() -> int:
        return sum(len(read(files[first : first + batch])) for first in range(0, count, batch))

    texts = [text for first in range(0, len(files), batch) for text in read(files[first : first + batch])]
    wrong = sum(text != truth for text, truth in zip(texts, expected, strict=True))
    if wrong > len(files) // 20:
        raise RuntimeError(f"{engine} misreads {wrong} of {len(files)} images")
    return work


def _by_pixels(version: Path, outputs: Callable[[Any], dict[str, Any]]) -> Read:
    """Pillow decodes, `outputs` reads."""
    import numpy as np

    from captcha_keras.export import read_spec
    from captcha_keras.images import read_image

    spec = read_spec(version)

    def read(files: list[Path]) -> Sequence[str]:
        answer = outputs(np.stack([read_image(file) for file in files]))
        stacked = np.stack([np.asarray(answer[head]) for head in spec.head_names], axis=1)
        return spec.decode_all(stacked.argmax(axis=-1))

    return read


def recognizer(version: Path) -> Read:
    """`Recognizer`, as `predict` uses it."""
    from captcha_keras.images import read_image
    from captcha_keras.predict import Recognizer

    engine = Recognizer.from_saved_model(version)
    return lambda files: [reading.text for reading in engine.read([read_image(file) for file in files])]


def served(version: Path) -> Read:
    """`serving_default`, which decodes in the graph, as a server calls it."""
    import tensorflow as tf

    model = tf.saved_model.load(str(version))
    signature = model.signatures["serving_default"]

    def read(files: list[Path]) -> Sequence[str]:
        answer = signature(image_bytes=tf.constant([file.read_bytes() for file in files]))
        return [text.decode() for text in answer["text"].numpy()]

    return read


def keras_network(method: str) -> Callable[[Path], Read]:
    """A method of the Keras network of the same weights."""

    def load(version: Path) -> Read:
        import numpy as np
        import tensorflow as tf

        from captcha_keras.export import read_spec
        from captcha_keras.networks import build_network

        network = build_network("vgg", read_spec(version))
        for variable, value in zip(network.variables, tf.saved_model.load(str(version)).weights, strict=True):
            variable.assign(np.asarray(value))
        words = {"verbose": 0} if method == "predict" else {}
        return _by_pixels(version, lambda images: getattr(network, method)(images, **words))

    return load


def onnx_runtime(version: Path) -> Read:
    """ONNX Runtime, converted by tf2onnx."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        words = ["--saved-model", version, "--signature_def", "images", "--output", path, "--opset", 18]
        subprocess.run([sys.executable, "-m", "tf2onnx.convert", *map(str, words)], check=True, capture_output=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return _by_pixels(version, lambda images: dict(zip(names, session.run(names, {"image": images}), strict=True)))


def lite_rt(version: Path) -> Read:
    """LiteRT with XNNPACK."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    converter = tf.lite.TFLiteConverter.from_saved_model(str(version), signature_keys=["images"])
    interpreter = Interpreter(model_content=converter.convert(), num_threads=1)
    run = interpreter.get_signature_runner("images")
    return _by_pixels(version, lambda images: run(image=images))


ENGINES: dict[str, Callable[[Path], Read]] = {
    "Recognizer (SavedModel, Pillow decodes)": recognizer,
    "SavedModel, serving_default (decodes itself)": served,
    "Keras, predict_on_batch": keras_network("predict_on_batch"),
    "Keras, predict": keras_network("predict"),
    "ONNX Runtime": onnx_runtime,
    "LiteRT": lite_rt,
}


def drawing(count: int) -> Callable[[], int]:
    """What drawing and encoding the images costs on the same core."""
    os.sched_setaffinity(0, {0})
    from captcha_keras.spec import CaptchaSpec
    from data_gen import ImageSource

    source = ImageSource(CaptchaSpec(), "inference")

    def work() -> int:
        for index in range(count):
            source.draw(index)
        return count

    return work


def main() -> None:
    """Measure and report."""
    from captcha_keras.export import read_spec
    from captcha_keras.trained import SHIPPED, find_model
    from data_gen import ImageSource

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=SHIPPED, metavar="DIR", help="an exported model (the shipped one)"
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="turns (%(default)s)")
    parser.add_argument("--only", nargs="+", default=list(ENGINES), choices=ENGINES, metavar="ENGINE")
    given = parser.parse_args()
    version = find_model(given.model).path
    with tempfile.TemporaryDirectory() as folder:
        source = ImageSource(read_spec(version), "inference")
        for index in range(2 * BATCH):
            image = source.draw(index)
            (Path(folder) / f"{index:05}-{image.text}.jpg").write_bytes(image.content)
        for name, batch, count in (("one image", 1, 256), (f"batches of {BATCH}", BATCH, 2 * BATCH)):
            subjects: dict[str, Subject] = {
                engine: (reading, (engine, str(version), folder, batch, count)) for engine in given.only
            }
            subjects["drawing and encoding one"] = (drawing, (count,))
            rates = interleaved(subjects, given.repeats)
            packages = ["tensorflow", "keras", "pillow", "onnxruntime", "ai-edge-litert"]
            report(f"inference_speed_{'one' if batch == 1 else 'batches'}", rates, given.only[0], packages)
            print(f"\n{name}, milliseconds an image (median turn):")
            for engine, values in rates.items():
                print(f"{engine:46}{1000 / sorted(values)[len(values) // 2]:8.2f}")


if __name__ == "__main__":
    main()

"""From an image file to its text: one image at a time, and in batches, on one core and in several engines.

python -m benchmarks.inference_speed      (needs the extra "bench": ONNX Runtime, LiteRT)
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Subject, interleaved, report

if TYPE_CHECKING:
    import keras

    from captcha_keras.recognizer.recognizer import Recognizer

BATCH = 256
Read = Callable[[list[Path]], Sequence[str]]


def file_reader(engine: str, version: str, folder: str, batch: int, count: int) -> Callable[[], int]:
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


def _recognizing(engine: Recognizer) -> Read:
    """Pillow decodes, the engine reads."""
    from captcha_keras.dataset.images import read_image

    return lambda files: [prediction.text for prediction in engine.read([read_image(file) for file in files])]


def saved_model(version: Path) -> Read:
    """The SavedModel, as `predict` uses it."""
    from captcha_keras.recognizer.recognizer import Recognizer

    return _recognizing(Recognizer.load(version))


def served(version: Path) -> Read:
    """`serving_default`, which decodes in the graph, as a server calls it."""
    import tensorflow as tf

    model = tf.saved_model.load(str(version))
    signature = model.signatures["serving_default"]

    def read(files: list[Path]) -> Sequence[str]:
        answer = signature(image_bytes=tf.constant([file.read_bytes() for file in files]))
        return [text.decode() for text in answer["text"].numpy()]

    return read


def network_of(version: Path) -> keras.Model:
    """A Keras network with the weights of a SavedModel."""
    from captcha_keras.training.initial import load_initial

    return load_initial(version)[0]


def keras_predict_on_batch(version: Path) -> Read:
    """Keras, one call a batch."""
    from captcha_keras.recognizer.formats import read_spec
    from captcha_keras.recognizer.recognizer import Recognizer

    return _recognizing(Recognizer(network_of(version).predict_on_batch, read_spec(version)))


def keras_predict(version: Path) -> Read:
    """Keras, with a data pipeline for each call."""
    from captcha_keras.recognizer.formats import read_spec
    from captcha_keras.recognizer.recognizer import Recognizer

    network = network_of(version)
    return _recognizing(Recognizer(lambda images: network.predict(images, verbose=0), read_spec(version)))


def onnx_runtime(version: Path) -> Read:
    """`captcha-keras export --format onnx`, read by ONNX Runtime."""
    from captcha_keras.export.portable import export_onnx

    return _exported(version, export_onnx, "model.onnx")


def lite_rt(version: Path) -> Read:
    """`captcha-keras export --format litert`, read by LiteRT with XNNPACK."""
    from captcha_keras.export.portable import export_litert

    return _exported(version, export_litert, "model.tflite")


def _exported(version: Path, export: Callable[..., Any], name: str) -> Read:
    import numpy as np

    from captcha_keras.dataset.labelled import LabelledImages
    from captcha_keras.recognizer.formats import read_spec
    from captcha_keras.recognizer.recognizer import Recognizer
    from data_gen import Series

    spec = read_spec(version)
    source = Series(spec, "check").source()
    drawn = [source.draw(index) for index in range(64)]
    samples = LabelledImages(
        np.stack([image.pixels for image in drawn]), spec.encode_all(image.text for image in drawn)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        export(network_of(version), spec, path, samples)
        return _recognizing(Recognizer.load(path))


ENGINES: dict[str, Callable[[Path], Read]] = {
    "Recognizer (SavedModel, Pillow decodes)": saved_model,
    "SavedModel, serving_default (decodes itself)": served,
    "Keras, predict_on_batch": keras_predict_on_batch,
    "Keras, predict": keras_predict,
    "ONNX Runtime": onnx_runtime,
    "LiteRT": lite_rt,
}


def drawing(count: int) -> Callable[[], int]:
    """What drawing and encoding the images costs on the same core."""
    os.sched_setaffinity(0, {0})
    from captcha_keras.spec import CaptchaSpec
    from data_gen import Series

    source = Series(CaptchaSpec(), "inference").source()

    def work() -> int:
        for index in range(count):
            source.draw(index)
        return count

    return work


def main() -> None:
    """Measure and report."""
    from captcha_keras.recognizer.formats import read_spec
    from captcha_keras.recognizer.locate import find_model
    from captcha_keras.recognizer.pretrained import pretrained_path
    from data_gen import Series

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        type=Path,
        default=pretrained_path("captcha"),
        metavar="DIR",
        help="an exported model (the pretrained one)",
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="turns (%(default)s)")
    parser.add_argument("--only", nargs="+", default=list(ENGINES), choices=ENGINES, metavar="ENGINE")
    given = parser.parse_args()
    version = find_model(given.model).path
    with tempfile.TemporaryDirectory() as folder:
        source = Series(read_spec(version), "inference").source()
        for index in range(2 * BATCH):
            image = source.draw(index)
            (Path(folder) / f"{index:05}-{image.text}.jpg").write_bytes(image.content)
        for name, batch, count in (("one image", 1, 256), (f"batches of {BATCH}", BATCH, 2 * BATCH)):
            subjects: dict[str, Subject] = {
                engine: (file_reader, (engine, str(version), folder, batch, count)) for engine in given.only
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

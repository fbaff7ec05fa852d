"""Images to readings, with a trained network."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.cores import available_cores
from captcha_keras.errors import InputError
from captcha_keras.images import fit
from captcha_keras.reading import Reading
from captcha_keras.spec import CaptchaSpec

if TYPE_CHECKING:
    from captcha_keras.trained import TrainedModel

BATCH = 256
# Where an ONNX file has its spec, as JSON; a LiteRT file has it in a ZIP archive at its end, as the format provides.
ONNX_SPEC = "captcha_keras.spec"
LITERT_SPEC = "spec.json"
FILES = (".onnx", ".tflite")


class Recognizer:
    """A trained network together with its spec.

    Args:
        outputs: Takes uint8 RGB `(N, height, width, 3)`, gives `{"char_0": (N, K), …}`: a Keras network's
            `predict_on_batch`, or a signature of a SavedModel.
        spec: The spec that it was built for.
    """

    def __init__(self, outputs: Callable[[NDArray[np.uint8]], Mapping[str, Any]], spec: CaptchaSpec) -> None:
        self.spec = spec
        self._outputs = outputs

    @classmethod
    def load(cls, path: Path | str) -> Recognizer:
        """Load a run's best network or an exported model.

        Args:
            path: A run folder, a file inside of it, a version of an exported model, the folder of its versions, or an
                ONNX or LiteRT file.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        if Path(path).suffix == ".onnx":
            return cls.from_onnx(path)
        if Path(path).suffix == ".tflite":
            return cls.from_litert(path)
        from captcha_keras.trained import find_model

        return cls.of(find_model(Path(path)))

    @classmethod
    def of(cls, model: TrainedModel) -> Recognizer:
        """Load a model that was found.

        Raises:
            InputError: It cannot be read.
        """
        return cls.from_saved_model(model.path) if model.exported else cls.from_run(model.path)

    @classmethod
    def from_run(cls, path: Path | str) -> Recognizer:
        """Load the best network of a run folder.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        from captcha_keras.training.run_folder import RunFolder

        run = RunFolder(Path(path))
        spec = run.read_spec()
        return cls(run.load_network().predict_on_batch, spec)

    @classmethod
    def from_saved_model(cls, version: Path | str) -> Recognizer:
        """Load a version that `captcha-keras export` wrote.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        import tensorflow as tf

        from captcha_keras.export import read_spec

        spec = read_spec(Path(version))
        try:
            loaded = tf.saved_model.load(str(version))
        except Exception as error:  # TensorFlow raises many kinds on a damaged file
            raise InputError(f"{version} cannot be loaded: {error}") from error

        def outputs(images: NDArray[np.uint8]) -> Mapping[str, Any]:
            result: Mapping[str, Any] = loaded.signatures["images"](image=tf.constant(images))
            return result

        return cls(outputs, spec)

    @classmethod
    def from_onnx(cls, path: Path | str) -> Recognizer:
        """Load an ONNX file that `captcha-keras export` wrote; needs ONNX Runtime, not TensorFlow.

        Raises:
            InputError: There is none, it cannot be read, or ONNX Runtime is missing.
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
        return cls(lambda images: dict(zip(names, session.run(names, {given.name: images}), strict=True)), spec)

    @classmethod
    def from_litert(cls, path: Path | str) -> Recognizer:
        """Load a LiteRT file that `captcha-keras export` wrote; needs LiteRT, not TensorFlow.

        Raises:
            InputError: There is none, it cannot be read, or LiteRT is missing.
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
        return cls(lambda images: run(image=images), spec)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of every class.

        Args:
            images: uint8 RGB `(N, height, width, 3)` of the spec's size.

        Returns:
            float32 `(N, L, K)`; each row of K sums to 1.
        """
        parts = [self._batch(images[first : first + BATCH]) for first in range(0, len(images), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self.spec.max_length, self.spec.num_classes), "float32")

    def _batch(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = self._outputs(images)
        return np.stack([np.asarray(outputs[head]) for head in self.spec.head_names], axis=1)

    def timed_probabilities(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """`probabilities`, and the seconds an image took in batches, after a warm-up."""
        self.probabilities(images[:BATCH])
        begin = time.perf_counter()
        result = self.probabilities(images)
        return result, (time.perf_counter() - begin) / len(images)

    def read(self, images: Sequence[NDArray[np.uint8]]) -> list[Reading]:
        """Read images of any size, each uint8 RGB `(height, width, 3)`; they are resized to the spec's."""
        if not images:
            return []
        fitted = np.stack([fit(image, self.spec.width, self.spec.height) for image in images])
        return readings(self.probabilities(fitted), self.spec)


def _content(path: Path | str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def readings(probabilities: NDArray[np.float32], spec: CaptchaSpec) -> list[Reading]:
    """The readings of probabilities `(N, L, K)`."""
    texts = spec.decode_all(probabilities.argmax(axis=-1))
    best = probabilities.max(axis=-1)
    return [
        Reading(text, float(np.prod(row)), tuple(float(value) for value in row))
        for text, row in zip(texts, best, strict=True)
    ]

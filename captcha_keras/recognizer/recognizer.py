"""A trained network together with its spec: images in, texts out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.batching import INFERENCE_BATCH_SIZE, batch_slices
from captcha_keras.dataset.images import fit_to
from captcha_keras.recognizer.decoding import predictions_from
from captcha_keras.recognizer.inputs import ImageFile, ImageInput, to_pixels_each
from captcha_keras.recognizer.limits import Length, limit_mask, limit_probabilities
from captcha_keras.recognizer.loading import Outputs, load_litert, load_onnx, load_saved_model
from captcha_keras.recognizer.locate import TrainedModel, find_model
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.spec import CaptchaSpec


class Recognizer:
    """A trained network that reads images.

    Args:
        outputs: Takes uint8 RGB `(N, height, width, 3)`, gives `{"char_0": (N, K), …}`: a Keras network's
            `predict_on_batch`, or a signature of a SavedModel.
        spec: The spec that it was built for.

    Example:
        >>> from data_gen import Series
        >>> drawing = Series(seed=2).source().draw(0)
        >>> recognizer = Recognizer.from_pretrained("captcha")
        >>> recognizer.read(drawing.content).text == drawing.text
        True
    """

    def __init__(self, outputs: Outputs, spec: CaptchaSpec) -> None:
        self.spec = spec
        self._outputs = outputs

    @classmethod
    def from_pretrained(cls, name: str = "captcha") -> Recognizer:
        """Load a model that comes with this package; `list_pretrained` has their names.

        Raises:
            InputError: There is no such model.
        """
        return cls.load(pretrained_path(name))

    @classmethod
    def load(cls, model: Path | str | TrainedModel) -> Recognizer:
        """Load a trained model.

        Args:
            model: A run folder (its best network counts), a `.keras` file inside of one, a version of an exported
                model, the folder of its versions (the latest counts), an ONNX or LiteRT file, or what `find_model`
                found.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        if not isinstance(model, TrainedModel):
            path = Path(model)
            if path.suffix == ".onnx":
                return cls(*load_onnx(path))
            if path.suffix == ".tflite":
                return cls(*load_litert(path))
            model = find_model(path)
        if model.exported:
            return cls(*load_saved_model(model.path))
        spec = model.run.read_spec()
        return cls(model.run.load_network(model.file).predict_on_batch, spec)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of every class.

        Args:
            images: uint8 RGB `(N, height, width, 3)` of the spec's size.

        Returns:
            float32 `(N, L, K)`; each row of K sums to 1.
        """
        parts = [self._batch(images[rows]) for rows in batch_slices(len(images))]
        return np.concatenate(parts) if parts else np.empty((0, self.spec.max_length, self.spec.num_classes), "float32")

    def timed_probabilities(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """`probabilities`, and the seconds an image took in batches, after a warm-up."""
        # A network is traced anew for each size of a batch: for the full ones, and for the last one.
        for size in {min(INFERENCE_BATCH_SIZE, len(images)), len(images) % INFERENCE_BATCH_SIZE} - {0}:
            self.probabilities(images[:size])
        begin = time.perf_counter()
        result = self.probabilities(images)
        return result, (time.perf_counter() - begin) / len(images)

    # A path is an iterable of strings too, but means one image. An array may be one image or several.
    @overload
    def read(  # type: ignore[overload-overlap]
        self, images: ImageFile, *, alphabet: str | None = None, length: Length | None = None
    ) -> Prediction: ...

    @overload
    def read(self, images: NDArray[np.uint8], *, alphabet: str | None = None, length: Length | None = None) -> Any: ...

    @overload
    def read(
        self, images: Iterable[ImageInput], *, alphabet: str | None = None, length: Length | None = None
    ) -> list[Prediction]: ...

    def read(
        self,
        images: ImageInput | Iterable[ImageInput],
        *,
        alphabet: str | None = None,
        length: Length | None = None,
    ) -> Prediction | list[Prediction]:
        """Read one image or several, of any size.

        The limits act on the probabilities: each head answers the likeliest of the classes that are left to it, and the
        confidence is the probability among these.

        Args:
            images: A path, the bytes of a PNG or JPEG file, a PIL image, or a uint8 array (RGB, RGBA or grey); or
                several of these, or an array `(N, height, width, 3)`. Images are fitted into the spec's size.
            alphabet: The only characters that the texts may have.
            length: How many characters the texts have: 4, "4-6" or (4, 6).

        Returns:
            A `Prediction` for one image, a list of them for several.

        Raises:
            InputError: One is no image, or the network knows no text within the limits.
        """
        mask = None if alphabet is None and length is None else limit_mask(self.spec, alphabet, length)
        pixels, single = to_pixels_each(images)
        if not pixels:
            return []
        probabilities = self.probabilities(np.stack([fit_to(image, self.spec) for image in pixels]))
        if mask is not None:
            probabilities = limit_probabilities(probabilities, mask)
        found = predictions_from(probabilities, self.spec)
        return found[0] if single else found

    def _batch(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = self._outputs(images)
        return np.stack([np.asarray(outputs[head]) for head in self.spec.head_names], axis=1)

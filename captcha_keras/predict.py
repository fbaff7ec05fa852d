"""Images to readings, with a trained network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from captcha_keras.errors import InputError
from captcha_keras.images import fit
from captcha_keras.pipeline import batches
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.run_folder import RunFolder

BATCH = 256


@dataclass(frozen=True)
class Reading:
    """What a network reads in one image.

    Attributes:
        text: The text.
        confidence: Product of the heads' greatest probabilities, 0 to 1.
        char_confidence: The greatest probability of each head, shape `(L,)`.
    """

    text: str
    confidence: float
    char_confidence: tuple[float, ...]


class Recognizer:
    """A trained network together with its spec.

    Args:
        network: Model with the outputs `char_0 …`, each `(N, K)`.
        spec: The spec that it was built for.
    """

    def __init__(self, network: keras.Model, spec: CaptchaSpec) -> None:
        self.network = network
        self.spec = spec

    @classmethod
    def from_run(cls, path: Path | str) -> Recognizer:
        """Load the best network of a run folder.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        run = RunFolder(Path(path))
        spec = run.read_spec()
        if not run.best_model.is_file():
            raise InputError(f"{run.path} has no {run.best_model.name} yet: its first epoch is not finished.")
        try:
            network = keras.saving.load_model(run.best_model, compile=False)
        except Exception as error:  # Keras raises many kinds on a damaged file
            raise InputError(f"{run.best_model} cannot be loaded: {error}") from error
        return cls(network, spec)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of every class.

        Args:
            images: uint8 RGB `(N, height, width, 3)` of the spec's size.

        Returns:
            float32 `(N, L, K)`; each row of K sums to 1.
        """
        outputs = self.network.predict(batches(images, BATCH), verbose=0)
        return np.stack([outputs[head] for head in self.spec.head_names], axis=1)

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


def readings(probabilities: NDArray[np.float32], spec: CaptchaSpec) -> list[Reading]:
    """The readings of probabilities `(N, L, K)`."""
    texts = spec.decode_all(probabilities.argmax(axis=-1))
    best = probabilities.max(axis=-1)
    return [
        Reading(text, float(np.prod(row)), tuple(float(value) for value in row))
        for text, row in zip(texts, best, strict=True)
    ]
